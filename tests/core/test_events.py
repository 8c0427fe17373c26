"""What was committed is told to each plugin by a job of its own."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
import sqlalchemy as sa

from core import jobs
from core.contracts import Event, LectureEnded, LectureStarted
from core.db import db
from core.engine import room_plugins
from core.events import publish
from core.testing import new_place
from tests.core.engine.conftest import install

__all__ = ["install"]


@dataclass(frozen=True)
class RoomSettings:
    word: str = ""


@pytest.fixture
def heard() -> list[tuple[str, Event]]:
    return []


def waiting() -> list[dict]:
    rows = db.session.execute(sa.text("SELECT task_name, args FROM procrastinate_jobs WHERE status = 'todo'"))
    return [dict(row) for row in rows.mappings()]


def test_each_listener_gets_a_job_of_its_own(make_app, install, heard):
    for name in ("x", "y"):
        install(name, on_event=lambda event, name=name: heard.append((name, event)))
    install("deaf")
    app = make_app("x", "y", "deaf")
    place = new_place(app, "x")
    with app.app_context():
        publish(LectureStarted(place.room_id, place.lecture_id))
        db.session.commit()
        assert [job["args"]["plugin"] for job in waiting()] == ["x", "y"]
    jobs.run_worker(app, wait=False)
    started = LectureStarted(place.room_id, place.lecture_id)
    assert sorted(heard, key=lambda pair: pair[0]) == [("x", started), ("y", started)]


def test_a_rollback_takes_the_news_back(make_app, install):
    install("x", on_event=lambda: None)
    with make_app("x").app_context():
        publish(LectureEnded(1, 1))
        db.session.rollback()
        assert waiting() == []


def test_who_fails_is_asked_again_and_the_others_have_heard(make_app, install, heard):
    def fail():
        raise RuntimeError("not today")

    install("bad", on_event=fail)
    install("good", on_event=lambda event: heard.append(("good", event)))
    app = make_app("bad", "good")
    place = new_place(app, "good")
    with app.app_context():
        publish(LectureEnded(place.room_id, place.lecture_id))
        db.session.commit()
    jobs.run_worker(app, wait=False)
    assert len(heard) == 1
    with app.app_context():
        (again,) = waiting()
        assert again["args"] == {
            "plugin": "bad",
            "event": "LectureEnded",
            "facts": {"room_id": place.room_id, "lecture_id": place.lecture_id},
        }
        assert [failure.plugin for failure in app.extensions["audimax_plugins"].failures] == ["bad"]


def test_a_plugin_hears_nothing_of_rooms_in_which_it_is_off(make_app, install, heard):
    from core.rooms.models import Room

    install("x", manifest={"room_settings": RoomSettings}, on_event=lambda event: heard.append(("x", event)))
    app = make_app("x")
    place = new_place(app, "x")
    with app.app_context():
        room_plugins.switch(db.session.get_one(Room, place.room_id), "x", False)
        publish(LectureEnded(place.room_id, place.lecture_id))
        db.session.commit()
    jobs.run_worker(app, wait=False)
    assert heard == []


def test_only_events_of_core_can_be_told(make_app):
    @dataclass(frozen=True)
    class Party(Event):
        pass

    with make_app().app_context(), pytest.raises(TypeError, match="Party is not one of EVENT_TYPES"):
        publish(Party(1))
