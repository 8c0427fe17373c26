"""Lobby, PIN, order and webinar in one room: every combination, for every kind of person.

What must come out is said in the few lines of ``expected_way`` and ``expected_rights``. What a host
changes is changed while people are inside, so each case shows that too.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from itertools import product
from typing import Any

import pytest
from flask import Flask

from core.db import db
from core.lectures.models import Lecture, Participant
from core.livekit import enforcement
from core.livekit.client import LiveKit
from core.people import hashing
from core.rooms.models import RoomHost

PLUGINS = ("lobby", "pin", "moderation", "webinar")
PIN = "735194"
ALL, NONE = (True, True, True, True), (False, False, False, False)


@dataclass(frozen=True)
class State:
    """What a host has set."""

    who_waits: str
    pin: bool
    locked: bool
    panic: bool
    webinar: bool

    def __str__(self) -> str:
        on = [f.name for f in fields(self) if getattr(self, f.name) is True]
        return "+".join([f"{self.who_waits} waits", *on])


STATES = [State(*values) for values in product(("nobody", "strangers", "everyone"), *[(False, True)] * 4)]
HOSTS = ("owner", "co-host")
INSIDE = ("guest inside", "user inside")
PEOPLE = (*HOSTS, *INSIDE, "user", "guest", "removed guest", "banned guest", "banned user")


def expected_way(person: str, state: State) -> list[str]:
    """The answers of the door, one after the other: to the join, to the right PIN, to the host's click."""
    if person in HOSTS or person in INSIDE:
        return ["admitted"]
    if person.startswith("banned") or state.locked:
        return ["denied"]
    # Who was removed has answered in this lecture before.
    way = ["asked"] if state.pin and person != "removed guest" else []
    if state.who_waits == "everyone" or (state.who_waits == "strangers" and person != "user"):
        way.append("waiting")
    return [*way, "admitted"]


def expected_rights(person: str, state: State) -> tuple[bool, bool, bool, bool]:
    """Microphone, camera, screen, chat: what all leave."""
    if person in HOSTS:
        return ALL
    if state.panic:
        return NONE
    return (False, False, False, True) if state.webinar else ALL


class House:
    """A room with everybody before and in it."""

    def __init__(self, app: Flask, owner: Any, room: tuple[int, str, str], people: dict[str, Any]) -> None:
        self.app, self.owner, self.people = app, owner, people
        self.key, self.id, _code = room
        self.identities: dict[str, str] = {}

    def call(self, path: str, **body: Any) -> Any:
        answer = self.owner.post(f"/api/rooms/{self.id}/{path}", json=body)
        assert answer.status_code < 300, f"{path}: {answer.text}"
        return answer.json

    def join(self, person: str, **body: Any) -> Any:
        answer = self.people[person].post(f"/api/rooms/{self.id}/join", json={"name": person, **body})
        assert answer.status_code in (200, 202, 403, 429), answer.text
        if answer.status_code == 200 and answer.json["status"] == "admitted":
            self.identities[person] = answer.json["identity"]
        return answer

    def set(self, state: State) -> None:
        """Everything as the host wants it, in the running lecture."""
        waits, webinar = {"who_waits": state.who_waits}, {"webinar_mode": state.webinar}
        changed = {"lobby": {"settings": waits}, "webinar": {"settings": webinar}}
        assert self.owner.patch(f"/api/rooms/{self.id}", json={"plugins": changed}).status_code == 200
        self.call("moderation/lock", on=state.locked)
        self.call("moderation/panic", on=state.panic, chat=True)
        if not state.pin:
            self.call("pin/remove")

    def way_of(self, person: str) -> list[str]:
        """Go through the door as this person, with the right answers and a host who lets people in."""
        way: list[str] = []
        body: dict[str, Any] = {}
        while len(way) < 5:
            answer = self.join(person, **body)
            way.append("denied" if answer.status_code >= 400 else answer.json["status"])
            if way[-1] == "asked":
                body = {"answer": {"field": answer.json["field"], "value": PIN}}
            elif way[-1] == "waiting":
                body = {}
                self.call("lobby/admit-all")
            else:
                break
        return way

    def rights_of(self, person: str) -> tuple[bool, ...]:
        with self.app.app_context():
            mine = {"identity": self.identities[person]}
            row = db.session.query(Participant).filter_by(**mine).one()
            return (row.microphone, row.camera, row.screen, row.chat)


@pytest.fixture
def app(make_app: Callable[..., Flask], monkeypatch: pytest.MonkeyPatch) -> Flask:
    monkeypatch.setattr(LiveKit, "must_be_reachable", lambda self: None)
    # What LiveKit is told has tests of its own; here nothing answers at its address.
    monkeypatch.setattr(enforcement, "enforce", lambda lecture, people=None: enforcement.Enforced())
    monkeypatch.setattr(enforcement, "later", lambda lecture: None)
    monkeypatch.setattr(LiveKit, "send_data", lambda self, *given, **more: True)
    monkeypatch.setattr(hashing, "ROUNDS", 4)
    return make_app(*PLUGINS)


@pytest.fixture
def house(app: Flask, make_user: Any, make_room: Any, sign_in: Any) -> House:
    owner = make_user(name="Emmy")
    room = make_room(owner)
    users = {name: make_user(name=name) for name in ("co-host", "user", "user inside", "banned user")}
    with app.app_context():
        db.session.add(RoomHost(room_id=room[0], user_id=users["co-host"]))
        db.session.add(Lecture(room_id=room[0], title="Today", started_by_id=owner))
        db.session.commit()
    people = {name: sign_in(users[name]) if name in users else app.test_client() for name in PEOPLE}
    people["owner"] = sign_in(owner)
    made = House(app, sign_in(owner), room, people)
    made.call("pin/choose", pin=PIN)
    for name in (*INSIDE, "removed guest", "banned guest", "banned user"):
        made.way_of(name)
    made.call(f"moderation/people/{made.identities['removed guest']}/remove", reason="")
    for name in ("banned guest", "banned user"):
        made.call(f"moderation/people/{made.identities[name]}/ban", reason="")
    return made


@pytest.mark.parametrize("state", STATES, ids=str)
def test_what_all_plugins_say_together(house: House, state: State) -> None:
    house.set(state)
    ways = {person: house.way_of(person) for person in PEOPLE}
    assert ways == {person: expected_way(person, state) for person in PEOPLE}
    inside = [person for person in PEOPLE if ways[person][-1] == "admitted"]
    rights = {person: house.rights_of(person) for person in inside}
    assert rights == {person: expected_rights(person, state) for person in inside}


OFF = {
    "lobby": {"who_waits": "nobody"},
    "pin": {"pin": False},
    "moderation": {"locked": False, "panic": False},
    "webinar": {"webinar": False},
}


@pytest.mark.parametrize("plugin", PLUGINS)
def test_a_plugin_that_is_switched_off_in_the_lecture_says_nothing_more(house: House, plugin: str) -> None:
    state = State("everyone", pin=True, locked=True, panic=True, webinar=True)
    house.set(state)
    off = {"plugins": {plugin: {"enabled": False}}}
    assert house.owner.patch(f"/api/rooms/{house.id}", json=off).status_code == 200
    left = replace(state, **OFF[plugin])
    assert house.rights_of("guest inside") == expected_rights("guest inside", left)
    way = house.way_of("guest")
    assert way == expected_way("guest", left)
    banned = house.join("banned guest").json
    assert ("banned" in banned.get("detail", "")) is (plugin != "moderation")
