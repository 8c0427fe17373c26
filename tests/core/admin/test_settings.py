"""Settings that an administrator changes while the app runs."""

from __future__ import annotations

import html
import re
from collections.abc import Callable
from dataclasses import fields as dataclass_fields
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask
from flask.testing import FlaskClient

from core.admin.settings import TOPICS
from core.config import Config, config
from core.db import db
from core.engine.plugins import plugins, settings_of
from core.engine.settings import fields
from core.models import AuditEntry, Setting, SettingChange
from tests.core.admin.conftest import copy_session

PAGE = "/admin/settings"
PLANTED = "planted-Sk7q2-never-shown"


def boxes(text: str) -> dict[str, str]:
    """What the page's hidden fields say that was shown."""
    found = re.findall(r'<input type="hidden" name="(was\.[^"]+)" value="([^"]*)">', text)
    return {name: html.unescape(value) for name, value in found}


def form_of(page: FlaskClient, group: str, **typed: str) -> dict[str, str]:
    """A group's form as a browser sends it, with some boxes changed: ``core__institution="X"``."""
    shown = boxes(page.get(PAGE).text)
    scope, _dot, topic = group.partition(".")
    names = TOPICS[topic][1].split() if topic else None
    mine = {name: value for name, value in shown.items() if name.startswith(f"was.{scope}.")}
    mine = {n: v for n, v in mine.items() if names is None or n.rpartition(".")[2] in names}
    given = {**mine, **{name.removeprefix("was."): value for name, value in mine.items()}}
    given |= {name.replace("__", "."): value for name, value in typed.items()}
    return {name: value for name, value in given.items() if value or name.startswith("was.")}


def save(page: FlaskClient, group: str, **typed: str) -> Any:
    return page.post(f"{PAGE}/{group}", data=form_of(page, group, **typed))


def held(app: Flask) -> Config:
    with app.app_context():
        return config()


@pytest.fixture
def history(app: Flask) -> Callable[[], list[tuple[Any, ...]]]:
    def look() -> list[tuple[Any, ...]]:
        with app.app_context():
            query = sa.select(
                SettingChange.name, SettingChange.before, SettingChange.after, SettingChange.actor_name
            )
            return [tuple(row) for row in db.session.execute(query.order_by(SettingChange.id))]

    return look


def test_a_change_holds_at_once_and_is_written_down(
    app: Flask, boss: FlaskClient, history: Any, audited: Any
) -> None:
    assert save(boss, "core.institution", core__institution="  Uni  Ulm ").status_code == 303
    assert held(app).institution == "Uni Ulm"
    assert "Uni Ulm" in boss.get("/").text
    assert history() == [("institution", None, "Uni Ulm", "Grace Hopper")]
    assert audited() == [("setting.change", "core.institution")]
    text = boss.get(PAGE).text
    assert re.search(r"Set here by Grace Hopper, [^<]+\. Default: Audimax\.", text)


def test_all_kinds_are_read_as_the_dataclass_says(app: Flask, boss: FlaskClient) -> None:
    typed = {"core__sign_up": "domains", "core__sign_up_domains": "uni.example\r\n.other.example"}
    assert save(boss, "core.accounts", **typed).status_code == 303
    given = {"core__share_links": "", "core__absence_minutes": "25"}
    assert save(boss, "core.lectures", **given).status_code == 303
    now = held(app)
    assert (now.sign_up, now.sign_up_domains) == ("domains", ["uni.example", ".other.example"])
    assert (now.share_links, now.absence_minutes, now.lecture_trash_hours) == (False, 25, 24)


def test_what_was_saved_unchanged_stays_the_default(app: Flask, boss: FlaskClient, history: Any) -> None:
    for topic in TOPICS:
        assert save(boss, f"core.{topic}").status_code == 303
    assert history() == []
    with app.app_context():
        assert db.session.scalars(sa.select(Setting)).all() == []


