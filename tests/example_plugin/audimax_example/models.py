"""The table: what guests have written."""

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from core.api import db, now, random_id


class Note(db.Model):
    """One line of the guest book."""

    __tablename__ = "example__note"

    id: Mapped[int] = mapped_column(primary_key=True)
    public_id: Mapped[str] = random_id()
    room_id: Mapped[int] = mapped_column(sa.ForeignKey("room.id", ondelete="CASCADE"), index=True)
    lecture_id: Mapped[int | None] = mapped_column(
        sa.ForeignKey("lecture.id", ondelete="CASCADE"), index=True
    )
    guest_session_id: Mapped[int | None] = mapped_column(
        sa.ForeignKey("guest_session.id", ondelete="CASCADE"), index=True
    )
    author: Mapped[str]
    text: Mapped[str]
    written_at: Mapped[datetime] = mapped_column(default=now)
