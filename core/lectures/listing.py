"""The short lists of lectures: of one room, of those that somebody gave last. The long one is the archive."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import contains_eager

from core.db import db
from core.files.models import BYTES, IS_KEPT, StoredFile
from core.lectures.history import people_ever
from core.lectures.models import Lecture
from core.people.models import User
from core.rooms.hosts import hosted_by
from core.rooms.models import Room

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
PLACE = re.compile(r"(\d{1,17})-([\w-]{1,64})\Z", re.ASCII)


@dataclass(frozen=True)
class Entry:
    """A lecture in a list, with how many people it had; bytes of its files where that was asked for."""

    lecture: Lecture
    people: int
    size: int | None = None


def of_room(room: Room, limit: int) -> list[Entry]:
    """The last lectures of a room."""
    return entries(in_order().where(Lecture.room_id == room.id).limit(limit))


def recent(user: User, limit: int) -> list[Entry]:
    """The last lectures that ended in rooms where the user is host."""
    return entries(in_order().where(hosted_by(user.id), Lecture.ended_at.is_not(None)).limit(limit))


def cursor(lecture: Lecture) -> str:
    """Where a list goes on after this lecture, for an address."""
    microseconds = (lecture.started_at - EPOCH) // timedelta(microseconds=1)
    return f"{microseconds}-{lecture.public_id}"


def read_cursor(said: str) -> tuple[datetime, str] | None:
    """The place that ``cursor`` named; None for anything else."""
    found = PLACE.match(said)
    if found is None:
        return None
    return EPOCH + timedelta(microseconds=int(found[1])), found[2]


def place() -> sa.Tuple:
    """What lists of lectures are ordered by, the newest first."""
    return sa.tuple_(Lecture.started_at, Lecture.id)


def place_of(found: tuple[Any, Any]) -> sa.Tuple:
    """What ``place`` was of the lecture that a cursor named; without those of its moment, if it is gone.

    Here and in ``bounds`` values may be parameters.
    """
    started_at, public_id = found
    key = sa.select(Lecture.id).where(Lecture.public_id == public_id).scalar_subquery()
    return sa.tuple_(started_at, sa.func.coalesce(key, 0))


def bounds(room_id: Any, since: Any, until: Any) -> list[sa.ColumnElement[bool]]:
    """Lectures of that room, begun from ``since`` on and before ``until``; None for any."""
    found: list[sa.ColumnElement[bool]] = []
    if room_id is not None:
        found.append(Lecture.room_id == room_id)
    if since is not None:
        found.append(Lecture.started_at >= since)
    if until is not None:
        found.append(Lecture.started_at < until)
    return found


def in_order() -> sa.Select[Any]:
    """Lectures with their rooms, the newest first; none that is deleted."""
    query = sa.select(Lecture).join(Lecture.room).options(contains_eager(Lecture.room))
    query = query.where(Lecture.deleted_at.is_(None))
    return query.order_by(Lecture.started_at.desc(), Lecture.id.desc())


def entries(query: sa.Select[Any], *, with_sizes: bool = False) -> list[Entry]:
    """What a query has found, with how many people each had; two queries, three with what each keeps."""
    lectures: Sequence[Lecture] = db.session.scalars(query).all()
    keys = [lecture.id for lecture in lectures]
    people, sizes = people_ever(keys), stored_in(keys) if with_sizes else {}
    return [Entry(lecture, people[lecture.id], sizes.get(lecture.id)) for lecture in lectures]


def stored_in(lectures: Collection[int]) -> dict[int, int]:
    """Bytes in the file storage, by the lectures' database keys; one query."""
    query = (
        sa.select(StoredFile.lecture_id, BYTES)
        .where(StoredFile.lecture_id.in_(lectures), IS_KEPT)
        .group_by(StoredFile.lecture_id)
    )
    return dict.fromkeys(lectures, 0) | {row[0] or 0: row[1] for row in db.session.execute(query)}
