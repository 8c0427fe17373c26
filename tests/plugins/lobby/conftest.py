"""A room whose door is kept, on a real database; LiveKit is away."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from core.bus import notify
from core.db import db, now
from core.lectures.models import Lecture
from core.livekit.client import LiveKit
from core.rooms.models import Room, RoomHost


@pytest.fixture
def app(make_app: Callable[..., Flask]) -> Flask:
    return make_app("lobby")


@pytest.fixture(autouse=True)
def livekit_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(LiveKit, "must_be_reachable", lambda self: None)


@dataclass
class Door:
    """A room, its host at work, and what a host's click does to it."""

    app: Flask
    key: int
    id: str
    owner: int
    host: FlaskClient

    def set(self, **settings: Any) -> None:
        body = {"plugins": {"lobby": {"enabled": True, "settings": settings}}}
        answer = self.host.patch(f"/api/rooms/{self.id}", json=body)
        assert answer.status_code == 200, answer.text

    def ask(self, action: str, client: FlaskClient | None = None, **body: Any) -> Any:
        return (client or self.host).post(f"/api/rooms/{self.id}/lobby/{action}", json=body)

    def do(self, action: str, client: FlaskClient | None = None, **body: Any) -> Any:
        answer = self.ask(action, client, **body)
        assert answer.status_code < 300, answer.text
        return answer.json

    def state(self, search: str = "") -> Any:
        return self.host.get(f"/api/rooms/{self.id}/lobby/state?q={search}").json

    def id_of(self, name: str) -> str:
        found = self.state()
        return str(next(p["id"] for p in [*found["people"], *found["rejected"]] if p["name"] == name))

    def decide(self, verdict: str, *names: str, client: FlaskClient | None = None, **more: Any) -> Any:
        ids = [self.id_of(name) for name in names]
        return self.do("decide", client, ids=ids, verdict=verdict, **more)

    def join(self, client: FlaskClient, name: str = "Ann", **body: Any) -> Any:
        return client.post(f"/api/rooms/{self.id}/join", json={"name": name, **body})

    def newcomer(self, name: str = "Ann") -> FlaskClient:
        """Somebody with a new browser who asks to come in."""
        client = self.app.test_client()
        assert self.join(client, name).status_code < 300
        return client

    def start(self) -> None:
        with self.app.app_context():
            db.session.add(Lecture(room_id=self.key, title="Today", started_by_id=self.owner))
            notify(f"room:{self.key}", live=True)
            db.session.commit()

    def end(self) -> None:
        with self.app.app_context():
            db.session.query(Lecture).filter_by(room_id=self.key, ended_at=None).one().ended_at = now()
            notify(f"room:{self.key}", live=False)
            db.session.commit()

    def add_co_host(self, user: int) -> None:
        with self.app.app_context():
            db.session.add(RoomHost(room_id=self.key, user_id=user))
            db.session.commit()

    def room(self) -> Room:
        return db.session.get_one(Room, self.key)


@pytest.fixture
def make_door(app: Flask, make_user: Any, make_room: Any, sign_in: Any) -> Callable[..., Door]:
    def make(**settings: Any) -> Door:
        owner = make_user(name="Emmy Noether")
        key, room, _code = make_room(owner)
        door = Door(app, key, room, owner, sign_in(owner))
        door.set(**{"who_waits": "everyone", **settings})
        return door

    return make


@pytest.fixture
def door(make_door: Callable[..., Door]) -> Door:
    """Everyone waits here, and a lecture runs."""
    made = make_door()
    made.start()
    return made
