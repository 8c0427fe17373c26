"""A room with a lecture, its host and guests; what is sent to LiveKit is written down."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask

from core.db import db
from core.lectures.models import Lecture, Participant
from core.livekit import enforcement
from core.livekit.client import LiveKit


@pytest.fixture
def app(make_app: Callable[..., Flask]) -> Flask:
    return make_app("webinar")


class Somebody:
    """A browser in the room; ``identity`` is known once they have joined."""

    def __init__(self, client: Any, room: str) -> None:
        self.client, self.room, self.identity, self.token = client, room, "", ""

    def join(self, name: str = "Bob") -> Any:
        answer = self.client.post(f"/api/rooms/{self.room}/join", json={"name": name})
        assert answer.status_code == 200, answer.text
        self.identity, self.token = answer.json["identity"], answer.json["token"]
        return self

    def try_to(self, action: str, **body: Any) -> Any:
        return self.client.post(f"/api/rooms/{self.room}/webinar/{action}", json=body)

    def do(self, action: str, **body: Any) -> Any:
        answer = self.try_to(action, **body)
        assert answer.status_code < 300, answer.text
        return answer.json

    @property
    def state(self) -> Any:
        return self.client.get(f"/api/rooms/{self.room}/webinar/state").json

    def patch(self, **body: Any) -> None:
        assert self.client.patch(f"/api/rooms/{self.room}", json=body).status_code == 200

    def set(self, **settings: Any) -> None:
        """Through the room's form, as it were."""
        self.patch(plugins={"webinar": {"enabled": True, "settings": settings}})


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[tuple[dict[str, Any], list[str]]]:
    """Packets and their addressees; nobody means everybody. LiveKit itself is away."""
    packets: list[tuple[dict[str, Any], list[str]]] = []

    def send(_self: LiveKit, _room: str, _topic: str, packet: bytes, to: list[str]) -> bool:
        packets.append((json.loads(packet), to))
        return True

    monkeypatch.setattr(LiveKit, "must_be_reachable", lambda self: None)
    monkeypatch.setattr(LiveKit, "send_data", send)
    monkeypatch.setattr(enforcement, "enforce", lambda lecture, people=None: enforcement.Enforced())
    monkeypatch.setattr(enforcement, "later", lambda lecture: None)
    return packets


@pytest.fixture
def owner(make_user: Any) -> int:
    return int(make_user())


@pytest.fixture
def host(app: Flask, owner: int, make_room: Any, sign_in: Any, sent: Any) -> Somebody:
    """The owner, signed in, in a room where a lecture runs."""
    key, room, _code = make_room(owner)
    with app.app_context():
        db.session.add(Lecture(room_id=key, title="Today", started_by_id=owner))
        db.session.commit()
    return Somebody(sign_in(owner), room)


@pytest.fixture
def come(app: Flask, host: Somebody) -> Callable[..., Somebody]:
    """``come("Ada")``: a new guest who has joined."""
    return lambda name="Bob": Somebody(app.test_client(), host.room).join(name)


@pytest.fixture
def rights(app: Flask) -> Callable[[Somebody], tuple[bool, ...]]:
    """Microphone, camera and screen of somebody, as their row says."""

    def of(person: Somebody) -> tuple[bool, ...]:
        with app.app_context():
            row = db.session.query(Participant).filter_by(identity=person.identity).one()
            return row.microphone, row.camera, row.screen

    return of


@pytest.fixture
def change(app: Flask) -> Callable[..., None]:
    """``change(bob, left_at=…)`` sets columns of somebody's row."""

    def write(person: Somebody, **values: Any) -> None:
        with app.app_context():
            db.session.query(Participant).filter_by(identity=person.identity).update(values)
            db.session.commit()

    return write
