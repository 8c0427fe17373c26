"""A room's PIN, tries to answer it, and people who wait because too many were wrong."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column, relationship

from core.api import User, db, new_public_id, now


def _to(table: str, ondelete: str = "CASCADE") -> sa.ForeignKey:
    return sa.ForeignKey(f"{table}.id", ondelete=ondelete)


class Pin(db.Model):
    """The hash of a room's PIN. Its ``version`` tells that the PIN is another one by now."""

    __tablename__ = "pin__room"

    room_id: Mapped[int] = mapped_column(_to("room"), primary_key=True)
    hash: Mapped[str]
    version: Mapped[str] = mapped_column(default=new_public_id)
    changed_at: Mapped[datetime] = mapped_column(default=now)
    changed_by_id: Mapped[int | None] = mapped_column(_to("user", "SET NULL"), index=True)
    told_at: Mapped[datetime | None]

    changed_by: Mapped[User | None] = relationship()


class Try(db.Model):
    """An answer of the last minutes: ``pending`` while it is looked at, then ``wrong``, or ``right``.

    Right ones are kept only while the room's budget is spent. ``address_key`` fits in one room only.
    """

    __tablename__ = "pin__try"

    id: Mapped[int] = mapped_column(primary_key=True)
    room_id: Mapped[int] = mapped_column(_to("room"))
    address_key: Mapped[str]
    state: Mapped[str]
    at: Mapped[datetime] = mapped_column(server_default=sa.func.clock_timestamp())

    __table_args__ = (sa.Index("ix_pin__try_room_id_at", "room_id", "at"),)


class Held(db.Model):
    """Somebody who waits for a host; ``was_right`` is empty where the PIN wasn't looked at."""

    __tablename__ = "pin__held"

    room_id: Mapped[int] = mapped_column(_to("room"), primary_key=True)
    guest_session_id: Mapped[int] = mapped_column(_to("guest_session"), primary_key=True, index=True)
    was_right: Mapped[bool | None]
