"""Who asked to come in and what became of it, how a room's door stands, and its class list."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column, relationship

from core.api import User, db, now, random_id

PENDING, APPROVED, REJECTED = "pending", "approved", "rejected"


def _to(table: str, ondelete: str = "CASCADE") -> sa.ForeignKey:
    return sa.ForeignKey(f"{table}.id", ondelete=ondelete)


class Entry(db.Model):
    """One person before one room's door.

    A decision names the lecture it was made in; one that was made before the start names none and
    holds until the next lecture has ended.
    """

    __tablename__ = "lobby__entry"

    id: Mapped[int] = mapped_column(primary_key=True)
    public_id: Mapped[str] = random_id()
    room_id: Mapped[int] = mapped_column(_to("room"))
    guest_session_id: Mapped[int | None] = mapped_column(_to("guest_session"), index=True)
    user_id: Mapped[int | None] = mapped_column(_to("user"), index=True)
    name: Mapped[str]
    name_key: Mapped[str]
    returning: Mapped[bool] = mapped_column(default=False)
    state: Mapped[str] = mapped_column(default=PENDING)
    asked_at: Mapped[datetime] = mapped_column(default=now)
    decided_at: Mapped[datetime | None]
    decided_by_id: Mapped[int | None] = mapped_column(_to("user", "SET NULL"), index=True)
    words: Mapped[str] = mapped_column(default="")
    rejections: Mapped[int] = mapped_column(default=0)
    lecture_id: Mapped[int | None] = mapped_column(_to("lecture"), index=True)

    decided_by: Mapped[User | None] = relationship(foreign_keys=[decided_by_id])

    __table_args__ = (
        sa.Index("ix_lobby__entry_line", "room_id", "state", "asked_at", "id"),
        sa.Index(
            "one_lobby_entry_per_guest",
            "room_id",
            "guest_session_id",
            unique=True,
            postgresql_where=sa.text("user_id IS NULL"),
        ),
        sa.Index(
            "one_lobby_entry_per_user",
            "room_id",
            "user_id",
            unique=True,
            postgresql_where=sa.text("user_id IS NOT NULL"),
        ),
    )


class Door(db.Model):
    """How a room's door stands: opened for everybody, and what is said to those who wait.

    Both hold like a decision: in the lecture named, or until the next one has ended.
    """

    __tablename__ = "lobby__room"

    room_id: Mapped[int] = mapped_column(_to("room"), primary_key=True)
    opened_at: Mapped[datetime | None]
    opened_in: Mapped[int | None] = mapped_column(_to("lecture"), index=True)
    message: Mapped[str] = mapped_column(default="")
    said_at: Mapped[datetime | None]
    said_in: Mapped[int | None] = mapped_column(_to("lecture"), index=True)


class Listed(db.Model):
    """A line of a room's class list: an address, a name, or both."""

    __tablename__ = "lobby__listed"

    id: Mapped[int] = mapped_column(primary_key=True)
    room_id: Mapped[int] = mapped_column(_to("room"))
    email: Mapped[str] = mapped_column(default="", index=True)
    name: Mapped[str] = mapped_column(default="")
    name_key: Mapped[str] = mapped_column(default="")

    __table_args__ = (
        sa.Index("ix_lobby__listed_room_id_email", "room_id", "email"),
        sa.Index("ix_lobby__listed_room_id_name_key", "room_id", "name_key"),
    )
