"""Who took part in a lecture: when they came, when they left, for how long."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any, NamedTuple

import sqlalchemy as sa

from core.db import db, now
from core.lectures.models import Lecture, Participant


class Attendance(NamedTuple):
    """One person in one lecture, however often they reconnected or came back."""

    id: str
    name: str
    role: str
    joined_at: datetime
    left_at: datetime | None
    seconds: int

    @property
    def is_here(self) -> bool:
        return self.left_at is None


def history(lecture: Lecture) -> list[Attendance]:
    """Everybody who was connected, in the order in which they came."""
    people: dict[tuple[str, int], list[Any]] = {}
    for row in _rows(lecture):
        people.setdefault(_person(row), []).append(row)
    return sorted(map(_attendance, people.values()), key=lambda one: one.joined_at)


def people_now(lectures: Collection[int]) -> dict[int, int]:
    """How many are connected now, by the lectures' database keys; one query."""
    query = (
        sa.select(Participant.lecture_id, sa.func.count())
        .where(Participant.lecture_id.in_(lectures), Participant.present_since.is_not(None))
        .group_by(Participant.lecture_id)
    )
    return _counted(query, lectures)


def people_ever(lectures: Collection[int]) -> dict[int, int]:
    """How many people took part, by the lectures' database keys; one query."""
    person = sa.func.coalesce(
        sa.literal("u") + sa.cast(Participant.user_id, sa.Text),
        sa.literal("g") + sa.cast(Participant.guest_session_id, sa.Text),
        sa.literal("p") + sa.cast(Participant.id, sa.Text),
    )
    query = (
        sa.select(Participant.lecture_id, sa.func.count(sa.distinct(person)))
        .where(Participant.lecture_id.in_(lectures), Participant.first_joined_at.is_not(None))
        .group_by(Participant.lecture_id)
    )
    return _counted(query, lectures)


def _counted(query: sa.Select[int, int], lectures: Collection[int]) -> dict[int, int]:
    return dict.fromkeys(lectures, 0) | {row[0]: row[1] for row in db.session.execute(query)}


def _rows(lecture: Lecture) -> Sequence[Any]:
    """What is needed of them and no more: there may be hundreds."""
    query = sa.select(
        Participant.id,
        Participant.public_id,
        Participant.user_id,
        Participant.guest_session_id,
        Participant.name,
        Participant.role,
        Participant.first_joined_at,
        Participant.present_since,
        Participant.left_at,
        Participant.seconds_present,
    ).where(Participant.lecture_id == lecture.id, Participant.first_joined_at.is_not(None))
    return db.session.execute(query.order_by(Participant.id)).all()


def _person(row: Any) -> tuple[str, int]:
    if row.user_id is not None:
        return "user", row.user_id
    if row.guest_session_id is not None:
        return "guest", row.guest_session_id
    return "row", row.id


def _attendance(rows: Sequence[Any]) -> Attendance:
    last = rows[-1]
    if len(rows) == 1:
        # As most do, and there may be hundreds.
        left_at = None if last.present_since is not None else last.left_at or last.first_joined_at
        came = last.first_joined_at
        return Attendance(last.public_id, last.name, last.role, came, left_at, _seconds(last))
    here = any(row.present_since is not None for row in rows)
    left = [row.left_at for row in rows if row.left_at is not None]
    return Attendance(
        id=last.public_id,
        name=last.name,
        role=last.role,
        joined_at=min(row.first_joined_at for row in rows if row.first_joined_at is not None),
        left_at=None if here else max(left, default=last.first_joined_at),
        seconds=sum(map(_seconds, rows)),
    )


def _seconds(row: Any) -> int:
    running = (now() - row.present_since).total_seconds() if row.present_since is not None else 0
    return int(row.seconds_present) + max(0, round(running))
