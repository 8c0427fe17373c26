"""`audimax plugins check` says of every broken promise what it is and what to do; it ends with 1 then."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from click.testing import CliRunner

from core import cli, hookspecs, testing
from core.deprecation import Leaving
from core.engine import reference
from core.engine.settings import setting
from core.kit import checking
from core.kit.promises import REMEDIES
from tests.core.kit.conftest import Check, Installed


@dataclass
class Thawed:
    code: str = ""


@dataclass(frozen=True)
class Wanting:
    key: str = setting(help="a key")


def test_every_promise_has_its_remedy() -> None:
    assert set(REMEDIES) == set(reference.tests_of(testing.PluginContract))


# --- before anything is asked of it ---------------------------------------------------

STOPPED: dict[str, tuple[dict[str, Any], tuple[str, ...]]] = {
    "doesn't import": (
        {"source": "import nowhere"},
        ("could not import fake_x.hooks", "Install its libraries"),
    ),
    "no hooks": ({"source": "1/0"}, ("ZeroDivisionError", "Install a version that works")),
    "another name": ({"manifest": {"name": "y"}}, ("It calls itself 'y'", "the same name")),
    "a newer core": (
        {"manifest": {"requires_core": ">=9"}},
        ("It needs core >=9, this is", "or update Audimax"),
    ),
    "an older core": (
        {"manifest": {"requires_core": "<0.1"}},
        ("It needs core <0.1, this is", "this one is too old for this Audimax"),
    ),
    "no core": ({"manifest": {"requires_core": ""}}, ("requires_core is ''", "Write it like '>=0.1,<2'")),
    "garbled core": ({"manifest": {"requires_core": 3}}, ("requires_core is 3", "Write it like")),
    "settings that can be changed": (
        {"manifest": {"settings": Thawed}},
        ("its settings are no frozen dataclass", "Write @dataclass(frozen=True)"),
    ),
    "no such hook": (
        {"admitt": lambda room: {}},
        ("It marks admitt() as a hook", "There is no hook 'admitt', did you mean 'admit'?"),
    ),
    "wrong arguments": (
        {"admit": lambda rooms, joins: {}},
        ("It asks for rooms in admit()", "→ admit() may take room, joins; leave out what you don't need."),
    ),
    "arguments where there are none": ({"exporters": lambda room: []}, ("→ exporters() takes nothing.",)),
}


@pytest.mark.parametrize(("how", "words"), STOPPED.values(), ids=STOPPED)
def test_what_would_stop_the_start_is_explained(
    install: Any, how: dict[str, Any], words: tuple[str, ...]
) -> None:
    install("x", **how)
    done = CliRunner().invoke(cli.main, ["plugins", "check", "x"])
    assert done.exit_code == 1
    assert all(word in done.stdout for word in words), done.stdout
    assert "Traceback" not in done.output


def test_all_mistakes_are_told_at_once(install: Any) -> None:
    manifest = {"requires_core": ">=9", "settings": Thawed, "room_settings": Wanting}
    install("x", manifest=manifest, admit=lambda rooms: {}, room_ui=lambda viewers: [])
    found = checking.check("x")
    assert len(found.findings) == 5
    assert "5 things need mending" in found.text()


def test_a_plugin_that_is_not_installed_has_a_neighbour(install: Any) -> None:
    install("polls")
    done = CliRunner().invoke(cli.main, ["plugins", "check", "poll"])
    assert done.exit_code == 1
    assert "It is not installed" in done.stdout and "Did you mean 'polls'?" in done.stdout


def test_two_packages_with_one_name_are_told(install: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    install("x")
    known = checking.loader.installed()
    known["x"] *= 2
    assert "is provided twice" in checking.check("x").text()


def test_one_without_a_manifest_is_told(install: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    install("x")
    monkeypatch.setattr(sys.modules["fake_x"], "plugin", "a plugin")
    assert "must define `plugin = Plugin(…)`" in checking.check("x").text()


def test_settings_that_are_missing_are_named_and_where_they_go(
    install: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    install("x", manifest={"settings": Wanting})
    said = checking.check("x").text()
    assert "'key' is required" in said and "[plugins.x]" in said and "AUDIMAX_PLUGINS__X__" in said
    monkeypatch.setenv("AUDIMAX_PLUGINS__X__KEY", "sesame")
    monkeypatch.setattr(checking, "_try_promises", lambda *given: None)
    assert checking.check("x").is_fine


def test_without_pytest_it_says_what_is_missing(install: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    install("x")
    monkeypatch.setattr(checking, "find_spec", lambda name: None)
    done = CliRunner().invoke(cli.main, ["plugins", "check", "x"])
    assert done.exit_code == 2
    assert "pip install pytest" in done.output


# --- the contract ---------------------------------------------------------------------

pytestmark = pytest.mark.slow
Put = Callable[..., Installed]


@pytest.fixture
def check(audimax: Check, base_settings: dict[str, str]) -> Check:
    url = base_settings["database_url"]
    return lambda *words: audimax("plugins", "check", *words, AUDIMAX_TEST_DATABASE_URL=url)


def test_a_good_one_keeps_all_promises(put: Put, audimax: Check, base_settings: Any) -> None:
    put("bell", "panel")
    # Settings of the installation are for others: they must not disturb.
    done = audimax(
        *("plugins", "check", "bell"),
        AUDIMAX_TEST_DATABASE_URL=base_settings["database_url"],
        AUDIMAX_STORAGE="nowhere",
        AUDIMAX_PLUGINS__BELL__ICON="hand",
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.match(r"bell 0.1.0 \(audimax_bell\) keeps all \d\d promises that were tried\.", done.stdout)
    assert len(done.stdout.splitlines()) == 1


def test_broken_promises_are_explained_with_their_remedies(put: Put, check: Check) -> None:
    bell = put("bell", "panel")
    bell.change("views.py", "from core.api import", "from core.db import db as _db\nfrom core.api import")
    bell.change("settings.py", ', label="Words"', "")
    bell.change(
        "settings.py", "    words: str", '    chime_url: str = setting("", label="Sound")\n    words: str'
    )
    bell.change("static/room.js", "export default function", "function")
    bell.change("views.py", "order.tell(lecture", "order.tel(lecture")
    (bell.folder / "templates").mkdir()
    (bell.folder / "templates" / "page.html").write_text("")
    done = check("bell")
    assert done.returncode == 1
    for words in (
        "✗ It uses core only through the one door\n    ['views.py imports core.db']",
        "→ Import from `core.api` only",
        "✗ Every setting explains itself\n    words: say what it is",
        "✗ Addresses places and keys are the operators alone\n    chime_url: set in a browser",
        "✗ Its browser code is there\n    room.js needs `export default function setup(room)`",
        "✗ Templates live in a folder of its own",
    ):
        assert words in done.stdout, done.stdout
    assert "Traceback" not in done.stdout and "assert " not in done.stdout
    assert "things need mending" in done.stdout.splitlines()[-1]


def test_an_error_names_its_place_in_the_plugin(put: Put, check: Check) -> None:
    figures = put("figures", "section")
    figures.change("hooks.py", "length.total_seconds()", "length.seconds_in_total()")
    done = check("figures")
    assert done.returncode == 1
    assert "AttributeError" in done.stdout
    assert "in hooks.py, line" in done.stdout and "length.seconds_in_total()" in done.stdout
    assert "→ `lecture_sections` works for hosts, admins, participants and strangers" in done.stdout


def test_a_view_without_roles_is_told_once(put: Put, check: Check) -> None:
    bell = put("bell", "panel")
    bell.change("views.py", '@view(roles=HOSTS, body=Ring, status=204, limit="30/minute")\n', "")
    done = check("bell")
    assert done.returncode == 1
    assert done.stdout.count("declares no roles") == 1
    assert "→ Put @view(roles=…) or @page(roles=…) of core.api under its route." in done.stdout


def test_ids_that_are_not_unique_are_told(put: Put, check: Check) -> None:
    short = put("short")
    short.change("hooks.py", "[InShort()]", "[InShort(), InShort()]")
    done = check("short")
    assert done.returncode == 1
    assert "the id 'short' is taken by itself" in done.stdout and "→ Rename one." in done.stdout


TABLE = """
import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column
from core.api import db


