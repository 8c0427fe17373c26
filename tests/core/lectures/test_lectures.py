"""A lecture starts once, ends for everybody, and can be asked for both again and again."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask

from core import events
from core.db import db, now
from core.errors import LiveKitDown
from core.lectures import lectures
from core.lectures.models import Lecture
from core.models import AuditEntry, GuardPass
from core.people.models import GuestSession, User
from core.rooms.models import Room
from tests.fixtures.livekit import Hall, until


def start(hall: Hall) -> int:
    with hall.app.app_context():
        return lectures.start(db.session.get(Room, hall.room_id), db.session.get(User, hall.owner_id)).id  # type: ignore[arg-type]


def scalars(hall: Hall, query: Any) -> list[Any]:
    with hall.app.app_context():
        return list(db.session.scalars(query))


def test_a_lecture_starts_once_however_often_it_is_asked_for(hall: Hall) -> None:
    assert start(hall) == start(hall)
    made = scalars(hall, sa.select(Lecture))
    assert [(one.title, one.is_live, one.started_by_id) for one in made] == [
        ("Algorithms II", True, hall.owner_id)
    ]
    assert [room.name for room in hall.api.list_rooms()] == [made[0].public_id]
    assert scalars(hall, sa.select(AuditEntry.action)) == ["lecture.start"]


def test_ten_hosts_who_click_at_once_start_one_lecture(hall: Hall) -> None:
    started: list[int] = []
    threads = [threading.Thread(target=lambda: started.append(start(hall))) for _ in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(started) == 10
    assert len(set(started)) == 1
    assert [room.name for room in hall.api.list_rooms()] == scalars(hall, sa.select(Lecture.public_id))


def test_nothing_starts_while_livekit_is_down(hall: Hall) -> None:
    hall.livekit.kill()
    with pytest.raises(LiveKitDown):
        start(hall)
    assert scalars(hall, sa.select(Lecture)) == []


def test_passes_of_guards_are_kept_for_the_lecture_and_dropped_with_it(hall: Hall) -> None:
    with hall.app.app_context():
        guest = GuestSession(token_hash="x")
        db.session.add(guest)
        db.session.flush()
        db.session.add(GuardPass(room_id=hall.room_id, guest_session_id=guest.id, guard="pin"))
        db.session.commit()
    lecture = start(hall)
    assert scalars(hall, sa.select(GuardPass.lecture_id)) == [lecture]
    hall.end(scalars(hall, sa.select(Lecture.public_id))[0])
    assert scalars(hall, sa.select(GuardPass)) == []


def test_start_and_end_are_told_to_whoever_waits(hall: Hall) -> None:
    from core.bus import subscribe

    told: list[Any] = []
    with hall.app.app_context():
        stops = [
            subscribe(f"room:{hall.room_id}", told.append),
            subscribe(f"dashboard:{hall.owner_id}", told.append),
        ]
    hall.end(hall.start())
    until(lambda: len([one for one in told if one]) == 4)
    hints = [one["live"] for one in told if one and "live" in one]
    assert hints == [True, False]
    for stop in stops:
        stop()


def test_plugins_are_told_in_the_same_transaction(hall: Hall, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[Any] = []
    monkeypatch.setattr(events, "publish", told.append)
    lecture = hall.start()
    hall.end(lecture)
    hall.end(lecture)
    assert [type(one).__name__ for one in told] == ["LectureStarted", "LectureEnded"]


def test_an_ended_lecture_puts_everybody_out_and_closes_their_presence(hall: Hall) -> None:
    lecture = hall.start()
    identity, person = hall.enter(lecture)
    hall.change(identity, present_since=now())
    hall.end(lecture)
    until(lambda: not person.is_in)
    row, ended = hall.row(identity), hall.lecture(lecture)
    assert row.present_since is None
    assert row.left_at == ended.ended_at
    assert ended.closed_at is not None
    assert hall.api.list_rooms() == []
    assert person.room.isconnected() is False


def test_ending_again_changes_nothing(hall: Hall) -> None:
    lecture = hall.start()
    hall.end(lecture)
    first = hall.lecture(lecture)
    hall.end(lecture)
    assert hall.lecture(lecture).ended_at == first.ended_at
    assert scalars(hall, sa.select(AuditEntry.action).order_by(AuditEntry.id)) == [
        "lecture.start",
        "lecture.end",
    ]


def test_a_lecture_ends_though_livekit_is_down(hall: Hall) -> None:
    lecture = hall.start()
    hall.livekit.kill()
    hall.end(lecture)
    assert hall.lecture(lecture).ended_at is not None
    assert hall.lecture(lecture).closed_at is None


def test_a_room_has_a_new_lecture_after_the_last_one(hall: Hall) -> None:
    first = hall.start()
    hall.end(first)
    second = hall.start()
    assert second != first
    assert [room.name for room in hall.api.list_rooms()] == [second]


def test_no_lecture_is_live_in_a_room_that_nobody_started(
    app: Flask, make_user: Callable[..., int], make_room: Callable[..., tuple[int, str, str]]
) -> None:
    room = make_room(make_user())[0]
    with app.app_context():
        assert lectures.live_in(db.session.get(Room, room)) is None  # type: ignore[arg-type]
