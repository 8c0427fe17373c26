from __future__ import annotations

import pytest


@pytest.fixture
def start_lecture(app):
    """``start_lecture(room_public_id)`` puts a live lecture there, without LiveKit; its public id."""
    from core.db import db
    from core.http.views import find_room
    from core.lectures.models import Lecture

    def start(room_id: str, **more):
        with app.test_request_context():
            room = find_room(room_id)
            lecture = Lecture(room_id=room.id, title=room.title, started_by_id=room.owner_id, **more)
            db.session.add(lecture)
            db.session.commit()
            return lecture.public_id

    return start
