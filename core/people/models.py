"""Accounts, one-time links and guest sessions; wishes to have one's data, and to be forgotten."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column, relationship

from core.db import Model, now, random_id


class User(Model):
    """Somebody with an account: a host, or an admin. Has no rights before ``verified_at``."""

    __tablename__ = "user"

    id: Mapped[int] = mapped_column(primary_key=True)
    public_id: Mapped[str] = random_id()
    email: Mapped[str] = mapped_column(unique=True)
    name: Mapped[str]
    password_hash: Mapped[str] = mapped_column(default="")
    is_admin: Mapped[bool] = mapped_column(default=False)
    verified_at: Mapped[datetime | None]
    disabled_at: Mapped[datetime | None]
    session_version: Mapped[int] = mapped_column(default=1)
    locale: Mapped[str] = mapped_column(default="")
    created_at: Mapped[datetime] = mapped_column(default=now)
    last_seen_at: Mapped[datetime | None]

    __table_args__ = (sa.CheckConstraint("email = lower(email)", name="email_lower"),)

    @property
    def is_active(self) -> bool:
        return self.verified_at is not None and self.disabled_at is None

    @property
    def is_authenticated(self) -> bool:
        return self.is_active

    @property
    def is_anonymous(self) -> bool:
        return False

    def get_id(self) -> str:
        """What the session cookie holds: raising ``session_version`` ends every session."""
        return f"{self.public_id}.{self.session_version}"


class OneTimeLink(Model):
    """A link that works once: set-up, verification, invitation, reset, change of e-mail."""

    __tablename__ = "one_time_link"

    id: Mapped[int] = mapped_column(primary_key=True)
    public_id: Mapped[str] = random_id()
    purpose: Mapped[str]
    token_hash: Mapped[str] = mapped_column(unique=True)
    user_id: Mapped[int | None] = mapped_column(sa.ForeignKey("user.id", ondelete="CASCADE"), index=True)
    email: Mapped[str] = mapped_column(default="")
    details: Mapped[dict[str, Any]] = mapped_column(default=dict)
    created_at: Mapped[datetime] = mapped_column(default=now)
    expires_at: Mapped[datetime]
    used_at: Mapped[datetime | None]


class GuestSession(Model):
    """A browser's own secret, stored hashed. Never shown to others, never a LiveKit identity."""

    __tablename__ = "guest_session"

    id: Mapped[int] = mapped_column(primary_key=True)
    token_hash: Mapped[str] = mapped_column(unique=True)
    name: Mapped[str] = mapped_column(default="")
    user_id: Mapped[int | None] = mapped_column(sa.ForeignKey("user.id", ondelete="SET NULL"), index=True)
    created_at: Mapped[datetime] = mapped_column(default=now)
    last_seen_at: Mapped[datetime] = mapped_column(default=now)

    user: Mapped[User | None] = relationship()


class PersonExport(Model):
    """A ZIP of all that is stored about an account; only who has asked for it may download it.

    ``key``: where its bytes are in ``storage``, from the first moment on. ``why`` has words for the person.
    """

    __tablename__ = "person_export"

    id: Mapped[int] = mapped_column(primary_key=True)
    public_id: Mapped[str] = random_id()
    user_id: Mapped[int] = mapped_column(sa.ForeignKey("user.id", ondelete="CASCADE"), index=True)
    asked_by_id: Mapped[int | None] = mapped_column(sa.ForeignKey("user.id", ondelete="SET NULL"), index=True)
    locale: Mapped[str]
    storage: Mapped[str]
    key: Mapped[str] = mapped_column(unique=True)
    state: Mapped[str]
    why: Mapped[str] = mapped_column(default="")
    size: Mapped[int] = mapped_column(default=0)
    asked_at: Mapped[datetime] = mapped_column(default=now, index=True)
    over_at: Mapped[datetime | None]

    @property
    def name(self) -> str:
        """What the file is called where it is downloaded."""
        return f"personal-data-{self.asked_at:%Y-%m-%d}.zip"

    @property
    def mime(self) -> str:
        return "application/zip"


class PersonErasure(Model):
    """An account that is being deleted: the row is there until all is gone, and goes with the account.

    ``rooms``: what becomes of the rooms they own, ``hand_over`` (to ``heir_id``) or ``delete``; empty where
    they have none. ``problems``: what the last try has failed at, by plugin (or ``core``).
    """

    __tablename__ = "person_erasure"

    id: Mapped[int] = mapped_column(primary_key=True)
    user_id: Mapped[int] = mapped_column(sa.ForeignKey("user.id", ondelete="CASCADE"), unique=True)
    asked_by_id: Mapped[int | None] = mapped_column(sa.ForeignKey("user.id", ondelete="SET NULL"), index=True)
    heir_id: Mapped[int | None] = mapped_column(sa.ForeignKey("user.id", ondelete="SET NULL"), index=True)
    rooms: Mapped[str] = mapped_column(default="")
    keeps_files: Mapped[bool] = mapped_column(default=False)
    tries: Mapped[int] = mapped_column(default=0)
    problems: Mapped[dict[str, Any]] = mapped_column(default=dict)
    asked_at: Mapped[datetime] = mapped_column(default=now)
    tried_at: Mapped[datetime | None]
