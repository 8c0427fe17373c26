from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from core.db import db
from core.lectures.models import Lecture, Participant
from core.people.models import User
from core.rooms.models import Room

START = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)


@pytest.fixture
def make_lecture(app):
    """``make_lecture(room_key)``: one of 90 minutes; ``minutes=None`` is still live."""

    def make(room_key, *, title="", minutes=90, start=START):
        with app.app_context():
            room = db.session.get(Room, room_key)
            ended = start + timedelta(minutes=minutes) if minutes is not None else None
            lecture = Lecture(room_id=room.id, title=title or room.title, started_by_id=room.owner_id,
                              started_at=start, ended_at=ended)  # fmt: skip
            db.session.add(lecture)
            db.session.commit()
            return lecture.id, lecture.public_id

    return make


@pytest.fixture
def take_part(app):
    """``take_part(lecture_key, "Bob", user=…, guest=…)``: from minute to minute."""

    def take(lecture_key, name, *, user=None, guest=None, minutes=(0, 90), role="guest", **more):
        with app.app_context():
            joined, left = (START + timedelta(minutes=minute) for minute in minutes)
            db.session.add(Participant(
                lecture_id=lecture_key, name=name, user_id=user, guest_session_id=guest, role=role,
                **{"first_joined_at": joined, "left_at": left,
                   "seconds_present": int((left - joined).total_seconds()), **more},
            ))  # fmt: skip
            db.session.commit()

    return take


@pytest.fixture
def guest_client(app):
    """``guest_client("Bob")``: a browser with a guest session of its own, and the session's key."""
    from core.people.guests import guest_session

    def make(name="Bob"):
        client = app.test_client()
        with app.test_request_context():
            session = guest_session(create=True)
            session.name = name
            db.session.commit()
            key = session.id
            response = app.process_response(app.make_response(""))
        value = response.headers["Set-Cookie"].split("=", 1)[1].split(";")[0]
        client.set_cookie("audimax-guest", value, domain="localhost")
        return client, key

    return make


@pytest.fixture
def owner_of(app):
    def find(user_key):
        with app.app_context():
            return db.session.get(User, user_key)

    return find