@pytest.mark.parametrize(
    ("group", "typed", "words"),
    [
        ("core.lectures", {"core__absence_minutes": "0"}, "Please type a number from 1 to 10080."),
        ("core.lectures", {"core__absence_minutes": "ten"}, "Please type a number from 1 to 10080."),
        ("core.lectures", {"core__lecture_trash_hours": "9" * 50}, "Please type a number from 1 to 8760."),
        ("core.institution", {"core__institution": " "}, "Please fill this in."),
        ("core.institution", {"core__institution": "x" * 121}, "Please use at most 120 characters."),
        ("core.institution", {"core__default_locale": "tlh"}, "Please choose one of these."),
        ("core.accounts", {"core__sign_up": "everybody"}, "Please choose one of these."),
        ("core.accounts", {"core__sign_up_domains": "a\n" * 201}, "Please use at most 200 entries."),
    ],
)
def test_a_wrong_value_is_told_beside_its_box_and_nothing_is_lost_or_saved(
    app: Flask, boss: FlaskClient, history: Any, group: str, typed: dict[str, str], words: str
) -> None:
    beside = {"core.lectures": "core__waiting_per_room", "core.institution": "", "core.accounts": ""}[group]
    typed = {**typed, **({beside: "77"} if beside else {})}
    answer = save(boss, group, **typed)
    assert answer.status_code == 422 and words in answer.text
    assert 'aria-invalid="true"' in answer.text and "autofocus" in answer.text
    if beside:
        assert re.search(r'name="core.waiting_per_room"[^>]*value="77"', answer.text)
    assert history() == [] and held(app) == app.extensions["audimax_config"]


def test_control_characters_never_reach_a_name(app: Flask, boss: FlaskClient) -> None:
    assert save(boss, "core.institution", core__institution="Uni\r\nBcc: x\u202e\0").status_code == 303
    assert held(app).institution == "Uni Bcc: x"


def test_a_setting_goes_back_to_its_default(app: Flask, boss: FlaskClient, history: Any) -> None:
    save(boss, "core.lectures", core__absence_minutes="25")
    data = form_of(boss, "core.lectures", reset="core.absence_minutes", core__waiting_per_room="50")
    assert boss.post(f"{PAGE}/core.lectures", data=data).status_code == 303
    assert (held(app).absence_minutes, held(app).waiting_per_room) == (10, 50)
    assert ("absence_minutes", 25, None, "Grace Hopper") in history()


# --- two of them ------------------------------------------------------------------------


@pytest.fixture
def other(make_user: Any, sign_in: Any) -> FlaskClient:
    """Kay, an administrator too."""
    client: FlaskClient = sign_in(make_user("kay@uni.example", name="Kay", is_admin=True))
    return client


def test_the_second_of_two_hears_what_the_first_has_set(app: Flask, boss: FlaskClient, other: Any) -> None:
    opened = form_of(other, "core.lectures", core__absence_minutes="40", core__waiting_per_room="50")
    save(boss, "core.lectures", core__absence_minutes="25")
    answer = other.post(f"{PAGE}/core.lectures", data=opened)
    assert answer.status_code == 409 and held(app).absence_minutes == 25
    assert "Grace Hopper has changed this meanwhile, to: 25." in answer.text
    assert re.search(r'name="core.absence_minutes"[^>]*value="40"', answer.text)
    again = {**opened, "was.core.absence_minutes": boxes(answer.text)["was.core.absence_minutes"]}
    assert other.post(f"{PAGE}/core.lectures", data=again).status_code == 303
    assert (held(app).absence_minutes, held(app).waiting_per_room) == (40, 50)


def test_what_the_second_left_alone_stays_as_the_first_has_set_it(
    app: Flask, boss: FlaskClient, other: Any
) -> None:
    opened = form_of(other, "core.lectures", core__waiting_per_room="50")
    save(boss, "core.lectures", core__absence_minutes="25")
    assert other.post(f"{PAGE}/core.lectures", data=opened).status_code == 303
    assert (held(app).absence_minutes, held(app).waiting_per_room) == (25, 50)


# --- history and undo -------------------------------------------------------------------


def undo_of(text: str) -> list[str]:
    return re.findall(r'action="(/admin/settings/history/[^"]+/undo)"', text)


