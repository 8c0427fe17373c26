"""Lectures and who takes part in them."""

from __future__ import annotations

import secrets
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column, relationship

from core.contracts import Grants, Person
from core.db import Model, db, now, random_id
from core.people.models import GuestSession, User
from core.rooms.models import Room


class Lecture(Model):
    """One meeting in a room. ``public_id`` is the name of its room at LiveKit.

    Live while ``ended_at`` is empty; ``closed_at`` says when LiveKit confirmed that its room is gone.
    ``absent_since`` is set while nobody is connected. ``cuts`` are the passages that a host has cut out
    (``core.lectures.cuts``): from and to in milliseconds, and 1 for those that are so for good. ``node`` is
    the LiveKit server on which it runs, as a host's browser was told; empty while nobody knows. ``expired``
    says which kinds of content a rule has removed, and when (``core.retention.notices``). From
    ``deleted_at`` on it is gone for everybody; its hosts can undo that until it is removed
    (``core.lectures.trash``).
    """

    __tablename__ = "lecture"

    id: Mapped[int] = mapped_column(primary_key=True)
    public_id: Mapped[str] = random_id()
    room_id: Mapped[int] = mapped_column(sa.ForeignKey("room.id", ondelete="CASCADE"))
    title: Mapped[str]
    language: Mapped[str] = mapped_column(default="en")
    started_by_id: Mapped[int | None] = mapped_column(
        sa.ForeignKey("user.id", ondelete="SET NULL"), index=True
    )
    started_at: Mapped[datetime] = mapped_column(default=now)
    ended_at: Mapped[datetime | None]
    ended_reason: Mapped[str] = mapped_column(default="")
    closed_at: Mapped[datetime | None]
    absent_since: Mapped[datetime | None] = mapped_column(default=now)
    node: Mapped[str] = mapped_column(default="", server_default="")
    cuts: Mapped[list[list[int]]] = mapped_column(JSONB, default=list, server_default="[]")
    expired: Mapped[dict[str, Any]] = mapped_column(default=dict, server_default="{}")
    deleted_at: Mapped[datetime | None]
    deleted_by_id: Mapped[int | None] = mapped_column(
        sa.ForeignKey("user.id", ondelete="SET NULL"), index=True
    )

    room: Mapped[Room] = relationship()
    started_by: Mapped[User | None] = relationship(foreign_keys=started_by_id)
    deleted_by: Mapped[User | None] = relationship(foreign_keys=deleted_by_id)

    __table_args__ = (
        sa.Index("one_live_lecture", "room_id", unique=True, postgresql_where=sa.text("ended_at IS NULL")),
        sa.Index("ix_lecture_room_id_started_at", "room_id", sa.text("started_at DESC")),
        sa.Index("ix_lecture_not_closed", "id", postgresql_where=sa.text("closed_at IS NULL")),
        sa.Index("ix_lecture_started_at", sa.text("started_at DESC"), sa.text("id DESC")),
        sa.Index("ix_lecture_deleted_at", "deleted_at", postgresql_where=sa.text("deleted_at IS NOT NULL")),
        sa.CheckConstraint("deleted_at IS NULL OR ended_at IS NOT NULL", name="live_is_not_deleted"),
    )

    @property
    def is_live(self) -> bool:
        return self.ended_at is None


def live_in(room: Room) -> Lecture | None:
    """The room's lecture that is running now."""
    return db.session.scalar(sa.select(Lecture).where(Lecture.room_id == room.id, Lecture.ended_at.is_(None)))


