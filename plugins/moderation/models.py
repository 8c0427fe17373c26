"""Bans, what was taken from whom, who was let in, and how the room stands."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Mapped, mapped_column, relationship

from core.api import Lecture, Participant, User, db, now, random_id

UNTOUCHED = {"microphone": True, "camera": True, "screen": True, "has_floor": False}


def _to(table: str, ondelete: str = "CASCADE") -> sa.ForeignKey:
    return sa.ForeignKey(f"{table}.id", ondelete=ondelete)


class Ban(db.Model):
    """Somebody who may not come back to a room; in force while ``lifted_at`` is empty."""

    __tablename__ = "moderation__ban"

    id: Mapped[int] = mapped_column(primary_key=True)
    public_id: Mapped[str] = random_id()
    room_id: Mapped[int] = mapped_column(_to("room"), index=True)
    lecture_id: Mapped[int | None] = mapped_column(_to("lecture", "SET NULL"), index=True)
    guest_session_id: Mapped[int | None] = mapped_column(_to("guest_session", "SET NULL"), index=True)
    user_id: Mapped[int | None] = mapped_column(_to("user", "SET NULL"), index=True)
    fingerprint_key: Mapped[str] = mapped_column(default="")
    address_key: Mapped[str] = mapped_column(default="")
    name: Mapped[str]
    reason: Mapped[str] = mapped_column(default="")
    by_id: Mapped[int | None] = mapped_column(_to("user", "SET NULL"), index=True)
    at: Mapped[datetime] = mapped_column(default=now)
    lifted_at: Mapped[datetime | None]
    lifted_by_id: Mapped[int | None] = mapped_column(_to("user", "SET NULL"), index=True)

    by: Mapped[User | None] = relationship(foreign_keys=by_id)


class Standing(db.Model):
    """What a host took from somebody in one lecture, or left to them in a panic (``has_floor``)."""

    __tablename__ = "moderation__standing"

    id: Mapped[int] = mapped_column(primary_key=True)
    lecture_id: Mapped[int] = mapped_column(_to("lecture"), index=True)
    guest_session_id: Mapped[int | None] = mapped_column(_to("guest_session"), index=True)
    user_id: Mapped[int | None] = mapped_column(_to("user"), index=True)
    microphone: Mapped[bool] = mapped_column(default=True)
    camera: Mapped[bool] = mapped_column(default=True)
    screen: Mapped[bool] = mapped_column(default=True)
    has_floor: Mapped[bool] = mapped_column(default=False)


ONE_STANDING = {
    "user_id": sa.Index(
        "moderation__one_standing_per_user",
        Standing.lecture_id,
        Standing.user_id,
        unique=True,
        postgresql_where=Standing.user_id.is_not(None),
    ),
    "guest_session_id": sa.Index(
        "moderation__one_standing_per_guest",
        Standing.lecture_id,
        Standing.guest_session_id,
        unique=True,
        postgresql_where=Standing.user_id.is_(None),
    ),
}


class LetIn(db.Model):
    """A newcomer from a banned network whom a host let in."""

    __tablename__ = "moderation__let_in"

    lecture_id: Mapped[int] = mapped_column(_to("lecture"), primary_key=True)
    guest_session_id: Mapped[int] = mapped_column(_to("guest_session"), primary_key=True, index=True)


class RoomState(db.Model):
    """How a room stands. Lock and panic name their lecture, so they end with it."""

    __tablename__ = "moderation__room"

    room_id: Mapped[int] = mapped_column(_to("room"), primary_key=True)
    needs_code: Mapped[bool] = mapped_column(default=False)
    locked_in: Mapped[int | None] = mapped_column(_to("lecture", "SET NULL"), index=True)
    panic_in: Mapped[int | None] = mapped_column(_to("lecture", "SET NULL"), index=True)
    freezes_chat: Mapped[bool] = mapped_column(default=False)


def key_of(one: Standing | Participant) -> tuple[int | None, int | None]:
    """Whose row it is, whatever identity they have: the account, else the guest session."""
    return one.user_id, None if one.user_id else one.guest_session_id


def set_standings(lecture: Lecture, people: Sequence[Participant], values: Mapping[str, bool]) -> None:
    """Two statements for all of them: five hundred are muted within a second."""
    accounts = {person.user_id for person in people if person.user_id}
    sessions = {person.guest_session_id for person in people if not person.user_id}
    _put(lecture, "user_id", accounts, values)
    _put(lecture, "guest_session_id", sessions - {None}, values)


def _put(lecture: Lecture, column: str, keys: Set[int | None], values: Mapping[str, bool]) -> None:
    rows = [
        {**UNTOUCHED, **values, "lecture_id": lecture.id, column: key} for key in sorted(filter(None, keys))
    ]
    if rows:
        index = ONE_STANDING[column]
        db.session.execute(
            insert(Standing)
            .values(rows)
            .on_conflict_do_update(
                index_elements=["lecture_id", column],
                index_where=index.dialect_options["postgresql"]["where"],
                set_=dict(values),
            )
        )
