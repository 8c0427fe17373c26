"""What there is of each kind, in core and in plugins, and what of it would go now."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from core.contracts import Retained, RetentionKind
from core.db import db
from core.engine import offers
from core.lectures.models import Lecture
from core.retention import kinds, logs, participants
from core.rooms.models import Room

CORE = "core"


@dataclass(frozen=True)
class InRoom:
    """What is due of one kind in one room."""

    kind: str
    room_id: str
    room: str
    lectures: int
    items: int
    oldest: datetime


@dataclass
class Sum:
    """One kind in all rooms. ``house`` are the institution's days."""

    kind: str
    house: int
    lectures: int = 0
    items: int = 0
    rooms: int = 0
    oldest: datetime | None = None

    @property
    def title(self) -> str:
        return str(kinds.TITLES[self.kind])

    def add(self, one: InRoom) -> None:
        self.lectures += one.lectures
        self.items += one.items
        self.rooms += 1
        self.oldest = min(filter(None, (self.oldest, one.oldest)))


@dataclass
class Preview:
    """What would go now."""

    sums: list[Sum]
    rooms: Sequence[InRoom] = field(default_factory=list)

    @property
    def is_empty(self) -> bool:
        return not any(one.items for one in self.sums)


def retained() -> list[tuple[str, Retained]]:
    """Everything that goes by a rule of its own, and whose it is. Plugins look for names: core's go last."""
    given = offers.retained().items()
    return [*((name.partition(".")[0], one) for name, one in given), (CORE, participants.OWN)]


def preview() -> Preview:
    """What a run would remove now; two statements, and nothing changes."""
    rooms = [InRoom(*row) for row in db.session.execute(_by_room())]
    sums = {kind: Sum(kind, kinds.days_of(kind)) for kind in kinds.TITLES}
    for one in rooms:
        sums[one.kind].add(one)
    if sums[kinds.LOGS].house:
        sums[kinds.LOGS].items, sums[kinds.LOGS].oldest = logs.due()
    return Preview(list(sums.values()), rooms)


def _by_room() -> Any:
    found = in_stock().subquery()
    lectures = sa.func.count(sa.distinct(Lecture.id))
    return (
        sa.select(
            found.c.kind,
            Room.public_id,
            Room.title,
            lectures,
            sa.cast(sa.func.sum(found.c.held), sa.BigInteger),
            sa.func.min(Lecture.ended_at),
        )
        .join_from(found, Lecture, Lecture.id == found.c.lecture_id)
        .join(Room, Room.id == Lecture.room_id)
        .group_by(found.c.kind, Room.id)
        .order_by(sa.func.min(Lecture.ended_at), Room.id, found.c.kind)
    )


def in_stock() -> Any:
    """What is due, as ``kind``, ``lecture_id`` and how much of it is ``held``."""
    parts = [_part(one.kind, one.held(kinds.due(one.kind))) for _owner, one in retained()]
    whole = kinds.due(RetentionKind.LECTURES).subquery()
    every = sa.select(whole.c.id, sa.literal(1))
    return sa.union_all(*parts, _part(RetentionKind.LECTURES, every))


def _part(kind: RetentionKind, held: Any) -> Any:
    lecture_id, amount = held.subquery().c
    return sa.select(
        sa.literal(kind.value, sa.Text).label("kind"),
        lecture_id.label("lecture_id"),
        sa.cast(amount, sa.BigInteger).label("held"),
    )


def kept_of(lecture: Lecture) -> set[RetentionKind]:
    """The kinds of which there is something in this lecture; one statement."""
    parts = [_part(one.kind, one.held(_one(lecture))) for _owner, one in retained()]
    found = sa.union_all(*parts).subquery()
    kept = db.session.scalars(sa.select(found.c.kind).where(found.c.held > 0).distinct())
    return {RetentionKind.LECTURES, *map(RetentionKind, kept)}


def count(one: Retained, lecture: Lecture) -> int:
    """How much of this there is in one lecture."""
    held = one.held(_one(lecture)).subquery()
    return int(db.session.scalar(sa.select(sa.func.coalesce(sa.func.sum(held.c[1]), 0))) or 0)


def _one(lecture: Lecture) -> Any:
    return sa.select(Lecture.id).where(Lecture.id == lecture.id)


def waits(most: int) -> dict[int, list[RetentionKind]]:
    """The lectures of which something is due, the oldest first, and the kinds; so many at most."""
    found = in_stock().subquery()
    query = (
        sa.select(found.c.lecture_id, sa.func.array_agg(sa.distinct(found.c.kind)))
        .join_from(found, Lecture, Lecture.id == found.c.lecture_id)
        .where(found.c.held > 0)
        .group_by(found.c.lecture_id, Lecture.ended_at)
        .order_by(Lecture.ended_at, found.c.lecture_id)
        .limit(most)
    )
    return {row[0]: list(_in_order(row[1])) for row in db.session.execute(query)}


def _in_order(given: Sequence[str]) -> Iterator[RetentionKind]:
    return (kind for kind in RetentionKind if kind.value in given)
