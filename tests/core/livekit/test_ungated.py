"""LiveKit by URL and key, without the gate and without webhooks: everything works, removal takes seconds."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import jwt
import pytest
import sqlalchemy as sa
from flask import Flask
from livekit import api

from core.db import db, now
from core.lectures.models import Lecture
from core.livekit import agents, enforcement, presence, reconciler, watch
from core.livekit.tokens import join_token
from core.models import WebhookEvent
from tests.core.livekit.test_enforcement import past_the_gate
from tests.fixtures.livekit import Attendee, Hall, MediaServer, held_for, until

# What livekit-server hands out to whoever is connected, good for so long.
REFRESHED = 600


@pytest.fixture
def direct(hosted_server: MediaServer, settings: dict[str, Any]) -> MediaServer:
    """Named before ``app``, which then has no gate."""
    hosted_server.be_up()
    del settings["livekit_url"]
    settings |= {"gated": False, "livekit_api_url": hosted_server.url}
    return hosted_server


@pytest.fixture
def hall(
    direct: MediaServer,
    app: Flask,
    make_user: Callable[..., int],
    make_room: Callable[..., tuple[int, str, str]],
) -> Iterator[Hall]:
    owner = make_user()
    no_gate: Any = SimpleNamespace(url=app.extensions["audimax_config"].livekit_url)
    no_web: Any = None
    made = Hall(app, no_web, no_gate, direct, make_room(owner)[0], owner)
    yield made
    for person in made.people:
        person.leave()
    direct.be_up()
    for room in made.api.list_rooms():
        made.api.delete_room(room.name)


@pytest.fixture
def watched(hall: Hall) -> Iterator[Hall]:
    """The same, with somebody who looks, as beside the jobs."""
    with watch.beside(hall.app):
        yield hall


def old_token(hall: Hall, lecture: str, identity: str) -> str:
    """One that its owner keeps."""
    with hall.app.app_context():
        return join_token(hall._lecture(lecture), hall._participant(identity), REFRESHED)


def remove(hall: Hall, lecture: str, identity: str) -> None:
    """As a host does it: the row first, then LiveKit."""
    hall.change(identity, removed_at=now())
    with hall.app.app_context():
        enforcement.enforce(hall._lecture(lecture))


def comes_back(hall: Hall, token: str) -> Attendee:
    """Past everybody, straight to LiveKit; who is put out while connecting sees an error."""
    person = hall.attendee(token)
    with contextlib.suppress(Exception):
        person.connect(20)
    return person


def look(hall: Hall) -> watch.Watch:
    made = watch.Watch(hall.app)
    with hall.app.app_context():
        made.look()
    return made


def test_livekits_address_is_what_browsers_are_told_and_tokens_are_good_for_a_minute(hall: Hall) -> None:
    lecture = hall.start()
    identity, token = hall.admit(lecture)
    made = hall.app.extensions["audimax_config"]
    assert made.livekit_url == hall.livekit.url.replace("http", "ws")
    claims = jwt.decode(token, made.livekit_secret, algorithms=["HS256"], issuer=made.livekit_key)
    assert 50 <= claims["exp"] - time.time() <= 60
    assert claims["sub"] == identity


def test_people_come_speak_and_hear_with_the_rights_of_their_rows(watched: Hall) -> None:
    lecture = watched.start()
    speaker, voice = watched.enter(lecture)
    _, listener = watched.enter(lecture, "Ada", microphone=False, camera=False, screen=False)
    voice.speak()
    listener.hears(speaker)
    assert listener.cannot_speak("MICROPHONE", "CAMERA")


def test_who_was_removed_is_put_out_each_time_they_come_back_with_an_old_token(watched: Hall) -> None:
    lecture = watched.start()
    speaker, voice = watched.enter(lecture, "Prof. Noether")
    identity, person = watched.enter(lecture, "Mallory")
    token = old_token(watched, lecture, identity)
    voice.speak()
    person.hears(speaker)
    remove(watched, lecture, identity)
    until(lambda: not person.is_in)
    for _time in range(3):
        again = comes_back(watched, token)
        until(lambda again=again: not again.is_in, what="Mallory is out again")
        until(lambda: watched.api.get_participant(lecture, identity) is None)
        heard = again.heard[speaker]
        assert held_for(lambda again=again, heard=heard: again.heard[speaker] == heard, 0.5)
    assert voice.is_in


def test_a_lecture_to_which_somebody_came_back_is_looked_at_more_often(hall: Hall) -> None:
    lecture = hall.start()
    identity, _ = hall.admit(lecture, "Mallory")
    token = old_token(hall, lecture, identity)
    hall.change(identity, removed_at=now())
    made = look(hall)
    first = comes_back(hall, token)
    with hall.app.app_context():
        made.look_sharply()
        assert first.is_in, "nobody had come back so far"
        made.look()
        until(lambda: not first.is_in)
        second = comes_back(hall, token)
        until(lambda: hall.api.get_participant(lecture, identity) is not None)
        made.look_sharply()
    until(lambda: not second.is_in)


def test_a_second_identity_beside_ones_own_is_put_out(watched: Hall) -> None:
    lecture = watched.start()
    identity, person = watched.enter(lecture)
    clone = past_the_gate(watched, lecture, f"{identity}#x")
    until(lambda: not clone.is_in)
    assert person.is_in


def test_rights_that_an_old_token_brings_back_are_taken_again(watched: Hall) -> None:
    lecture = watched.start()
    identity, person = watched.enter(lecture)
    token = old_token(watched, lecture, identity)
    person.speak()
    watched.change(identity, microphone=False)
    person.leave()
    watched.attendee(token).connect()

    def is_narrowed() -> bool:
        found = watched.api.get_participant(lecture, identity)
        return found is not None and len(found.permission.can_publish_sources) == 2

    until(is_narrowed, what="the microphone is taken again")
    until(lambda: not watched.api.get_participant(lecture, identity).tracks)


def test_who_came_and_went_is_recorded_without_a_webhook(watched: Hall) -> None:
    lecture = watched.start()
    identity, person = watched.enter(lecture)
    until(lambda: watched.row(identity).present_since is not None, what="the arrival is written down")
    person.leave()
    until(lambda: watched.row(identity).present_since is None, what="the leave is written down")
    row = watched.row(identity)
    assert row.first_joined_at <= row.left_at
    assert watched.lecture(lecture).absent_since is not None
    with watched.app.app_context():
        told = sa.select(sa.func.count()).select_from(WebhookEvent).where(WebhookEvent.id.not_like("seen:%"))
        assert db.session.scalar(told) == 0, "LiveKit told nothing"


def test_the_end_ends_it_for_everybody_and_an_old_token_opens_no_room_for_long(watched: Hall) -> None:
    lecture = watched.start()
    identity, person = watched.enter(lecture)
    token = old_token(watched, lecture, identity)
    watched.end(lecture)
    until(lambda: not person.is_in)
    again = comes_back(watched, token)
    until(lambda: not again.is_in, what="the room that came back is closed")
    until(lambda: watched.api.list_rooms() == [])


def test_a_room_that_livekit_has_lost_is_opened_again(watched: Hall) -> None:
    lecture = watched.start()
    watched.api.delete_room(lecture)
    until(lambda: [room.name for room in watched.api.list_rooms()] == [lecture])


def test_the_door_opens_a_room_that_livekit_has_lost(hall: Hall, sign_in: Callable[..., Any]) -> None:
    from core.rooms.models import Room

    lecture = hall.start()
    hall.api.delete_room(lecture)
    with hall.app.app_context():
        room = db.session.get_one(Room, hall.room_id).public_id
    host = sign_in(hall.owner_id)
    assert host.post(f"/api/rooms/{room}/token").status_code == 200
    assert [one.name for one in hall.api.list_rooms()] == [lecture]


def test_agents_are_asked_for_and_stay(watched: Hall) -> None:
    lecture = watched.start()
    made = watched.app.extensions["audimax_config"]
    with watched.app.app_context():
        assert agents.dispatch(watched._lecture(lecture), "scribe", {"key": "value"})
    assert [one.agent_name for one in watched.api.list_dispatch(lecture)] == ["scribe"]
    grant = api.VideoGrants(room_join=True, room=lecture, agent=True)
    token = api.AccessToken(made.livekit_key, made.livekit_secret).with_identity("agent").with_kind("agent")
    agent = watched.attendee(token.with_grants(grant).to_jwt()).connect()

    def is_known() -> bool:
        with watched.app.app_context():
            return presence.with_agents() == {lecture}

    until(is_known, what="the agent is seen without a webhook")
    assert agent.is_in


def test_livekit_killed_and_back_people_are_looked_after_again(watched: Hall) -> None:
    lecture = watched.start()
    watched.livekit.kill()
    watched.livekit.start()
    until(lambda: [room.name for room in watched.api.list_rooms()] == [lecture])
    stranger = past_the_gate(watched, lecture, "stranger")
    until(lambda: not stranger.is_in)


def test_each_of_very_many_lectures_has_its_turn(hall: Hall, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watch, "LOOKS", 1)
    made, compare, seen = watch.Watch(hall.app), reconciler.compare, list[str]()

    def note(lecture: Lecture, is_open: bool) -> enforcement.Enforced:
        seen.append(lecture.public_id)
        return compare(lecture, is_open)

    monkeypatch.setattr(reconciler, "compare", note)
    with hall.app.app_context():
        other = Lecture(room_id=_another_room(hall), title="Sorting")
        db.session.add(other)
        db.session.commit()
        both = {hall.start(), other.public_id}
        for _time in range(4):
            made.look()
    assert set(seen[:2]) == set(seen[2:]) == both


def _another_room(hall: Hall) -> int:
    from core.rooms import codes
    from core.rooms.models import Room

    room = Room(title="Another", owner_id=hall.owner_id, code=codes.new_code())
    db.session.add(room)
    db.session.flush()
    return room.id


def test_behind_the_gate_nobody_looks(app: Flask) -> None:
    import threading

    with watch.beside(app):
        assert "watch" not in {thread.name for thread in threading.enumerate()}