def test_a_change_is_undone_by_one_click(app: Flask, boss: FlaskClient, history: Any) -> None:
    save(boss, "core.lectures", core__absence_minutes="25")
    save(boss, "core.lectures", core__absence_minutes="30")
    text = boss.get(f"{PAGE}/history").text
    assert "the default: 10" in text and len(undo_of(text)) == 1
    assert boss.post(undo_of(text)[0]).status_code == 303
    assert held(app).absence_minutes == 25
    assert history()[-1] == ("absence_minutes", 30, 25, "Grace Hopper")
    # Twice is not back again: the change isn't the last one any more.
    assert boss.post(undo_of(text)[0]).status_code == 409
    assert "Undone" in boss.get(f"{PAGE}/history").text


def test_undoing_the_first_change_brings_the_default_back(app: Flask, boss: FlaskClient) -> None:
    save(boss, "core.lectures", core__share_links_forever="on")
    assert boss.post(undo_of(boss.get(f"{PAGE}/history").text)[0]).status_code == 303
    with app.app_context():
        assert db.session.scalars(sa.select(Setting)).all() == []
    assert held(app).share_links_forever is False


def test_what_was_changed_since_is_not_undone(app: Flask, boss: FlaskClient, other: Any) -> None:
    save(boss, "core.lectures", core__absence_minutes="25")
    place = undo_of(boss.get(f"{PAGE}/history").text)[0]
    save(other, "core.lectures", core__absence_minutes="30")
    answer = boss.post(place)
    assert answer.status_code == 409 and "Somebody has changed this setting since." in answer.text
    assert held(app).absence_minutes == 30
    assert boss.post(f"{PAGE}/history/nothing/undo").status_code == 404


def test_the_history_survives_who_wrote_it(app: Flask, boss: FlaskClient, admin: int) -> None:
    save(boss, "core.lectures", core__absence_minutes="25")
    with app.app_context():
        change = db.session.scalars(sa.select(SettingChange)).one()
        assert change.actor_id == admin
        db.session.execute(sa.delete(AuditEntry))
        db.session.execute(sa.text('DELETE FROM "user"'))
        db.session.commit()
        change = db.session.scalars(sa.select(SettingChange)).one()
        assert (change.actor_id, change.actor_name) == (None, "Grace Hopper")


# --- who decides ------------------------------------------------------------------------


def test_what_the_operator_has_given_wins_and_is_locked(
    app: Flask,
    boss: FlaskClient,
    make_app: Any,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    admin: int,
    history: Any,
) -> None:
    save(boss, "core.lectures", core__absence_minutes="25", core__waiting_per_room="50")
    file = tmp_path / "audimax.toml"
    file.write_text("absence_minutes = 12\nlecture_trash_hours = 5\n[plugins.pin]\nroom_tries = 7\n")
    monkeypatch.setenv("AUDIMAX_CONFIG", str(file))
    monkeypatch.setenv("AUDIMAX_LECTURE_TRASH_HOURS", "6")
    restarted = make_app("pin")
    now = held(restarted)
    assert (now.absence_minutes, now.waiting_per_room, now.lecture_trash_hours) == (12, 50, 6)
    client = restarted.test_client()
    copy_session(boss, client)
    text = client.get(PAGE).text
    assert "Set in the settings file: change it there, as absence_minutes." in text
    assert "Set by the variable AUDIMAX_LECTURE_TRASH_HOURS: change it there." in text
    assert "change it there, as room_tries." in text
    assert re.search(r'name="core.absence_minutes"[^>]*value="12"[^>]*disabled', text)
    answer = save(client, "core.lectures", core__absence_minutes="33")
    assert answer.status_code == 422 and "The operator has set this" in answer.text
    assert len(history()) == 2 and held(restarted).absence_minutes == 12
    place = undo_of(client.get(f"{PAGE}/history").text)
    assert len(place) == 1
    with app.app_context():
        locked = db.session.scalar(sa.select(SettingChange).where(SettingChange.name == "absence_minutes"))
        assert locked is not None
        address = f"{PAGE}/history/{locked.public_id}/undo"
    assert client.post(address).status_code == 409


def test_only_administrators_see_and_change_settings(client: FlaskClient, ada: int, sign_in: Any) -> None:
    for place in (PAGE, f"{PAGE}/history", "/admin/plugins"):
        assert client.get(place).status_code in (302, 401)
        assert sign_in(ada).get(place).status_code == 403
    assert sign_in(ada).post(f"{PAGE}/core.lectures", data={}).status_code == 403
    assert sign_in(ada).post("/admin/plugins/pin/check").status_code == 403


