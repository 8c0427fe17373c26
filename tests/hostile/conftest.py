"""Two rooms with everything in them, and everybody who might want into the wrong one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote_to_bytes

import pytest
from flask import Flask
from flask.testing import FlaskClient
from limits.storage import MemoryStorage

from core.db import db
from core.lectures.models import Lecture
from core.livekit.client import LiveKit
from core.people import hashing, links
from core.people.links import Purpose
from core.rooms.models import RoomHost

PASSWORD = "correct horse battery staple"


@pytest.fixture(autouse=True)
def livekit_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    """These attacks are on our side of the door; LiveKit's side is attacked in tests/core/livekit."""
    monkeypatch.setattr(LiveKit, "must_be_reachable", lambda self: None)
    monkeypatch.setattr(LiveKit, "create_room", lambda self, name: None)
    monkeypatch.setattr(LiveKit, "delete_room", lambda self, name: False)
    monkeypatch.setattr(LiveKit, "list_participants", lambda self, room: [])


@pytest.fixture(autouse=True)
def quick_hashes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hashing, "ROUNDS", 4)


@pytest.fixture(autouse=True)
def no_tries_yet() -> Iterator[None]:
    forget_tries()
    yield
    forget_tries()


def forget_tries() -> None:
    """Everybody has all tries again."""
    from core.http import tries
    from core.http.limits import limiter

    tries._fallback.storage.reset()
    if isinstance(getattr(limiter, "_storage", None), MemoryStorage):
        limiter._storage.reset()


@dataclass
class Place:
    """A room with a live lecture, its owner, a co-host and a guest who is inside."""

    room: int
    id: str
    code: str
    lecture: str
    owner: int
    co_host: int
    co_host_id: str
    host: FlaskClient
    guest: FlaskClient
    guest_row: dict[str, Any] = field(default_factory=dict)


@dataclass
class World:
    app: Flask
    ours: Place
    theirs: Place
    admin: FlaskClient
    nobody: Callable[[], FlaskClient]

    def people(self) -> dict[str, FlaskClient]:
        """One client for each kind of caller of our room."""
        return {
            "stranger": self.nobody(),
            "guest": self.ours.guest,
            "host": self.ours.host,
            "another host": self.theirs.host,
            "admin": self.admin,
        }


@pytest.fixture
def make_place(app: Flask, make_user: Any, make_room: Any, sign_in: Any) -> Callable[..., Place]:
    """``make_place("Ada")``: her room, live, with a co-host and a guest."""

    def make(name: str) -> Place:
        owner, co_host = make_user(name=f"{name} Owner"), make_user(name=f"{name} Co-host")
        room, public_id, code = make_room(owner, title=f"Room of {name}")
        with app.app_context():
            from core.people.models import User

            db.session.add(RoomHost(room_id=room, user_id=co_host))
            lecture = Lecture(room_id=room, title=f"Lecture of {name}", started_by_id=owner)
            db.session.add(lecture)
            db.session.commit()
            co_host_id = db.session.get_one(User, co_host).public_id
            lecture_id = lecture.public_id
        guest = app.test_client()
        made = Place(room, public_id, code, lecture_id, owner, co_host, co_host_id, sign_in(owner), guest)
        made.guest_row = guest.post(f"/api/rooms/{public_id}/join", json={"name": f"Guest of {name}"}).json
        assert made.guest_row["status"] == "admitted"
        return made

    return make


@pytest.fixture
def world(app: Flask, make_place: Any, make_user: Any, sign_in: Any) -> World:
    admin = sign_in(make_user(name="Admin Istrator", is_admin=True))
    return World(app, make_place("Ada"), make_place("Mallory"), admin, app.test_client)


@pytest.fixture
def make_link(app: Flask) -> Callable[..., str]:
    """``make_link("reset", user=…)`` gives the path of a fresh one-time link."""
    from core.people.models import User

    def make(purpose: str, user: int | None = None, email: str = "new@uni.example") -> str:
        with app.app_context():
            found = db.session.get(User, user) if user else None
            address = links.issue(Purpose(purpose), user=found, email=email)
            db.session.commit()
        return address.removeprefix("http://localhost:8000")

    return make


# Streams don't end by themselves; tests/core/test_waiting.py and tests/core/lectures/test_stream.py read them.
STREAMS = frozenset({"waiting.stream", "lecture_stream.stream"})


def addresses(app: Flask) -> list[tuple[str, str, str]]:
    """Every route of the app: method, rule and endpoint."""
    return sorted(
        (method, rule.rule, rule.endpoint)
        for rule in app.url_map.iter_rules()
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
    )


def at(rule: str, place: Place, **more: str) -> str:
    """The rule with this place's ids in it."""
    ids = {"room_id": place.id, "lecture_id": place.lecture, "code": place.code, "user_id": place.co_host_id,
           "public_id": "nobody", "upload_id": "nobody", "export_id": "nobody", "share_id": "nobody", "file_id": "nobody",
           "section_id": "participants", "group_id": "core.lectures", "owner": "core",
           "token": "x" * 43, "name": "core.js", "filename": "dist/x.js", **more}  # fmt: skip
    for name, value in ids.items():
        for written in (f"<{name}>", f"<path:{name}>"):
            rule = rule.replace(written, value)
    assert "<" not in rule, f"give {rule} an id in {__name__}.at"
    return rule


def get_raw(client: FlaskClient, path: str, method: str = "GET", **more: Any) -> Any:
    """Ask for a path as a server passes it on, whatever a well-behaved client would make of it."""
    path, _mark, query = path.partition("?")
    overrides = {"PATH_INFO": unquote_to_bytes(path).decode("latin1"), "QUERY_STRING": query}
    return client.open("/", method=method, environ_overrides=overrides, **more)
