"""Lectures that are over, with sections that tests choose, read for search."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from flask import Flask

from core.contracts import Audience, FileEntry, Files, Line, Prose, Section, Timeline, Viewer
from core.db import db
from core.engine.plugins import Answer, Plugins
from core.jobs import run_worker
from core.lectures.models import Lecture, Participant
from core.people.models import User
from core.rooms import codes
from core.rooms.models import Room
from core.search import changes
from core.search.finding import Asked, search
from core.search.words import read

START = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


def spoken(*lines: tuple[float, str, str], audience: Audience = Audience.EVERYONE) -> Timeline:
    return Timeline("transcript", "Transcript", audience, lines=tuple(Line(*line) for line in lines))


def written(*paragraphs: str, audience: Audience = Audience.EVERYONE) -> Prose:
    return Prose("summary", "Summary", audience, paragraphs=paragraphs)


def shared(*names: str) -> Files:
    return Files("all", "Files", files=tuple(FileEntry(name, "text/plain", 1, "/files/x") for name in names))


class Archive:
    """Makes lectures and looks for things in them."""

    def __init__(self, app: Flask, owner: int) -> None:
        self.app, self.owner = app, owner
        self.sections: dict[int, list[Section]] = {}
        self.made = 0

    def room(self, title: str = "Physics", owner: int | None = None, **settings: Any) -> int:
        with self.app.app_context():
            room = Room(owner_id=owner or self.owner, title=title, code=codes.new_code(), settings=settings)
            db.session.add(room)
            db.session.commit()
            return room.id

    def lecture(self, room: int, *sections: Section, title: str = "Waves", language: str = "en") -> int:
        """Each one a day after the one before; it is read at once."""
        start = START + timedelta(days=self.made)
        self.made += 1
        with self.app.app_context():
            row = Lecture(
                room_id=room,
                title=title,
                language=language,
                started_at=start,
                ended_at=start + timedelta(minutes=90),
                closed_at=start + timedelta(minutes=91),
            )
            db.session.add(row)
            db.session.commit()
            key = row.id
        self.sections[key] = list(sections)
        self.change(key)
        self.work()
        return key

    def change(self, lecture: int, *sections: Section) -> None:
        """What its sections say from now on; nobody has read it yet."""
        if sections:
            self.sections[lecture] = list(sections)
        with self.app.app_context():
            changes.lecture_changed(lecture)
            db.session.commit()

    def work(self) -> None:
        run_worker(self.app, wait=False)

    def take_part(self, lecture: int, user: int) -> None:
        with self.app.app_context():
            db.session.add(Participant(lecture_id=lecture, name="Bob", user_id=user, first_joined_at=START))
            db.session.commit()

    def find(self, typed: str, user: int | None = None, **more: Any) -> Any:
        with self.app.test_request_context():
            who = db.session.get(User, user or self.owner)
            assert who is not None
            return search(who, Asked(read(typed), **more))

    def ids(self, typed: str, user: int | None = None, **more: Any) -> list[int]:
        return [found.lecture.id for found in self.find(typed, user, **more).found]

    def texts(self, typed: str, user: int | None = None, **more: Any) -> list[str]:
        return [str(hit.text) for found in self.find(typed, user, **more).found for hit in found.hits]


@pytest.fixture
def archive(app: Flask, ada: int, monkeypatch: pytest.MonkeyPatch) -> Archive:
    made = Archive(app, ada)

    def ask(_self: Any, hook: str, **question: Any) -> list[Any]:
        if hook != "lecture_sections":
            return []
        viewer: Viewer = question["viewer"]
        found = made.sections.get(question["lecture"].id, [])
        mine = [one for one in found if viewer.sees_hosts_part or one.audience is Audience.EVERYONE]
        return [Answer("talk", mine)] if mine else []

    monkeypatch.setattr(Plugins, "ask", ask)
    return made


@pytest.fixture
def bob(make_user: Callable[..., int]) -> int:
    return make_user("bob@uni.example", name="Bob")
