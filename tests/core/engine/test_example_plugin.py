"""A real package with an entry point: installed with pip, switched on and off, broken in every way."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from core.engine import room_plugins, schema
from core.engine.plugins import HOOKS
from core.people.models import User
from core.rooms.models import Room
from tests.fixtures.environment import quiet, run_tests

pytestmark = pytest.mark.slow
ROOT = Path(__file__).resolve().parents[3]
EXAMPLE = ROOT / "tests" / "example_plugin"
DRIVER = Path(__file__).with_name("drive_example.py")
Drive = Callable[..., dict[str, Any]]


@pytest.fixture(scope="session")
def environment(environment_with: Callable[..., Path]) -> Path:
    """An environment with the example in it."""
    return environment_with(EXAMPLE)


@pytest.fixture
def drive_all(
    environment: Path, settings: dict[str, Any], tmp_path: Path
) -> Callable[..., list[dict[str, Any]]]:
    """``drive_all([{"breaks": {"admit": "raises"}}])``: what an app of that environment says to each."""

    def ready(order: dict[str, Any]) -> dict[str, Any]:
        mine = order.pop("given", {"folder": str(tmp_path)})
        enabled = ["example"] if order.pop("enabled", True) else []
        plugins = {"enabled_plugins": enabled, "plugins": {"example": mine}}
        return {**order, "settings": {**settings, **plugins}}

    def run(orders: list[dict[str, Any]]) -> list[dict[str, Any]]:
        argv = [environment / "bin" / "python", "-W", "ignore", DRIVER, json.dumps([*map(ready, orders)])]
        done = subprocess.run(argv, capture_output=True, text=True, timeout=300, env=quiet(), check=False)
        assert done.returncode == 0, done.stderr
        said: list[dict[str, Any]] = json.loads(done.stdout.splitlines()[-1])
        return said

    return run


@pytest.fixture
def drive(drive_all: Any) -> Drive:
    """``drive(breaks={"admit": "raises"})``: the same for one order."""
    return lambda **order: drive_all([order])[0]


@pytest.fixture
def place(app: Any, drive: Drive) -> Iterator[dict[str, str]]:
    """A room with a live lecture, in which the example is on."""
    from core.db import db, now
    from core.lectures.models import Lecture
    from core.models import RoomPlugin

    drive(migrate=True)
    with app.app_context():
        host = User(email="emmy@uni.example", name="Emmy", verified_at=now())
        db.session.add(host)
        db.session.flush()
        room = Room(title="Algebra", owner_id=host.id, code="kxf-pmua-wz")
        db.session.add(room)
        db.session.flush()
        lecture = Lecture(room_id=room.id, title="Algebra", started_by_id=host.id)
        db.session.add_all([lecture, RoomPlugin(room_id=room.id, plugin="example", guard=True)])
        db.session.commit()
        yield {
            "room": room.public_id,
            "code": room.code,
            "lecture": lecture.public_id,
            "host": host.get_id(),
            "room_id": str(room.id),
        }
    _drop_tables(app)


def _drop_tables(app: Any) -> None:
    """So that the migrations of the next test begin at nothing."""
    from core.db import db

    with app.app_context():
        db.session.execute(sa.text("DROP TABLE IF EXISTS example__note, example__alembic_version"))
        db.session.execute(sa.text("DELETE FROM personal_column WHERE plugin = 'example'"))
        db.session.commit()


# --- on and off -----------------------------------------------------------------------


def test_it_uses_every_hook(drive):
    (described,) = [one for one in drive()["plugins"] if one["name"] == "example"]
    assert sorted(described["hooks"]) == sorted(HOOKS)
    assert (described["enabled"], described["version"]) == (True, "1.2.0")
    assert (described["title"], described["source"]) == ("Guest book", "audimax-example")


def test_installed_is_not_enabled(drive):
    (described,) = [one for one in drive(enabled=False)["plugins"] if one["name"] == "example"]
    assert (described["enabled"], described["version"], described["hooks"]) == (False, "1.2.0", [])


def test_it_works(drive, place):
    said = drive(walk=place)
    assert (said["join"], said["joined"]["status"]) == (200, "admitted")
    assert set(said["pages"].values()) == {200}


def test_its_guard_asks(drive, place, app):
    from core.db import db
    from core.models import RoomPlugin

    with app.app_context():
        db.session.execute(sa.update(RoomPlugin).values(settings={"word": "sesame"}))
        db.session.commit()
    said = drive(walk=place)
    assert (said["joined"]["status"], said["joined"]["field"]) == ("asked", "word")


def test_switching_a_guard_off_for_the_institution_never_opens_a_door(drive, place):
    said = drive(enabled=False, walk=place)
    assert said["join"] == 403
    assert set(said["pages"].values()) == {200}


def test_in_a_room_that_switched_it_off_everybody_gets_in(drive, place, app):
    from core.db import db

    with app.app_context():
        room_plugins.switch(db.session.get_one(Room, int(place["room_id"])), "example", False)
        db.session.commit()
    assert drive(enabled=False, walk=place)["joined"]["status"] == "admitted"


# --- broken ---------------------------------------------------------------------------

AT_START = ("blueprints", "storages", "exporters", "admin_pages", "health_checks", "jobs", "processes")


def test_a_mistake_at_the_start_stops_it(drive_all):
    answers = drive_all([{"breaks": {hook: "raises"}} for hook in AT_START])
    for hook, said in zip(AT_START, answers, strict=True):
        assert said["stopped"].startswith(
            f"plugin 'example': {hook}() failed: broken on purpose; take it out of"
        )


def test_every_kind_of_mistake_at_the_start_is_named(drive_all):
    messages = {
        "wrong type": "exporters() must return list, not str; take it out of enabled_plugins",
        "hangs": "exporters() failed: took longer than 0.5 seconds; take it out of enabled_plugins",
        "huge": "1000000 answers; 100 is the limit",
        "duplicate": "exporters(): the id 'example_titles' is taken by itself; rename one",
    }
    answers = drive_all([{"breaks": {"exporters": fault}} for fault in messages])
    for said, message in zip(answers, messages.values(), strict=True):
        assert said["stopped"].startswith("plugin 'example': ")
        assert message in said["stopped"]


def test_a_hook_that_hangs_at_the_start_is_stopped_under_gevent_too(drive):
    said = drive(breaks={"exporters": "hangs"}, gevent=True)
    assert "exporters() failed: took longer than 0.5 seconds" in said["stopped"]


def test_a_missing_setting_stops_the_start(drive):
    said = drive(given={})["stopped"]
    assert said.startswith("plugin 'example': bad settings: 'folder' is required; see [plugins.example]")


def test_a_plugin_for_a_newer_core_stops_the_start(drive):
    said = drive(breaks={"requires_core": ">=99"})["stopped"]
    assert said.startswith("plugin 'example': needs core >=99, this is ")
    assert "install a version of it that fits" in said


FAULTS = ("raises", "wrong type", "hangs", "huge")


def test_a_guard_that_fails_denies_and_everything_else_goes_on(drive_all, place):
    for said in drive_all([{"breaks": {"admit": fault}, "walk": place} for fault in FAULTS]):
        assert (said["join"], said["joined"]["code"]) == (403, "example")
        assert set(said["pages"].values()) == {200}


def test_a_guard_that_hangs_denies_under_gevent_too(drive_all, place):
    faults = ("hangs", "hangs in SQL")
    for said in drive_all([{"breaks": {"admit": fault}, "walk": place, "gevent": True} for fault in faults]):
        assert (said["join"], said["joined"]["code"]) == (403, "example")
        assert set(said["pages"].values()) == {200}


def test_rights_that_hang_in_the_database_are_none_and_the_join_is_kept(drive, place, app):
    from core.db import db
    from core.lectures.models import Participant

    said = drive(breaks={"narrow_grants": "hangs in SQL"}, walk=place, gevent=True)
    assert said["joined"]["status"] == "admitted"
    with app.app_context():
        grants = db.session.scalar(sa.select(Participant)).grants
    assert not any(vars(grants).values())


def test_rights_are_none_where_they_could_not_be_narrowed(drive, place, app):
    from core.db import db
    from core.lectures.models import Participant

    assert drive(breaks={"narrow_grants": "raises"}, walk=place)["joined"]["status"] == "admitted"
    with app.app_context():
        grants = db.session.scalar(sa.select(Participant)).grants
    assert not any(vars(grants).values())


def test_pages_go_on_without_what_fails(drive_all, place):
    hooks = ("room_ui", "lecture_sections", "on_event")
    for said in drive_all([{"breaks": dict.fromkeys(hooks, fault), "walk": place} for fault in FAULTS]):
        assert set(said["pages"].values()) == {200}
        assert said["joined"]["status"] == "admitted"


# --- its own tests --------------------------------------------------------------------


def contract(environment: Path, settings: dict[str, Any], folder: Path, **more: str) -> str:
    return run_tests(environment, [folder], settings["database_url"], **more)


def test_it_passes_the_contract_for_plugins(environment, settings):
    said = contract(environment, settings, EXAMPLE)
    assert " passed" in said
    assert " failed" not in said
    assert " skipped" not in said
    assert " error" not in said


CHANGES = {
    "views.py": (
        "scoped(here.lecture, Note, note_id)",
        "db.session.scalars(sa.select(Note).filter_by(public_id=note_id)).one()",
    ),
    "migrations/0001_notes.py": ("\n    register_personal_columns(", "\n    (lambda *nothing: None)("),
    "jobs.py": ("from core.api import db", "from core.db import db"),
    "hooks.py": (
        "strangers = [join for join in joins if word and NAME not in join.passes]",
        "strangers = [j for j in joins if db.session.scalar(sa.select(Note.id).limit(1)) and word]",
    ),
    "settings.py": ('setting(False, label="Guests listen only")', "False"),
}


def test_the_contract_sees_broken_promises_and_explains_them(environment, settings, tmp_path):
    folder = tmp_path / "copy"
    shutil.copytree(EXAMPLE, folder)
    for name, (before, after) in CHANGES.items():
        path = folder / "audimax_example" / name
        text = path.read_text()
        assert before in text
        path.write_text(text.replace(before, after))
    views = folder / "audimax_example" / "views.py"
    exempt = views.read_text().replace(
        '@in_room.post("/notes")\n', '@in_room.post("/notes")\n@from_machines\n'
    )
    views.write_text(exempt.replace("    db,\n", "    db,\n    from_machines,\n", 1))
    (folder / "audimax_example" / "templates" / "page.html").write_text("")
    (folder / "audimax_example" / "static" / "room.js").unlink()
    said = contract(environment, settings, folder, PYTHONPATH=str(folder))
    for explained in (
        "with an id of another room: 200; use scoped()",
        "example_room.write is open to every page",
        "call register_personal_columns in its migration",
        "import from core.api",
        "read all with one query",
        "say what it is with setting(label=",
        "move templates to templates/example/",
        "static/room.js is missing",
    ):
        assert explained in said, explained


def test_its_tables_are_made_by_the_start_and_known_afterwards(drive, place, app):
    from core.db import db

    with app.app_context():
        assert "example__note" in sa.inspect(db.engine).get_table_names()
    # Core's own history takes no notice of the tables of a plugin that is off.
    schema.check(app)
