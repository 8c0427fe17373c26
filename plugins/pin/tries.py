"""Tries, counted in the database: taken before an answer is looked at, given back when it was right.

In transactions of their own, so that other workers count them at once. The PIN's row is locked
meanwhile: whoever tries the same room's PIN waits, and then sees what the one before has taken.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, cast

import sqlalchemy as sa

from core.api import db, settings
from plugins.pin.models import Pin, Try
from plugins.pin.settings import Settings

PENDING, WRONG, RIGHT = "pending", "wrong", "right"
ADDRESS_WINDOW, ROOM_WINDOW = timedelta(minutes=1), timedelta(minutes=10)
# With the room's budget spent, hosts are told whose PIN was right: up to so many times the budget.
LOOKED_AT = 5
PINS, TRIES = cast(sa.Table, Pin.__table__), cast(sa.Table, Try.__table__)
CLOCK = sa.func.clock_timestamp(type_=sa.DateTime(timezone=True))


@dataclass(frozen=True)
class Count:
    """The tries of one room in its window; ``here`` are those of one address in its own."""

    moment: datetime
    wrong: int
    pending: int
    wrong_here: int
    pending_here: int
    first_here: datetime | None

    @property
    def is_room_spent(self) -> bool:
        """Whether every answer, right or wrong, now leads to the host."""
        return self.wrong >= settings(Settings).room_tries

    @property
    def is_address_spent(self) -> bool:
        return self.wrong_here >= settings(Settings).address_tries

    @property
    def is_unlooked(self) -> bool:
        """Whether nobody looks at an answer any more, so that hosts aren't told what guessing may find."""
        return self.is_address_spent or self.wrong >= self._most

    @property
    def is_full(self) -> bool:
        """Whether those that are looked at right now would, if all were wrong, leave no try."""
        here = self.wrong_here + self.pending_here
        return here >= settings(Settings).address_tries or self.wrong + self.pending >= self._most

    @property
    def _most(self) -> int:
        return settings(Settings).room_tries * (LOOKED_AT if self.is_room_spent else 1)

    @property
    def seconds_to_wait(self) -> int:
        first = self.first_here or self.moment
        return max(1, math.ceil((first + ADDRESS_WINDOW - self.moment).total_seconds()))


@dataclass(frozen=True)
class Line:
    """One's turn at a room's PIN: nobody else takes a try until it ends."""

    connection: sa.Connection
    room_id: int
    hash: str
    version: str

    def count(self, address_key: str) -> Count:
        # A statement of its own: what the lock waited for is seen by none but the next.
        row = self.connection.execute(COUNT, {"room": self.room_id, "address": address_key}).one()
        return Count(*row)

    def note(self, address_key: str, state: str) -> int:
        """Keep a try; its key."""
        values = {"room_id": self.room_id, "address_key": address_key, "state": state}
        return int(self.connection.execute(NOTE, values).scalar_one())


@contextmanager
def in_line(room_id: int) -> Iterator[Line | None]:
    """Wait for one's turn; None where the room has no PIN."""
    with db.engine.begin() as connection:
        row = connection.execute(PIN, {"room": room_id}).one_or_none()
        yield Line(connection, room_id, *row) if row else None


def settle(key: int, state: str) -> bool:
    """A pending try was wrong or right; False when it's gone, as after a change of the PIN."""
    return _run(sa.update(TRIES).where(TRIES.c.id == key).values(state=state))


def give_back(key: int) -> bool:
    """Take back one's own try, and nobody else's; False when it's gone."""
    return _run(sa.delete(TRIES).where(TRIES.c.id == key))


def is_spent(room_id: int) -> bool:
    """Whether the room's budget is spent now."""
    return Count(*db.session.execute(COUNT, {"room": room_id, "address": ""}).one()).is_room_spent


def forget(room_id: int) -> None:
    """Begin anew: what was guessed at another PIN tells nothing of this one."""
    db.session.execute(sa.delete(TRIES).where(TRIES.c.room_id == room_id))


def sweep() -> None:
    """Remove what no window reaches any more."""
    db.session.execute(sa.delete(TRIES).where(TRIES.c.at < CLOCK - ROOM_WINDOW))


def _run(statement: Any) -> bool:
    with db.engine.begin() as connection:
        return bool(connection.execute(statement).rowcount)


def _counted(*conditions: Any) -> Any:
    return sa.func.count().filter(*conditions)


def _count() -> sa.Select[Any]:
    wrong, pending = TRIES.c.state == WRONG, TRIES.c.state == PENDING
    here = sa.and_(TRIES.c.address_key == sa.bindparam("address"), TRIES.c.at > CLOCK - ADDRESS_WINDOW)
    return sa.select(
        CLOCK,
        _counted(wrong),
        _counted(pending),
        _counted(wrong, here),
        _counted(pending, here),
        sa.func.min(TRIES.c.at).filter(wrong, here),
    ).where(TRIES.c.room_id == sa.bindparam("room"), TRIES.c.at > CLOCK - ROOM_WINDOW)


# Kept as objects: SQLAlchemy compiles each once.
COUNT = _count()
PIN = sa.select(PINS.c.hash, PINS.c.version).where(PINS.c.room_id == sa.bindparam("room")).with_for_update()
NOTE = sa.insert(TRIES).returning(TRIES.c.id)
