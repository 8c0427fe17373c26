"""The short lists of lectures: of one room, of those that somebody gave last. The long one is the archive."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import contains_eager

from core.db import db
from core.lectures.history import people_ever
from core.lectures.models import Lecture
from core.people.models import User
from core.rooms.hosts import hosted_by
from core.rooms.models import Room


@dataclass(frozen=True)
class Entry:
    """A lecture in a list, with how many people it had."""

    lecture: Lecture
    people: int


def of_room(room: Room, limit: int) -> list[Entry]:
    """The last lectures of a room."""
    return entries(in_order().where(Lecture.room_id == room.id).limit(limit))


def recent(user: User, limit: int) -> list[Entry]:
    """The last lectures that ended in rooms where the user is host."""
    return entries(in_order().where(hosted_by(user.id), Lecture.ended_at.is_not(None)).limit(limit))


def in_order() -> sa.Select[Any]:
    """Lectures with their rooms, the newest first; none that is deleted."""
    query = sa.select(Lecture).join(Lecture.room).options(contains_eager(Lecture.room))
    query = query.where(Lecture.deleted_at.is_(None))
    return query.order_by(Lecture.started_at.desc(), Lecture.id.desc())


def entries(query: sa.Select[Any]) -> list[Entry]:
    """What a query has found, with how many people each had; two queries."""
    lectures: Sequence[Lecture] = db.session.scalars(query).all()
    people = people_ever([lecture.id for lecture in lectures])
    return [Entry(lecture, people[lecture.id]) for lecture in lectures]