class Participant(Model):
    """One person's presence in one lecture, and what they may do there.

    Current while ``removed_at`` is empty: a return after a removal is a new row with a new
    identity. The four grants are the effective ones; the gate mints tokens from them. The two
    keys are keyed hashes (``core.people.fingerprints``) of browser and network: they tell equal
    ones apart from others and nothing else. ``quality`` of the connection is empty, weak or lost, as their
    browser says.
    """

    __tablename__ = "participant"

    id: Mapped[int] = mapped_column(primary_key=True)
    public_id: Mapped[str] = random_id()
    lecture_id: Mapped[int] = mapped_column(sa.ForeignKey("lecture.id", ondelete="CASCADE"), index=True)
    identity: Mapped[str] = random_id()
    guest_session_id: Mapped[int | None] = mapped_column(
        sa.ForeignKey("guest_session.id", ondelete="SET NULL"), index=True
    )
    user_id: Mapped[int | None] = mapped_column(sa.ForeignKey("user.id", ondelete="SET NULL"), index=True)
    name: Mapped[str]
    role: Mapped[str] = mapped_column(default="guest")
    microphone: Mapped[bool] = mapped_column(default=True)
    camera: Mapped[bool] = mapped_column(default=True)
    screen: Mapped[bool] = mapped_column(default=True)
    chat: Mapped[bool] = mapped_column(default=True)
    admitted_at: Mapped[datetime] = mapped_column(default=now)
    removed_at: Mapped[datetime | None]
    first_joined_at: Mapped[datetime | None]
    present_since: Mapped[datetime | None]
    left_at: Mapped[datetime | None]
    seconds_present: Mapped[int] = mapped_column(default=0)
    livekit_sid: Mapped[str] = mapped_column(default="")
    connects_since: Mapped[datetime | None]
    connects: Mapped[int] = mapped_column(default=0)
    fingerprint_key: Mapped[str] = mapped_column(default="", server_default="")
    address_key: Mapped[str] = mapped_column(default="", server_default="")
    quality: Mapped[str] = mapped_column(default="", server_default="")

    lecture: Mapped[Lecture] = relationship()
    user: Mapped[User | None] = relationship()
    guest_session: Mapped[GuestSession | None] = relationship()

    __table_args__ = (
        sa.Index(
            "one_current_participant_per_user",
            "lecture_id",
            "user_id",
            unique=True,
            postgresql_where=sa.text("removed_at IS NULL AND user_id IS NOT NULL"),
        ),
        sa.Index(
            "one_current_participant_per_guest",
            "lecture_id",
            "guest_session_id",
            unique=True,
            postgresql_where=sa.text(
                "removed_at IS NULL AND user_id IS NULL AND guest_session_id IS NOT NULL"
            ),
        ),
    )

    @property
    def grants(self) -> Grants:
        return Grants(self.microphone, self.camera, self.screen, self.chat)

    @grants.setter
    def grants(self, value: Grants) -> None:
        self.microphone, self.camera = value.microphone, value.camera
        self.screen, self.chat = value.screen, value.chat

    @property
    def is_host(self) -> bool:
        return self.role == "host"


class LectureShare(Model):
    """A link by which whoever has it reads a lecture, as somebody who took part would.

    ``token`` is in the link, ``public_id`` in the addresses by which hosts manage it and in the sessions of
    those who have opened it. It holds until ``expires_at`` (empty: for ever) or ``revoked_at``.
    """

    __tablename__ = "lecture_share"

    id: Mapped[int] = mapped_column(primary_key=True)
    public_id: Mapped[str] = random_id()
    token: Mapped[str] = mapped_column(unique=True, default=lambda: secrets.token_urlsafe(32))
    lecture_id: Mapped[int] = mapped_column(sa.ForeignKey("lecture.id", ondelete="CASCADE"), index=True)
    label: Mapped[str] = mapped_column(default="")
    created_by_id: Mapped[int | None] = mapped_column(
        sa.ForeignKey("user.id", ondelete="SET NULL"), index=True
    )
    created_at: Mapped[datetime] = mapped_column(default=now)
    expires_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]

    lecture: Mapped[Lecture] = relationship()
    created_by: Mapped[User | None] = relationship()


def same_person(row: Any, others: Any) -> sa.ColumnElement[bool]:
    """Whether two participant rows of one lecture are the same person's, for aliases in a query."""
    return sa.and_(
        row.lecture_id == others.lecture_id,
        sa.or_(
            row.id == others.id,
            row.user_id == others.user_id,
            sa.and_(
                row.user_id.is_(None),
                others.user_id.is_(None),
                row.guest_session_id == others.guest_session_id,
            ),
        ),
    )


def rows_of(person: Person) -> sa.ColumnElement[bool]:
    """Which participants are this person; what an account does in a guest's browser is the account's."""
    by_account = Participant.user_id == person.user_id if person.user_id is not None else sa.false()
    as_guest = Participant.guest_session_id.in_(person.guest_session_ids)
    return sa.or_(by_account, sa.and_(Participant.user_id.is_(None), as_guest))
