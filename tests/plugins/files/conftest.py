"""A room with a lecture, its host and guests who share files; what is sent to LiveKit is written down."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask

from core.db import db
from core.files import storages
from core.files.models import StoredFile
from core.lectures.models import Lecture, Participant
from core.livekit import enforcement
from core.livekit.client import LiveKit
from tests.fixtures.working import work_off

PDF = b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n" + b"1 0 obj\n" * 10
Packets = list[tuple[str, dict[str, Any]]]


class Somebody:
    """A browser in the room; ``identity`` is known once they have joined."""

    def __init__(self, client: Any, room: str) -> None:
        self.client, self.room, self.identity = client, room, ""

    def join(self, name: str = "Bob") -> Somebody:
        answer = self.client.post(f"/api/rooms/{self.room}/join", json={"name": name})
        assert answer.status_code == 200, answer.text
        self.identity = answer.json["identity"]
        return self

    def ask(self, method: str, path: str, **body: Any) -> Any:
        return self.client.open(f"/api/rooms/{self.room}/files/{path}", method=method, json=body or None)

    def begin(self, name: str = "slides.pdf", size: int = len(PDF), mime: str = "application/pdf") -> Any:
        return self.ask("POST", "shares", name=name, size=size, mime=mime)

    def upload(self, plan: Any, content: bytes = PDF) -> Any:
        """All the bytes, as the page sends them, and the completion."""
        path = f"/api/uploads/{plan['id']}"
        headers, kind = {"Upload-Offset": "0"}, "application/offset+octet-stream"
        sent = self.client.patch(path, data=content, headers=headers, content_type=kind)
        assert sent.status_code == 204, sent.text
        return self.client.post(f"{path}/complete", json={})

    def share(self, name: str = "slides.pdf", content: bytes = PDF) -> Any:
        """A file that is ready; as the listing has it."""
        plan = self.begin(name, len(content)).json
        answer = self.upload(plan, content)
        assert answer.status_code == 200, answer.text
        return next(one for one in self.shares if one["file"]["id"] == plan["id"])

    @property
    def listing(self) -> Any:
        answer = self.ask("GET", "shares")
        assert answer.status_code == 200, answer.text
        return answer.json

    @property
    def shares(self) -> list[Any]:
        return list(self.listing["shares"])

    def names(self) -> list[str]:
        return [share["file"]["name"] for share in self.shares]

    def delete(self, share: Any) -> Any:
        return self.ask("DELETE", f"shares/{share['id']}")


class Backstage:
    """What no browser sees: rows, bytes, and the job worker."""

    def __init__(self, app: Flask) -> None:
        self.app = app

    def work(self) -> None:
        """Let the worker do all jobs that are due."""
        work_off(self.app)

    def keys(self) -> list[str]:
        """Everything that lies in the folder."""
        with self.app.app_context():
            return sorted(storages.local().list(""))

    def change(self, file_id: str, **values: Any) -> None:
        with self.app.app_context():
            mine = StoredFile.public_id == file_id
            db.session.execute(sa.update(StoredFile).where(mine).values(**values))
            db.session.commit()

    def remove(self, person: Somebody) -> None:
        """A host has put them out."""
        from core import order

        with self.app.app_context():
            order.remove(db.session.query(Participant).filter_by(identity=person.identity).all())
            db.session.commit()


@pytest.fixture
def settings(settings: dict[str, Any], tmp_path: Path) -> dict[str, Any]:
    return {**settings, "instance_dir": str(tmp_path)}


@pytest.fixture
def app(make_app: Callable[..., Flask]) -> Flask:
    return make_app("files")


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> Packets:
    """Topics and packets; LiveKit itself is away."""
    packets: Packets = []

    def send(_self: LiveKit, _room: str, topic: str, packet: bytes, _to: list[str]) -> bool:
        packets.append((topic, json.loads(packet)))
        return True

    monkeypatch.setattr(LiveKit, "must_be_reachable", lambda self: None)
    monkeypatch.setattr(LiveKit, "send_data", send)
    monkeypatch.setattr(enforcement, "enforce", lambda lecture, people=None: enforcement.Enforced())
    monkeypatch.setattr(enforcement, "later", lambda lecture: None)
    return packets


@pytest.fixture
def host(app: Flask, make_user: Any, make_room: Any, sign_in: Any, sent: Any) -> Somebody:
    """The owner, signed in, in a room where a lecture runs."""
    owner = int(make_user())
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
def backstage(app: Flask) -> Backstage:
    return Backstage(app)


@pytest.fixture
def open_to_all(host: Somebody) -> None:
    """Everybody in the room may share."""
    assert host.ask("PUT", "settings", everyone=True).status_code == 204
