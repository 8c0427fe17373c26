"""Lists of lectures: of one room, of everything that somebody may read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import contains_eager

from core.db import db
from core.lectures.history import people_ever
from core.lectures.models import Lecture, Participant
from core.people.models import User
from core.rooms.hosts import hosted_by
from core.rooms.models import Room
from core.rooms.rooms import Page

PAGE_SIZE = 25


@dataclass(frozen=True)
class Entry:
    """A lecture in a list, with how many people it had."""

    lecture: Lecture
    people: int


def of_room(room: Room, limit: int) -> list[Entry]:
    """The last lectures of a room."""
    return _entries(_query().where(Lecture.room_id == room.id).limit(limit))


def recent(user: User, limit: int) -> list[Entry]:
    """The last lectures that ended in rooms where the user is host."""
    return _entries(_query().where(hosted_by(user.id), Lecture.ended_at.is_not(None)).limit(limit))


def readable(user: User, *, room: Room | None = None, page: int = 1) -> Page:
    """What the user may read, newest first: three queries."""
    where = [readable_by(user)]
    if room is not None:
        where.append(Lecture.room_id == room.id)
    count = (
        sa.select(sa.func.count()).select_from(Lecture).join(Room, Lecture.room_id == Room.id).where(*where)
    )
    total = db.session.scalar(count) or 0
    found = _entries(_query().where(*where).offset((page - 1) * PAGE_SIZE).limit(PAGE_SIZE))
    return Page(found, page, page * PAGE_SIZE < total, total)


def readable_by(user: User) -> sa.ColumnElement[bool]:
    """Lectures of rooms the user hosts, and those they took part in where the room lets them read."""
    took_part = sa.exists().where(
        Participant.lecture_id == Lecture.id,
        Participant.user_id == user.id,
        Participant.removed_at.is_(None),
    )
    lets_read = Room.settings["participants_read"].as_boolean()
    return sa.or_(hosted_by(user.id), sa.and_(lets_read, took_part))


def _query() -> sa.Select[Any]:
    query = sa.select(Lecture).join(Lecture.room).options(contains_eager(Lecture.room))
    return query.order_by(Lecture.started_at.desc(), Lecture.id.desc())


def _entries(query: sa.Select[Any]) -> list[Entry]:
    lectures: Sequence[Lecture] = db.session.scalars(query).all()
    people = people_ever([lecture.id for lecture in lectures])
    return [Entry(lecture, people[lecture.id]) for lecture in lectures]
