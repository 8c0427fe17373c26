"""Plugins are asked so that no answer, and no missing one, does harm."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from types import SimpleNamespace

import pytest
import sqlalchemy as sa

from core.contracts import (
    Audience,
    Facts,
    Grants,
    JoinRequest,
    Kind,
    Line,
    LiveSign,
    PersonalData,
    Prose,
    RoomUi,
    Section,
    Table,
    Timeline,
    Verdict,
)
from core.db import db, now
from core.engine import answers, room_plugins
from core.engine.plugins import PluginsFailed, plugins
from core.people.models import User
from core.rooms.models import Room, RoomPlugin


@dataclass(frozen=True)
class RoomSettings:
    word: str = ""


SWITCHED = {"room_settings": RoomSettings}
JOINS = [JoinRequest("a", "Ann"), JoinRequest("b", "Bob")]


def boom(*_anything):
    raise RuntimeError("boom")


def new_room(title: str = "Algebra") -> Room:
    owner = User(email=f"{title.lower()}@uni.example", name="Emmy", verified_at=now())
    db.session.add(owner)
    db.session.flush()
    room = Room(title=title, owner_id=owner.id, code=title.lower())
    db.session.add(room)
    db.session.commit()
    return room


@pytest.fixture
def world(make_app, install) -> Iterator[SimpleNamespace]:
    """``world.start(x={"admit": …})``: an app context with these plugins and a room."""
    contexts = []

    def start(manifest=None, **hooked) -> Room:
        for name, hooks in hooked.items():
            install(name, manifest=manifest, **hooks)
        app = make_app(*hooked)
        contexts.append(app.app_context())
        contexts[-1].push()
        return new_room()

    yield SimpleNamespace(start=start)
    for context in contexts:
        db.session.remove()
        context.pop()


def admit(room: Room) -> dict[str, dict[str, Verdict]]:
    return {answer.plugin: answer.value for answer in plugins.ask("admit", room=room, joins=JOINS)}


# --- guards ---------------------------------------------------------------------------

WRONG = {
    "raises": lambda room: boom(),
    "a list": lambda room: [Verdict.deny("no")],
    "a bare verdict": lambda room: Verdict.deny("no"),
    "text for a verdict": lambda room: {"a": "deny"},
    "an unknown key": lambda room: {"z": Verdict.deny("no")},
    "a question without a check": lambda room: {"a": Verdict(Kind.ASK, field="pin")},
    "a huge reason": lambda room: {"a": Verdict.deny("x" * 1_000_000)},
    "a reason that is no text": lambda room: {"a": Verdict.deny(5)},
    "info that is no JSON": lambda room: {"a": Verdict.wait(info={"at": object()})},
    "bad SQL": lambda room: db.session.execute(sa.text("SELECT * FROM nowhere")),
    "a write": lambda room: db.session.execute(sa.update(Room).values(title="Mine")),
    "an object in the session": lambda room: db.session.add(User(email="x@uni.example", name="X")),
    "a changed row": lambda room: setattr(room, "title", "Mine"),
    "a commit": lambda room: db.session.commit(),
}


@pytest.mark.parametrize("how", WRONG.values(), ids=WRONG)
def test_a_guard_that_fails_denies_and_the_other_is_still_heard(world, how):
    room = world.start(bad={"admit": how}, good={"admit": lambda joins: {"a": Verdict.wait("Soon.")}})
    said = admit(room)
    assert {key: verdict.kind for key, verdict in said["bad"].items()} == {"a": Kind.DENY, "b": Kind.DENY}
    assert said["good"] == {"a": Verdict.wait("Soon.")}
    assert [failure.plugin for failure in plugins.failures] == ["bad"]
    assert db.session.scalar(sa.select(Room.title)) == "Algebra"


@pytest.mark.parametrize(
    "said",
    [
        {8: LiveSign("Recording")},
        {7: "Recording"},
        {7: LiveSign("x" * 41)},
        {7: LiveSign("Recording", "yes")},
    ],  # type: ignore[arg-type]
    ids=["of a lecture that nobody asked about", "no sign", "too long", "not sure"],
)
def test_a_wrong_sign_is_left_out_and_the_others_stay(world, said):
    world.start(bad={"live_signs": lambda: said}, good={"live_signs": lambda: {7: LiveSign("Captions")}})
    answers = plugins.ask("live_signs", lecture_ids=[7])
    assert [(one.plugin, one.value) for one in answers] == [("good", {7: LiveSign("Captions")})]
    assert [failure.plugin for failure in plugins.failures] == ["bad"]


@pytest.mark.parametrize("how", WRONG.values(), ids=WRONG)
def test_what_core_has_written_survives_a_guard_that_fails(world, how):
    room = world.start(bad={"narrow_grants": how}, other={"narrow_grants": lambda: None})
    db.session.add(Room(title="Kept", owner_id=room.owner_id, code="kept"))
    people = [SimpleNamespace(id=7, is_host=False), SimpleNamespace(id=9, is_host=True)]
    said = plugins.ask("narrow_grants", room=room, participants=people)
    assert [answer.value for answer in said] == [{7: Grants.none()}], (
        "hosts aren't silenced by what is broken"
    )
    if how is not WRONG["a commit"]:
        assert sorted(db.session.scalars(sa.select(Room.title))) == ["Algebra", "Kept"]
        db.session.commit()
        assert sorted(db.session.scalars(sa.select(Room.title))) == ["Algebra", "Kept"]


def test_a_guard_that_hangs_denies(world, monkeypatch):
    monkeypatch.setattr(answers, "SECONDS", {**answers.SECONDS, "admit": 0.2})
    room = world.start(bad={"admit": lambda room: time.sleep(60)})
    began = time.monotonic()
    assert admit(room)["bad"]["a"].kind is Kind.DENY
    assert time.monotonic() - began < 10


def test_a_guard_that_hangs_in_the_database_denies_and_the_session_goes_on(world, monkeypatch):
    monkeypatch.setattr(answers, "SECONDS", {**answers.SECONDS, "admit": 0.2})
    room = world.start(
        bad={"admit": lambda room: db.session.execute(sa.text("SELECT 1, pg_sleep(0.5)")).all()}
    )
    assert admit(room)["bad"]["a"].kind is Kind.DENY
    assert db.session.scalar(sa.select(Room.title)) == "Algebra"


def test_a_hook_that_loses_what_core_wrote_ends_the_request_in_words(world, monkeypatch):
    from core.errors import Refusal

    monkeypatch.setattr(answers, "SECONDS", {**answers.SECONDS, "narrow_grants": 0.2})
    slow = sa.text("SELECT 1, pg_sleep(0.5)")
    room = world.start(bad={"narrow_grants": lambda room: db.session.execute(slow).all()})
    room.title = "Lost"
    with pytest.raises(Refusal) as error:
        plugins.ask("narrow_grants", room=room, participants=[])
    assert (error.value.status, error.value.retry_after) == (503, 3)
    assert db.session.scalar(sa.select(Room.title)) == "Algebra"


def test_no_savepoint_is_taken_where_nothing_was_written(world):
    room = world.start(x={"admit": lambda room: db.session.scalar(sa.select(1)) and None})
    said = statements(lambda: admit(room))
    assert not [text for text in said if "SAVEPOINT" in text]


def test_one_savepoint_serves_all_plugins(world):
    reads = {"narrow_grants": lambda room: db.session.scalar(sa.select(1)) and None}
    room = world.start(x=reads, y=reads, z=reads)
    room.title = "Changed"
    said = statements(lambda: plugins.ask("narrow_grants", room=room, participants=[]))
    assert len([text for text in said if text.startswith("SAVEPOINT")]) == 1


def statements(act) -> list[str]:
    said: list[str] = []

    def hear(_connection, _cursor, statement, *_rest):
        said.append(statement)

    sa.event.listen(db.engine, "before_cursor_execute", hear)
    try:
        act()
    finally:
        sa.event.remove(db.engine, "before_cursor_execute", hear)
    return said


# --- pages ----------------------------------------------------------------------------

WRONG_UI = {
    "raises": boom,
    "a dict": lambda: {},
    "an address": lambda: [RoomUi(module="https://evil.example/a.js")],
    "a way out": lambda: [RoomUi(module="../../secret.js")],
    "a huge config": lambda: [RoomUi(module="a.js", config={"a": "x" * 100_000})],
    "a config that is no JSON": lambda: [RoomUi(module="a.js", config={"a": {1, 2}})],
}


@pytest.mark.parametrize("how", WRONG_UI.values(), ids=WRONG_UI)
def test_a_page_goes_on_without_the_plugin_that_fails(world, how):
    ui = RoomUi(module="room.js", config={"a": 1})
    room = world.start(bad={"room_ui": how}, good={"room_ui": lambda: [ui]})
    assert plugins.ask("room_ui", room=room, viewer=None) == [("good", [ui])]


WRONG_SECTIONS = {
    "HTML": lambda: ["<p>"],
    "the parent class": lambda: [Section("a", "A")],
    "twice the same id": lambda: [Prose("a", "A"), Prose("a", "B")],
    "a text for paragraphs": lambda: [Prose("a", "A", paragraphs="text")],
    "numbers for paragraphs": lambda: [Prose("a", "A", paragraphs=(1,))],
    "a crooked table": lambda: [Table("a", "A", columns=("x", "y"), rows=(("1",),))],
    "lines without time": lambda: [Timeline("a", "A", lines=(Line("now", "Ann", "Hi"),))],
    "lines by a maybe": lambda: [Timeline("a", "A", lines=(Line(1, "Ann", "Hi", by_host=None),))],
    "texts for lines": lambda: [Timeline("a", "A", lines=("Hi",))],
    "a fact of three": lambda: [Facts("a", "A", facts=(("x", "y", "z"),))],
    "a tuple for a note": lambda: [Prose("a", "A", note=("x",))],
    "True for busy": lambda: [Prose("a", "A", busy=True)],
    "a novel for busy": lambda: [Prose("a", "A", busy="x" * 301)],
    "too many": lambda: [Prose(str(n), "A") for n in range(51)],
    "too much": lambda: [Prose("a", "A", paragraphs=("x" * 10_000_001,))],
}


@pytest.mark.parametrize("how", WRONG_SECTIONS.values(), ids=WRONG_SECTIONS)
def test_a_lecture_goes_on_without_the_sections_that_are_none(world, how):
    fine = [
        Prose("a", "A", paragraphs=("One.",)),
        Facts("b", "B", Audience.HOSTS, facts=(("x", "1"),)),
        Table("c", "C", columns=("x",), rows=(("1",),)),
        Timeline("d", "D", lines=(Line(1.5, "Ann", "Hi"),)),
    ]
    room = world.start(bad={"lecture_sections": how}, good={"lecture_sections": lambda: fine})
    lecture = SimpleNamespace(room=room)
    assert plugins.ask("lecture_sections", lecture=lecture, viewer=None) == [("good", fine)]


# --- people's data --------------------------------------------------------------------


def test_everybody_is_asked_to_erase_and_then_the_failure_is_told(world):
    def write(person):
        db.session.execute(sa.update(Room).values(title="Erased"))

    world.start(bad={"erase": boom}, good={"erase": write})
    with pytest.raises(PluginsFailed, match="plugin 'bad': boom") as error:
        plugins.ask("erase", person=None)
    assert list(error.value.failures) == ["bad"]
    db.session.commit()
    assert db.session.scalar(sa.select(Room.title)) == "Erased"


def test_personal_data_has_to_be_personal_data(world):
    world.start(x={"personal_data": lambda: PersonalData({"x__a": []})})
    assert plugins.ask("personal_data", person=None) == [("x", PersonalData({"x__a": []}))]


# --- switches in rooms ----------------------------------------------------------------


def test_a_plugin_is_asked_only_about_rooms_in_which_it_is_on(world):
    room = world.start({**SWITCHED, "on_by_default": False}, x={"admit": lambda: {"a": Verdict.deny("no")}})
    assert admit(room) == {}
    room_plugins.switch(room, "x", True)
    assert list(admit(room)) == ["x"]
    room_plugins.switch(room, "x", False)
    assert admit(room) == {}


def test_a_plugin_without_room_settings_is_always_on(world):
    room = world.start(x={"admit": lambda: {"a": Verdict.deny("no")}})
    assert room_plugins.enabled_in(room) == {"x"}


def test_switches_of_many_rooms_are_one_query_and_asked_again_none(world):
    world.start(SWITCHED, x={})
    rooms = [new_room(f"R{n}") for n in range(5)]
    [room.id for room in rooms]
    said = statements(lambda: [room_plugins.preload(rooms), *map(room_plugins.enabled_in, rooms)])
    assert len(said) == 1


def test_settings_of_a_room_are_kept_and_typed(world):
    room = world.start(SWITCHED, x={})
    assert room_plugins.room_settings(room, RoomSettings) == RoomSettings("")
    room_plugins.switch(room, "x", True, {"word": "sesame"})
    db.session.commit()
    assert room_plugins.room_settings(room, RoomSettings) == RoomSettings("sesame")
    room_plugins.switch(room, "x", False)
    assert room_plugins.room_settings(room, RoomSettings) == RoomSettings("sesame")


def test_a_wrong_setting_of_a_room_is_refused_by_name(world):
    from core.errors import Refusal

    room = world.start(SWITCHED, x={})
    with pytest.raises(Refusal) as error:
        room_plugins.switch(room, "x", True, {"wrod": "sesame"})
    assert error.value.status == 422
    assert error.value.errors == [
        {"field": "wrod", "message": "unknown setting 'wrod', did you mean 'word'?"}
    ]


def test_a_setting_that_a_newer_version_dropped_does_not_shut_the_door(world):
    room = world.start(SWITCHED, x={})
    db.session.add(RoomPlugin(room_id=room.id, plugin="x", settings={"word": "a", "old": 1}))
    db.session.flush()
    assert room_plugins.room_settings(room, RoomSettings) == RoomSettings("a")


def test_switching_is_written_down(world):
    from core.models import AuditEntry

    room = world.start(SWITCHED, x={})
    room_plugins.switch(room, "x", True, {"word": "sesame"})
    entry = db.session.scalar(sa.select(AuditEntry))
    assert (entry.action, entry.target, entry.details) == ("room.plugin_on", "x", {"settings": ["word"]})


def test_a_plugin_that_nobody_has_cannot_be_switched_on(world):
    from core.errors import Refusal

    room = world.start(x={})
    for name in ("x", "nobodys"):
        with pytest.raises(Refusal, match="can't be switched"):
            room_plugins.switch(room, name, True)


# --- guards that are gone -------------------------------------------------------------


def test_a_room_remembers_its_guards_when_they_are_no_longer_enabled(make_app, install):
    install("keeper", manifest={**SWITCHED, "guard": True}, admit=lambda: None)
    with make_app().app_context():
        older = new_room("Older").id
    with make_app("keeper").app_context():
        newer = new_room("Newer")
        room_plugins.set_up(newer)
        off = new_room("Off")
        room_plugins.switch(off, "keeper", False)
        assert room_plugins.missing_guards(newer) == ()
        newer_id, off_id = newer.id, off.id
        db.session.commit()
    with make_app().app_context():
        missing = {i: room_plugins.missing_guards(db.session.get(Room, i)) for i in (older, newer_id, off_id)}
    assert missing == {older: ("keeper",), newer_id: ("keeper",), off_id: ()}


def test_a_guard_that_is_gone_can_be_switched_off_but_not_on(world):
    from core.errors import Refusal

    room = world.start(x={})
    db.session.add(RoomPlugin(room_id=room.id, plugin="gone", guard=True))
    db.session.commit()
    assert room_plugins.missing_guards(room) == ("gone",)
    with pytest.raises(Refusal):
        room_plugins.switch(room, "gone", True)
    room_plugins.switch(room, "gone", False)
    assert room_plugins.missing_guards(room) == ()


def test_an_admin_can_release_a_guard_in_all_rooms(world):
    room = world.start(x={})
    db.session.add(RoomPlugin(room_id=room.id, plugin="gone", guard=True))
    db.session.commit()
    assert room_plugins.release_guard("gone") == 1
    db.session.commit()
    room_plugins.forget(room)
    assert room_plugins.missing_guards(room) == ()
