"""A lecture with people in it who send files, through the routes and into a folder of the test's own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask
from flask.testing import FlaskClient

from core.db import db, now
from core.files import storages
from core.files import stored as files
from core.files.local import LocalStorage
from core.files.models import StoredFile
from core.lectures.models import Lecture, Participant
from core.people.models import User
from core.testing import _new_guest
from tests.fixtures.working import work_off

PNG = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + bytes(64)
PDF = b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n" + b"1 0 obj\n" * 10
OURS = "files"


@dataclass
class Sender:
    """Somebody in the lecture: a participant row and a browser."""

    client: FlaskClient
    participant: int


class Hall:
    """A live lecture with its host, and guests."""

    def __init__(self, app: Flask, room: int, owner: int, host: FlaskClient) -> None:
        self.app, self.room, self.owner, self.host = app, room, owner, host
        with app.app_context():
            lecture = Lecture(room_id=room, title="Algorithms II", started_by_id=owner)
            db.session.add(lecture)
            db.session.commit()
            self.lecture, self.lecture_id = lecture.id, lecture.public_id

    def guest(self, name: str = "Grace") -> Sender:
        """A guest who is inside."""
        from core.people.guests import COOKIE

        with self.app.app_context():
            session, token = _new_guest()
            person = Participant(lecture_id=self.lecture, guest_session_id=session.id, name=name)
            db.session.add(person)
            db.session.commit()
            client = self.app.test_client()
            client.set_cookie(COOKIE, token, domain="localhost")
            return Sender(client, person.id)

    def begin(self, by: Sender | None, name: str, size: int, **more: Any) -> str:
        """What a plugin's route does; the id of the upload."""
        with self.app.app_context():
            sender: dict[str, Any] = {"user": db.session.get_one(User, self.owner)}
            if by is not None:
                sender = {"participant": db.session.get_one(Participant, by.participant)}
            lecture = db.session.get_one(Lecture, self.lecture)
            made = files.begin(lecture, OURS, name=name, size=size, mime="x/y", **sender, **more)
            db.session.commit()
            return made.public_id

    def send(self, by: Sender, name: str, content: bytes, **more: Any) -> str:
        """All of it, until it is ready; its id."""
        made = self.begin(by, name, len(content), **more)
        assert add(by.client, made, content).status_code == 204
        answer = by.client.post(f"/api/uploads/{made}/complete", json={})
        assert answer.status_code == 200, answer.text
        return made

    def remove(self, sender: Sender) -> None:
        """A host has removed them."""
        with self.app.app_context():
            db.session.get_one(Participant, sender.participant).removed_at = now()
            db.session.commit()

    def change(self, public_id: str, **values: Any) -> None:
        with self.app.app_context():
            db.session.execute(
                sa.update(StoredFile).where(StoredFile.public_id == public_id).values(**values)
            )
            db.session.commit()

    def row(self, public_id: str) -> Any:
        """The facts of a file as they are now; None when there is no row."""
        with self.app.app_context():
            table = StoredFile.__table__
            return db.session.execute(sa.select(table).where(table.c.public_id == public_id)).one_or_none()

    def keys(self) -> list[str]:
        """Everything that lies in the folder."""
        with self.app.app_context():
            return sorted(storages.local().list(""))

    def work(self) -> None:
        """Let the worker do all jobs that are due, and those that they put into the queue."""
        work_off(self.app)


def add(client: FlaskClient, upload: str, content: bytes, offset: int = 0, **more: Any) -> Any:
    """Send bytes as the page does."""
    headers = {"Upload-Offset": str(offset), **more.pop("headers", {})}
    kind = more.pop("content_type", "application/offset+octet-stream")
    return client.patch(f"/api/uploads/{upload}", data=content, headers=headers, content_type=kind, **more)


@pytest.fixture
def settings(settings: dict[str, Any], tmp_path: Path) -> dict[str, Any]:
    return {**settings, "instance_dir": str(tmp_path)}


@pytest.fixture
def hall(app: Flask, ada: int, make_room: Any, sign_in: Any) -> Hall:
    return make_hall(app, ada, make_room, sign_in)


def make_hall(app: Flask, owner: int, make_room: Any, sign_in: Any) -> Hall:
    room, _id, _code = make_room(owner)
    return Hall(app, room, owner, sign_in(owner))


@pytest.fixture
def folder(tmp_path: Path) -> LocalStorage:
    return LocalStorage(tmp_path / "files")


@pytest.fixture
def in_lecture(hall: Hall) -> Iterator[Callable[[], Lecture]]:
    """An app context, and in it the lecture as the session has it."""
    with hall.app.app_context():
        yield lambda: db.session.get_one(Lecture, hall.lecture)
