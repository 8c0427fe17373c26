"""Who took part: one line for each person, however often they came."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask

from core.db import db, now
from core.lectures.history import Attendance, history, people_ever, people_now
from core.lectures.models import Lecture, Participant
from core.people.models import GuestSession

Add = Callable[..., None]


@pytest.fixture
def lecture(app: Flask, make_user: Any, make_room: Any) -> int:
    room = make_room(make_user())[0]
    with app.app_context():
        made = Lecture(room_id=room, title="Sorting")
        db.session.add(made)
        db.session.commit()
        return made.id


@pytest.fixture
def add(app: Flask, lecture: int) -> Add:
    def add(name: str, came: int, went: int | None, **more: Any) -> None:
        """Somebody who came and went so many minutes ago."""
        moment = now()
        joined = moment - timedelta(minutes=came)
        left = None if went is None else moment - timedelta(minutes=went)
        with app.app_context():
            db.session.add(
                Participant(
                    lecture_id=lecture,
                    name=name,
                    first_joined_at=joined,
                    present_since=joined if left is None else None,
                    left_at=left,
                    seconds_present=0 if left is None else (came - (went or 0)) * 60,
                    **more,
                )
            )
            db.session.commit()

    return add


def read(app: Flask, lecture: int) -> list[Attendance]:
    with app.app_context():
        return history(db.session.get(Lecture, lecture))  # type: ignore[arg-type]


def test_people_are_listed_in_the_order_in_which_they_came(app: Flask, lecture: int, add: Add) -> None:
    add("Late", 5, None)
    add("Early", 50, 10)
    made = read(app, lecture)
    assert [(one.name, one.is_here) for one in made] == [("Early", False), ("Late", True)]
    assert made[0].seconds == 40 * 60
    assert 295 <= made[1].seconds <= 310


def test_a_return_after_a_removal_is_the_same_person(app: Flask, lecture: int, add: Add) -> None:
    with app.app_context():
        guest = GuestSession(token_hash="x")
        db.session.add(guest)
        db.session.commit()
        key = guest.id
    add("Grace", 50, 40, guest_session_id=key, removed_at=now())
    add("Grace H.", 20, 10, guest_session_id=key)
    (made,) = read(app, lecture)
    assert (made.name, made.seconds, made.is_here) == ("Grace H.", 20 * 60, False)
    assert made.left_at is not None
    assert made.left_at - made.joined_at > timedelta(minutes=39)


def test_two_people_of_one_name_stay_two(app: Flask, lecture: int, add: Add) -> None:
    add("Kim", 20, 10)
    add("Kim", 15, 10)
    assert len(read(app, lecture)) == 2


def test_who_was_let_in_but_never_connected_took_no_part(app: Flask, lecture: int) -> None:
    with app.app_context():
        db.session.add(Participant(lecture_id=lecture, name="Ghost"))
        db.session.commit()
    assert read(app, lecture) == []


def test_people_are_counted_for_many_lectures_with_one_query_each(app: Flask, lecture: int, add: Add) -> None:
    add("Grace", 20, None)
    add("Ada", 20, 10)
    with app.app_context():
        seen: list[str] = []
        sa.event.listen(db.engine, "before_cursor_execute", lambda *args: seen.append(args[2]))
        assert people_now([lecture, 999]) == {lecture: 1, 999: 0}
        assert people_ever([lecture, 999]) == {lecture: 2, 999: 0}
        assert len(seen) == 2
