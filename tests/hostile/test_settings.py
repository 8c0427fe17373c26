"""No setting that people change in a browser leads a server anywhere: addresses, places and keys are the operator's."""

from __future__ import annotations

from base64 import b64encode
from dataclasses import dataclass
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask

from core.admin.settings import TOPICS
from core.config import Config, config
from core.contracts import Plugin
from core.db import db
from core.engine.plugins import plugins, settings_of
from core.engine.settings import Field, fields, setting
from core.engine.standing import CORE
from core.models import Setting, SettingChange
from core.rooms.settings import RoomSettings
from core.testing import leads_somewhere, set_in_browsers
from docs.settings import manifests
from tests.hostile.conftest import World

ELSEWHERE = "http://169.254.169.254/latest/meta-data"
NAMES = [plugin.name for plugin in manifests()]
KEY = b64encode(b"k" * 32).decode()
# What those need that don't start without.
NEEDED: dict[str, dict[str, Any]] = {
    "storage_s3": {
        "bucket": "lectures",
        "access_key": "a",
        "secret_key": "s",
        "endpoint": "http://127.0.0.1:9",
    },
    "dev_gate": {"access_key": "", "allowed_ips": ["127.0.0.1"]},
    "export_gdrive": {"client_id": "id", "client_secret": "s" * 32, "key": KEY},
}


@dataclass(frozen=True)
class Careless:
    """What must not be: each of these would lead somewhere."""

    summary_url: str = setting("", editable=True)
    url: str = setting("", editable=True)
    endpoint: str = setting("", editable=True)
    whisper_folder: str = setting("", editable=True)
    instance_dir: str = setting("", editable=True)
    speech_key: str = setting("", editable=True)
    mail_address: str = setting("", editable=True)
    trusted_proxies: str = setting("", editable=True)
    trusted_hosts: str = setting("", editable=True)
    more_hosts: list[str] = setting(factory=list, editable=True)
    by_server: dict[str, str] = setting(factory=dict, editable=True)
    host: str | None = setting(None, editable=True)


@dataclass(frozen=True)
class Harmless:
    address_tries: int = setting(5, editable=True)
    keep_files_days: int = setting(0, editable=True)
    summary_url: str = setting("")
    for_hosts: bool = setting(False, editable=True)
    most_hosts: int | None = setting(None, editable=True)
    drawn_by_server: str = setting("cpu", editable=True, choices=("cpu", "gpu"))
    kinds_of_file: tuple[str, ...] = setting((), editable=True, choices=("pdf", "text"))


@dataclass(frozen=True)
class Code:
    code: str = setting("", secret=True)


def test_what_leads_somewhere_is_known_by_its_name_or_as_a_secret() -> None:
    assert [one.name for one in set_in_browsers(Careless) if not leads_somewhere(one)] == []
    assert len(list(set_in_browsers(Careless))) == len(fields(Careless))
    assert not [one.name for one in set_in_browsers(Harmless) if leads_somewhere(one)]
    assert [one.name for one in set_in_browsers(Harmless, Code, None)] == [
        "address_tries",
        "keep_files_days",
        "for_hosts",
        "most_hosts",
        "drawn_by_server",
        "kinds_of_file",
        "code",
    ]
    assert leads_somewhere(fields(Code)["code"])


def test_no_setting_of_core_that_is_set_in_a_browser_leads_a_server_anywhere() -> None:
    known = list(set_in_browsers(Config, RoomSettings))
    assert len(known) > 30
    assert [one.name for one in known if leads_somewhere(one)] == []


@pytest.mark.parametrize("plugin", manifests(), ids=lambda plugin: plugin.name)
def test_no_setting_of_a_plugin_that_is_set_in_a_browser_leads_a_server_anywhere(plugin: Plugin) -> None:
    """What people choose for an export is looked at by the plugins' contract, here only what is kept."""
    known = set_in_browsers(plugin.settings, plugin.room_settings)
    assert [one.name for one in known if leads_somewhere(one)] == []


@pytest.fixture
def app(make_app: Any) -> Flask:
    """Everything that comes with Audimax, with what it needs to start."""
    made: Flask = make_app(*NAMES, plugins=NEEDED)
    return made


def kept_from_browsers(cls: Any) -> list[Field]:
    return [one for one in fields(cls).values() if not one.editable]


def forged(scope: str, known: list[Field]) -> dict[str, str]:
    """A form that names them as the page names what may be set, as if it had shown them."""
    names = [f"{scope}.{one.name}" for one in known]
    return {
        **{one.name: ELSEWHERE for one in known},
        **dict.fromkeys(names, ELSEWHERE),
        **{f"was.{name}": "" for name in names},
        **{f"{name}.may": "on" for name in names},
    }


def held(app: Flask) -> dict[str, Any]:
    with app.app_context():
        return {CORE: config(), **{name: settings_of(name) for name in plugins.loaded}}


def written(app: Flask) -> int:
    with app.app_context():
        rows = (db.session.scalars(sa.select(one)).all() for one in (Setting, SettingChange))
        return sum(map(len, rows))


@pytest.mark.parametrize("scope", [CORE, *NAMES])
def test_an_administrator_who_names_them_all_the_same_changes_nothing(
    app: Flask, world: World, scope: str
) -> None:
    before = held(app)
    form = forged(scope, kept_from_browsers(type(before[scope])))
    groups = [f"{CORE}.{topic}" for topic in TOPICS] if scope == CORE else [scope]
    for group in groups:
        for more in ({}, {"reset": next(iter(form), "")}):
            answer = world.admin.post(f"/admin/settings/{group}", data={**form, **more})
            assert answer.status_code in (303, 404, 422), answer.text
        assert world.admin.post(f"/admin/room-settings/{scope}", data=form).status_code in (303, 404, 422)
    assert held(app) == before and written(app) == 0


def test_the_assistants_address_is_not_an_administrators_to_set(app: Flask, world: World) -> None:
    """The same with one that does change something: what may be set is, the address beside it isn't."""
    form = {
        **forged("ai_assistant", [fields(type(held(app)["ai_assistant"]))["summary_url"]]),
        "ai_assistant.summary_model": "gpt",
        "was.ai_assistant.summary_model": held(app)["ai_assistant"].summary_model,
    }
    before = held(app)["ai_assistant"].summary_url
    assert world.admin.post("/admin/settings/ai_assistant", data=form).status_code == 303
    now = held(app)["ai_assistant"]
    assert (now.summary_model, now.summary_url) == ("gpt", before)
    assert written(app) == 2
