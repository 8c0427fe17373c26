"""A lecture that is over, its host and a guest, and a plugin whose exporter is a rogue."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from core.contracts import Audience, Prose
from core.db import db, now
from core.engine import offers
from core.exports import running
from core.exports.models import Export
from core.lectures.models import Lecture, Participant
from core.rooms.models import Room
from core.testing import _new_guest
from tests.fixtures.working import work_off

ROGUE = "tests.core.exports.rogue"


@pytest.fixture
def settings(settings: dict[str, Any], tmp_path: Path) -> dict[str, Any]:
    limits = {"export_seconds": 5, "largest_export_mb": 1, "export_memory_mb": 700}
    return {**settings, "instance_dir": str(tmp_path), **limits}


@pytest.fixture
def app(make_app: Callable[..., Flask], add_rogue: Callable[[Flask], None]) -> Flask:
    made = make_app()
    add_rogue(made)
    return made


@pytest.fixture
def add_rogue() -> Callable[[Flask], None]:
    def add(app: Flask) -> None:
        secrets = {"key": "sk-planted-secret", "greeting": "good morning"}
        app.extensions["audimax_plugins"].add(ROGUE, "rogue", secrets)
        offers.init_app(app)

    return add


@pytest.fixture
def without_walls(monkeypatch: pytest.MonkeyPatch) -> None:
    """Exporters run at once, in this process: for tests of what becomes of their files."""

    @contextmanager
    def exported(
        _plugin: str, exporter: Any, package: Any, options: Any, _folder: Path, _is_wanted: Any
    ) -> Iterator[running.Made]:
        made = exporter.export(package, options)
        content = made.body.read()
        yield running.Made(made.name, made.mime, len(content), BytesIO(content))

    monkeypatch.setattr(running, "exported", exported)


@dataclass
class Hall:
    """A lecture that is over; what people ask of it goes through the pages."""

    app: Flask
    room: int
    lecture: int
    id: str
    host: FlaskClient
    sections: list[Prose] = field(default_factory=list)

    def guest(self, name: str = "Grace") -> FlaskClient:
        """A guest who was there."""
        from core.people.guests import COOKIE

        with self.app.app_context():
            session, token = _new_guest()
            moment = now()
            db.session.add(
                Participant(
                    lecture_id=self.lecture, guest_session_id=session.id, name=name, first_joined_at=moment
                )
            )
            db.session.commit()
            client = self.app.test_client()
            client.set_cookie(COOKIE, token, domain="localhost")
            return client

    @property
    def page(self) -> str:
        return f"/lectures/{self.id}/exports"

    def ask(self, client: FlaskClient, does: str = "fine", about: Any = "", **more: Any) -> Any:
        form = {"exporter": "rogue", "rogue.does": does, "rogue.about": str(about)}
        return client.post(self.page, data={**form, "section": self.ids(client), **more})

    def ids(self, client: FlaskClient) -> list[str]:
        """The sections that the page offers to them."""
        import re

        return re.findall(r'name="section" value="([^"]+)"', client.get(self.page).text)

    def work(self) -> None:
        """Do what waits to be done."""
        work_off(self.app)

    def made(self, client: FlaskClient, does: str = "fine", about: Any = "", **more: Any) -> Export:
        """Ask, let it be made, and see what has become of it."""
        assert self.ask(client, does, about, **more).status_code == 303
        self.work()
        return self.last()

    def made_beside(self, client: FlaskClient, does: str) -> tuple[Export, Export]:
        """What has become of it, and of one in order that waits after it, with the same worker."""
        for one in (does, "fine"):
            assert self.ask(client, one).status_code == 303
        self.work()
        return self.last(1), self.last()

    def last(self, before: int = 0) -> Export:
        with self.app.app_context():
            found = db.session.query(Export).order_by(Export.id.desc()).offset(before).first()
            assert found is not None
            db.session.refresh(found)
            assert found.file is None or found.file.name
            db.session.expunge_all()
            return found

    def download(self, client: FlaskClient, export: Export) -> Any:
        return client.get(f"{self.page}/{export.public_id}/file")

    def said(self, client: FlaskClient, does: str, about: Any = "") -> Any:
        """What the rogue has written."""
        export = self.made(client, does, about)
        assert export.state == "done", export.why
        return self.download(client, export).json

    def let_people_read(self, may: bool = True) -> None:
        with self.app.app_context():
            room = db.session.get_one(Room, self.room)
            room.settings = {**room.settings, "participants_read": may}
            db.session.commit()


@pytest.fixture
def hall(app: Flask, ada: int, make_room: Any, sign_in: Any, add_guard: Any) -> Hall:
    key, _room, _code = make_room(ada)
    with app.app_context():
        begun = now() - timedelta(hours=2)
        lecture = Lecture(
            room_id=key,
            title="Today",
            started_by_id=ada,
            started_at=begun,
            ended_at=now() - timedelta(hours=1),
        )
        db.session.add(lecture)
        db.session.commit()
        made = Hall(app, key, lecture.id, lecture.public_id, sign_in(ada))
    made.sections += [
        Prose("all", "For all", paragraphs=("Words for everybody.",)),
        Prose("ours", "For hosts", Audience.HOSTS, paragraphs=("Words for hosts.",)),
    ]
    add_guard("notes", lecture_sections=lambda lecture, viewer: list(made.sections))
    made.let_people_read()
    return made