def test_unknown_groups_and_foreign_names_change_nothing(app: Flask, boss: FlaskClient, history: Any) -> None:
    assert boss.post(f"{PAGE}/core.nothing", data={}).status_code == 404
    data = {**form_of(boss, "core.lectures"), "core.secret_key": PLANTED, "core.public_url": "https://evil"}
    assert boss.post(f"{PAGE}/core.lectures", data=data).status_code == 303
    assert history() == [] and held(app).public_url == "http://localhost:8000"


# --- plugins ----------------------------------------------------------------------------

SPEECH = {"ai_assistant": {"deepgram_key": PLANTED, "summary_key": PLANTED, "provider": "deepgram"}}


@pytest.fixture
def house(make_app: Any) -> Flask:
    """An app with plugins that have settings, secrets among them."""
    made: Flask = make_app("ai_assistant", "pin", "recording", "export_pdf", plugins=SPEECH)
    return made


def test_a_plugin_reads_what_was_set(house: Flask, keeper: FlaskClient) -> None:
    assert save(keeper, "pin", pin__room_tries="7").status_code == 303
    text = "One line.\nAnother."
    typed = {"ai_assistant__consent_text": text, "ai_assistant__price_minute": "0.5"}
    assert save(keeper, "ai_assistant", **typed).status_code == 303
    with house.app_context():
        from core.api import settings

        assert settings(plugins.loaded["pin"].manifest.settings).room_tries == 7
        assert settings_of("ai_assistant").consent_text == text
        assert settings_of("ai_assistant").price_minute == 0.5
        assert settings_of("ai_assistant").deepgram_key == PLANTED


def test_a_value_that_the_plugin_refuses_is_told_beside_its_box(house: Flask, keeper: FlaskClient) -> None:
    answer = save(keeper, "export_pdf", export_pdf__accent="#eeeeee")
    assert answer.status_code == 422 and "too light to be read on white" in answer.text
    assert re.search(r'name="export_pdf.accent"[^>]*aria-invalid', answer.text)
    with house.app_context():
        assert settings_of("export_pdf").accent == "#1f4e79"


def test_no_page_shows_a_secret(house: Flask, keeper: FlaskClient) -> None:
    save(keeper, "ai_assistant", ai_assistant__summary_model="gpt")
    keeper.post(
        f"{PAGE}/ai_assistant", data={"ai_assistant.deepgram_key": "x", "was.ai_assistant.deepgram_key": ""}
    )
    secrets = [PLANTED, *(str(getattr(held(house), f.name)) for f in fields(Config).values() if f.secret)]
    for place in (PAGE, f"{PAGE}/history", "/admin/plugins"):
        text = keeper.get(place).text
        assert [one for one in secrets if one and one in text] == []
        assert "deepgram_key" not in text


def test_the_page_costs_few_questions(boss: FlaskClient, queries: Any) -> None:
    save(boss, "core.lectures", core__absence_minutes="25")
    with queries(at_most=4):
        assert boss.get(PAGE).status_code == 200
    with queries(at_most=5):
        assert boss.get(f"{PAGE}/history").status_code == 200


def test_these_settings_may_change_without_a_restart() -> None:
    named = " ".join(names for _title, names in TOPICS.values()).split()
    editable = [name for name, field in fields(Config).items() if field.editable]
    assert sorted(named) == sorted(editable) and len(named) == len(set(named))
    assert sorted(editable) == sorted(
        "institution default_locale sign_up sign_up_domains guest_session_hours absence_minutes "
        "waiting_per_room lecture_trash_hours share_links share_links_forever files_per_lecture "
        "lecture_files_mb file_types unfinished_upload_hours exports_at_once export_seconds "
        "largest_export_mb delivery_minutes export_days "
        "keep_transcripts_days keep_chat_days keep_files_days keep_recordings_days "
        "keep_participants_days keep_lectures_days keep_logs_days".split()
    )
    assert {f.name for f in dataclass_fields(Config)} > set(editable)
