"""The tables: polls, and votes in those that are open."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from core.api import db, now, random_id


class Poll(db.Model):
    """One question. ``counts`` are the votes for each option, once it is closed."""

    __tablename__ = "poll__poll"

    id: Mapped[int] = mapped_column(primary_key=True)
    public_id: Mapped[str] = random_id()
    room_id: Mapped[int] = mapped_column(sa.ForeignKey("room.id", ondelete="CASCADE"), index=True)
    lecture_id: Mapped[int] = mapped_column(sa.ForeignKey("lecture.id", ondelete="CASCADE"), index=True)
    question: Mapped[str]
    options: Mapped[list[str]] = mapped_column(JSONB)
    hidden: Mapped[bool]
    counts: Mapped[list[int] | None] = mapped_column(JSONB(none_as_null=True))
    asked_at: Mapped[datetime] = mapped_column(default=now)
    closed_at: Mapped[datetime | None]

    # Two hosts who ask at once: the database lets one of them.
    __table_args__ = (
        sa.Index("poll__one_open", "lecture_id", unique=True, postgresql_where=sa.text("closed_at IS NULL")),
    )

    @property
    def is_open(self) -> bool:
        return self.closed_at is None


class Vote(db.Model):
    """What somebody has chosen: the place of an option, from 0. It is gone once the poll is closed."""

    __tablename__ = "poll__vote"

    id: Mapped[int] = mapped_column(primary_key=True)
    poll_id: Mapped[int] = mapped_column(sa.ForeignKey("poll__poll.id", ondelete="CASCADE"))
    participant_id: Mapped[int] = mapped_column(
        sa.ForeignKey("participant.id", ondelete="CASCADE"), index=True
    )
    choice: Mapped[int]

    __table_args__ = (sa.UniqueConstraint("poll_id", "participant_id"),)
