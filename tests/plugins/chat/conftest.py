"""A room with a lecture, its host and guests who write; what is sent to LiveKit is written down."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from flask import Flask

from core.db import db
from core.lectures.models import Lecture, Participant
from plugins.chat import news, views
from tests.plugins.files.conftest import PDF, Backstage, backstage  # noqa: F401  (fixture)
from tests.plugins.webinar import conftest as webinar
from tests.plugins.webinar.conftest import change, owner, sent  # noqa: F401  (fixtures)

Packets = list[tuple[dict[str, Any], list[str]]]


@pytest.fixture
def settings(settings: dict[str, Any], tmp_path: Path) -> dict[str, Any]:
    return {**settings, "instance_dir": str(tmp_path)}


@pytest.fixture
def app(make_app: Callable[..., Flask]) -> Flask:
    return make_app("chat")


class Somebody(webinar.Somebody):
    """A browser in the room that writes."""

    def ask(self, method: str, path: str, body: Any = None) -> Any:
        return self.client.open(f"/api/rooms/{self.room}/chat{path}", method=method, json=body)

    def want(self, method: str, path: str, body: Any = None) -> Any:
        answer = self.ask(method, path, body)
        assert answer.status_code < 300, answer.text
        return answer.json

    def try_to_send(self, text: str, **more: Any) -> Any:
        return self.ask("POST", "/messages", {"client_id": str(uuid4()), "text": text, **more})

    def send(self, text: str, **more: Any) -> Any:
        answer = self.try_to_send(text, **more)
        assert answer.status_code == 201, answer.text
        return answer.json

    def begin(self, name: str = "notes.pdf", to: str = "everyone", size: int = len(PDF)) -> Any:
        about = {"name": name, "size": size, "mime": "application/pdf", "to": to}
        return self.ask("POST", "/attachments", about)

    def upload(self, name: str = "notes.pdf", to: str = "everyone", content: bytes = PDF) -> str:
        """The id of a file that has come and was checked, as the page sends it."""
        plan = self.begin(name, to, len(content))
        assert plan.status_code == 201, plan.text
        path, headers = f"/api/uploads/{plan.json['id']}", {"Upload-Offset": "0"}
        kind = "application/offset+octet-stream"
        assert self.client.patch(path, data=content, headers=headers, content_type=kind).status_code == 204
        assert self.client.post(f"{path}/complete", json={}).status_code == 200
        return str(plan.json["id"])

    def fetch(self, file_id: str) -> Any:
        return self.client.get(f"/files/{file_id}")

    def mark(self, message: Any, kind: str, on: bool = True) -> Any:
        return self.want("POST", f"/messages/{message['id']}/mark", {"kind": kind, "on": on})

    def flag(self, message: Any, flag: str, on: bool = True) -> Any:
        return self.want("POST", f"/messages/{message['id']}/flag", {"flag": flag, "on": on})

    def mode(self, mode: str, slow_seconds: int = 0) -> None:
        self.want("POST", "/mode", {"mode": mode, "slow_seconds": slow_seconds})

    def page(self, path: str = "/messages") -> Any:
        return self.want("GET", path)

    def changes(self, since: int = 0, private_since: int = 0) -> Any:
        return self.page(f"/changes?since={since}&private_since={private_since}")

    @property
    def texts(self) -> list[str]:
        return [message["text"] for message in self.page()["messages"]]

    def set(self, **settings: Any) -> None:
        """Through the room's form, as it were."""
        self.patch(plugins={"chat": {"enabled": True, "settings": settings}})


@pytest.fixture(autouse=True)
def _roomy(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tests type fast; those about the limits take them back."""
    for tries in (views.SENDS, views.CHANGES, views.ATTACHMENTS):
        monkeypatch.setitem(tries.__dict__, "limit", "10000 per second")
        tries.__dict__.pop("item", None)
    yield
    for tries in (views.SENDS, views.CHANGES, views.ATTACHMENTS):
        tries.__dict__.pop("item", None)


@pytest.fixture(autouse=True)
def _nothing_pending() -> Any:
    yield
    news._pending.clear()


@pytest.fixture
def host(app: Flask, owner: int, make_room: Any, sign_in: Any, sent: Packets) -> Somebody:  # noqa: F811
    """The owner, signed in and inside, in a room where a lecture runs."""
    key, room, _code = make_room(owner)
    with app.app_context():
        db.session.add(Lecture(room_id=key, title="Today", started_by_id=owner))
        db.session.commit()
    return Somebody(sign_in(owner), room).join("Emmy")


@pytest.fixture
def come(app: Flask, host: Somebody) -> Callable[..., Somebody]:
    """``come("Ada")``: a new guest who has joined."""
    return lambda name="Bob": Somebody(app.test_client(), host.room).join(name)


@pytest.fixture
def put_out(app: Flask) -> Callable[[Somebody], None]:
    """As moderation does it: from the commit on they aren't there."""
    from core import order

    def put(person: Somebody) -> None:
        with app.app_context():
            row = db.session.query(Participant).filter_by(identity=person.identity).one()
            order.lock(row.lecture)
            order.remove([row])
            db.session.commit()

    return put
