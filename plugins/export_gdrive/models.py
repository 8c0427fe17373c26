"""Who has connected their Drive, who is on the way to it, and what we have put there."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from core.api import db, now


def _to(table: str) -> sa.ForeignKey:
    return sa.ForeignKey(f"{table}.id", ondelete="CASCADE")


class Connection(db.Model):
    """Somebody's consent: the refresh token, locked. ``is_broken``: Google takes it no more."""

    __tablename__ = "export_gdrive__connection"

    user_id: Mapped[int] = mapped_column(_to("user"), primary_key=True)
    token: Mapped[str]
    connected_at: Mapped[datetime] = mapped_column(default=now)
    is_broken: Mapped[bool] = mapped_column(default=False)


class Consent(db.Model):
    """Somebody who was sent to Google and isn't back. ``state`` is a hash, ``verifier`` is locked.

    ``lecture`` is the public id of the lecture from whose page they came, or empty.
    """

    __tablename__ = "export_gdrive__consent"

    state: Mapped[str] = mapped_column(primary_key=True)
    user_id: Mapped[int] = mapped_column(_to("user"), index=True)
    verifier: Mapped[str]
    lecture: Mapped[str] = mapped_column(default="")
    expires_at: Mapped[datetime] = mapped_column(index=True)


class Item(db.Model):
    """A folder or a file in somebody's Drive. Its ``drive_id`` is drawn before it is made, so that a job that
    runs twice makes one. ``session`` (locked) is where an upload of the content ``session_digest`` goes on.
    """

    __tablename__ = "export_gdrive__item"

    id: Mapped[int] = mapped_column(primary_key=True)
    user_id: Mapped[int] = mapped_column(_to("user"))
    room_id: Mapped[int] = mapped_column(_to("room"), index=True)
    lecture_id: Mapped[int | None] = mapped_column(_to("lecture"), index=True)
    key: Mapped[str]
    drive_id: Mapped[str]
    is_made: Mapped[bool] = mapped_column(default=False)
    session: Mapped[str] = mapped_column(default="")
    session_digest: Mapped[str] = mapped_column(default="")
    session_at: Mapped[datetime | None]

    __table_args__ = (sa.UniqueConstraint("user_id", "key"),)
