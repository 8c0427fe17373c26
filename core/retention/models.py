"""Each run of the rules, and what it has removed: the proof that an institution keeps them."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column, relationship

from core.db import Model, now, random_id
from core.people.models import User
from core.rooms.models import Room


class RetentionRun(Model):
    """One run; without ``asked_by`` it began by itself. ``over_at`` is empty while it is at work.

    ``asked_by`` names no person: whose account it was, ``actor`` says as long as there is one.
    """

    __tablename__ = "retention_run"

    id: Mapped[int] = mapped_column(primary_key=True)
    public_id: Mapped[str] = random_id()
    asked_by_id: Mapped[int | None] = mapped_column(sa.ForeignKey("user.id", ondelete="SET NULL"), index=True)
    asked_by: Mapped[str] = mapped_column(default="")
    asked_at: Mapped[datetime] = mapped_column(default=now)
    over_at: Mapped[datetime | None]

    actor: Mapped[User | None] = relationship()

    __table_args__ = (sa.Index("ix_retention_run_asked_at", "asked_at", "id"),)


class RetentionResult(Model):
    """What a run did about one kind in one room; logs have no room.

    ``items`` counts messages, lines, files, names. ``failed``: lectures of which something couldn't be
    removed, ``problem`` says why the last time. ``waiting``: lectures that were still being worked on.
    """

    __tablename__ = "retention_result"

    id: Mapped[int] = mapped_column(primary_key=True)
    run_id: Mapped[int] = mapped_column(sa.ForeignKey("retention_run.id", ondelete="CASCADE"))
    kind: Mapped[str]
    room_id: Mapped[int | None] = mapped_column(sa.ForeignKey("room.id", ondelete="SET NULL"), index=True)
    lectures: Mapped[int] = mapped_column(default=0)
    items: Mapped[int] = mapped_column(default=0)
    files: Mapped[int] = mapped_column(default=0)
    bytes: Mapped[int] = mapped_column(default=0)
    failed: Mapped[int] = mapped_column(default=0)
    waiting: Mapped[int] = mapped_column(default=0)
    problem: Mapped[str] = mapped_column(default="")

    room: Mapped[Room | None] = relationship()

    __table_args__ = (sa.UniqueConstraint("run_id", "kind", "room_id"),)
