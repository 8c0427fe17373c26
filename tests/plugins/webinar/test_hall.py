"""The webinar on a real livekit-server, with clients that do what no page of ours would."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask

from core.db import db
from core.rooms.models import Room
from tests.fixtures.livekit import Attendee, Hall, held_for, until
from tests.plugins.webinar.conftest import Somebody


@pytest.fixture
def app(livekit_server: Any, make_app: Callable[..., Flask]) -> Flask:
    return make_app("webinar")


@pytest.fixture
def lecture(hall: Hall) -> str:
    return hall.start()


@pytest.fixture
def desk(hall: Hall, lecture: str, sign_in: Any) -> Somebody:
    """The host at the API."""
    with hall.app.app_context():
        room = db.session.get_one(Room, hall.room_id).public_id
    return Somebody(sign_in(hall.owner_id), room)


@pytest.fixture
def guest(hall: Hall, desk: Somebody) -> Callable[[str], tuple[Somebody, Attendee]]:
    """``guest("Bob")``: somebody who came by the door and connected through the gate."""

    def come(name: str) -> tuple[Somebody, Attendee]:
        person = Somebody(hall.app.test_client(), desk.room).join(name)
        return person, hall.attendee(person.token).connect()

    return come


def cannot_speak(voice: Attendee) -> bool:
    return voice.cannot_speak("MICROPHONE", "SCREENSHARE_AUDIO", "CAMERA", "UNKNOWN")


def test_only_who_has_the_floor_is_heard_whatever_their_client_does(
    hall: Hall, desk: Somebody, guest: Any
) -> None:
    desk.do("mode", on=True)
    (bob, voice), (_ada, listener) = guest("Bob"), guest("Ada")
    assert cannot_speak(voice)
    bob.do("raise")
    desk.do(f"people/{bob.identity}/give", camera_and_screen=False)
    voice.speak()
    listener.hears(bob.identity)

    desk.do(f"people/{bob.identity}/take-back")
    heard = listener.heard[bob.identity]
    assert held_for(lambda: listener.heard[bob.identity] == heard, 1.5), "silent when the call has returned"
    assert cannot_speak(voice)
    again = hall.attendee(bob.token).connect()
    assert cannot_speak(again), "the old token brings nothing back"
    assert held_for(lambda: listener.heard[bob.identity] == heard, 0.5)


def test_the_mode_changes_everybodys_rights_on_the_same_connection(
    hall: Hall, desk: Somebody, guest: Any
) -> None:
    (bob, voice), (_ada, listener) = guest("Bob"), guest("Ada")
    sids = voice.sid, listener.sid
    voice.speak()
    listener.hears(bob.identity)
    desk.set(webinar_mode=True)
    heard = listener.heard[bob.identity]
    assert held_for(lambda: listener.heard[bob.identity] == heard, 1.0)
    assert cannot_speak(voice)
    desk.do("mode", on=False)
    voice.speak()
    listener.hears(bob.identity)
    assert (voice.sid, listener.sid) == sids
    assert not {"reconnecting", "reconnected"} & {*voice.happened, *listener.happened}


def test_pages_hear_of_hands_from_the_server_only(hall: Hall, desk: Somebody, guest: Any) -> None:
    (bob, voice), (_ada, listener) = guest("Bob"), guest("Ada")
    with contextlib.suppress(Exception):
        voice.send("webinar", b'{"at":9e9,"on":false,"hands":[],"count":0}')
    with contextlib.suppress(Exception):
        voice.rename("Prof. Noether")
    bob.do("raise")
    until(lambda: listener.data)
    ((topic, packet, sender),) = listener.data
    assert (topic, sender) == ("webinar", None)
    told = json.loads(packet)
    assert ([hand["identity"] for hand in told["hands"]], told["count"]) == ([bob.identity], 1)
    assert desk.state["hands"][0]["name"] == "Bob"


def test_who_was_removed_raises_no_hand_with_what_they_kept(hall: Hall, desk: Somebody, guest: Any) -> None:
    from core import order

    bob, voice = guest("Bob")
    bob.do("raise")
    with hall.app.app_context():
        lecture = hall._participant(bob.identity).lecture
        order.lock(lecture)
        order.remove([hall._participant(bob.identity)])
        db.session.commit()
        order.keep(lecture)
    until(lambda: not voice.is_in)
    assert bob.try_to("raise").status_code == 403
    assert bob.try_to("react", emoji="👏").status_code == 403
    assert desk.state["count"] == 0
    assert desk.try_to(f"people/{bob.identity}/give", camera_and_screen=False).status_code == 404