class Ring(db.Model):
    __tablename__ = "rings"
    id: Mapped[int] = mapped_column(primary_key=True)
"""


def test_a_table_without_the_plugins_name_is_told(put: Put, check: Check) -> None:
    bell = put("bell", "panel")
    (bell.folder / "models.py").write_text(TABLE)
    bell.change(
        "hooks.py", "from core.api import Mount", "import audimax_bell.models\nfrom core.api import Mount"
    )
    done = check("bell")
    assert done.returncode == 1
    assert "table 'rings' has another's name" in done.stdout and "→ Call it 'bell__…'." in done.stdout


def test_tables_without_a_migration_are_told(put: Put, check: Check) -> None:
    bell = put("bell", "panel")
    (bell.folder / "models.py").write_text(TABLE.replace('"rings"', '"bell__ring"'))
    (bell.folder / "migrations").mkdir()
    bell.change(
        "hooks.py", "from core.api import Mount", "import audimax_bell.models\nfrom core.api import Mount"
    )
    done = check("bell")
    assert done.returncode == 1
    assert "models and migrations differ" in done.stdout and "audimax db revise" in done.stdout


def test_an_exporter_that_refuses_the_sample_is_not_blamed(put: Put, check: Check) -> None:
    short = put("short")
    short.change("export.py", "        most = ", '        raise ValueError("Nothing here.")\n        most = ')
    done = check("short")
    assert done.returncode == 0, done.stdout
    assert "– Not tried: Its exporters give a named file or a link" in done.stdout
    assert "“Nothing here.”" in done.stdout and "--tests" in done.stdout


def test_its_own_tests_can_be_run_instead(put: Put, check: Check) -> None:
    short = put("short")
    short.change("export.py", "section.title, *list", "*list")
    done = check("short", "--tests", str(short.tests))
    assert done.returncode == 1
    assert "✗ Every section is there" in done.stdout
    assert re.search(r"1 thing needs mending, \d\d are fine", done.stdout)


def test_tests_that_dont_import_are_told(put: Put, check: Check) -> None:
    short = put("short")
    short.tests.write_text("import nowhere\n")
    done = check("short", "--tests", str(short.tests))
    assert done.returncode == 2 and "No module named 'nowhere'" in done.stderr


def test_a_wrong_setting_of_the_installation_is_told(put: Put, audimax: Check) -> None:
    put("short")
    wrong = audimax("plugins", "check", "short", AUDIMAX_PLUGINS__SHORT__MOST_LINES="many")
    assert wrong.returncode == 1
    assert "'most_lines' must be a whole number" in wrong.stdout


def test_what_goes_away_is_shown_and_breaks_nothing(install: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    gone = Leaving("room of admit()", "0.1", "0.9", "here.room")
    monkeypatch.setattr(hookspecs.admit, "leaving", {"room": gone})
    monkeypatch.setattr(checking, "_try_promises", lambda *given: None)
    install("x", admit=lambda room: {})
    found = checking.check("x")
    assert found.is_fine
    assert "! room of admit() is deprecated since 0.1 and gone in 0.9: use here.room" in found.text()
