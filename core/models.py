"""All tables that core owns, in one place for migrations. A table with ``__`` in its name is a plugin's."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column, relationship

from core.db import Model, now, random_id
from core.exports.models import Export
from core.files.models import StoredFile
from core.lectures.models import Lecture, LectureShare, Participant
from core.people.models import GuestSession, OneTimeLink, PersonErasure, PersonExport, User
from core.retention.models import RetentionResult, RetentionRun
from core.rooms.models import Room, RoomHost, RoomPlugin
from core.search.models import SearchedLecture, SearchEntry, SearchSpeaker

__all__ = [
    "AuditEntry",
    "Export",
    "GuardPass",
    "GuestSession",
    "Lecture",
    "LectureShare",
    "OneTimeLink",
    "Participant",
    "PersonErasure",
    "PersonExport",
    "PersonalColumn",
    "RetentionResult",
    "RetentionRun",
    "Room",
    "RoomHost",
    "RoomPlugin",
    "SearchEntry",
    "SearchSpeaker",
    "SearchedLecture",
    "Setting",
    "SettingChange",
    "StoredFile",
    "SystemEntry",
    "User",
    "Waiting",
    "WebhookEvent",
]


class Waiting(Model):
    """Somebody who waits before a room's door; ``cause`` is ``host_absent`` or a plugin's name.

    ``seen_at`` moves while the person's page holds the waiting stream, ``left_at`` is when the last
    one closed. ``code`` is that of the link they came by.
    """

    __tablename__ = "waiting"

    id: Mapped[int] = mapped_column(primary_key=True)
    room_id: Mapped[int] = mapped_column(sa.ForeignKey("room.id", ondelete="CASCADE"))
    guest_session_id: Mapped[int] = mapped_column(
        sa.ForeignKey("guest_session.id", ondelete="CASCADE"), index=True
    )
    user_id: Mapped[int | None] = mapped_column(sa.ForeignKey("user.id", ondelete="CASCADE"), index=True)
    name: Mapped[str]
    fingerprint: Mapped[str] = mapped_column(default="")
    address: Mapped[str] = mapped_column(default="")
    cause: Mapped[str]
    since: Mapped[datetime] = mapped_column(default=now)
    seen_at: Mapped[datetime] = mapped_column(default=now, index=True)
    code: Mapped[str] = mapped_column(default="", server_default="")
    left_at: Mapped[datetime | None]

    room: Mapped[Room] = relationship()
    guest_session: Mapped[GuestSession] = relationship()
    user: Mapped[User | None] = relationship()

    __table_args__ = (sa.UniqueConstraint("room_id", "guest_session_id"),)


class GuardPass(Model):
    """A guard's question that somebody has answered rightly, kept until the lecture has ended.

    ``lecture_id`` is empty while none is live; the next lecture of the room takes it over.
    """

    __tablename__ = "guard_pass"

    id: Mapped[int] = mapped_column(primary_key=True)
    room_id: Mapped[int] = mapped_column(sa.ForeignKey("room.id", ondelete="CASCADE"), index=True)
    guest_session_id: Mapped[int] = mapped_column(
        sa.ForeignKey("guest_session.id", ondelete="CASCADE"), index=True
    )
    guard: Mapped[str]
    lecture_id: Mapped[int | None] = mapped_column(
        sa.ForeignKey("lecture.id", ondelete="CASCADE"), index=True
    )
    passed_at: Mapped[datetime] = mapped_column(default=now)

    __table_args__ = (sa.UniqueConstraint("room_id", "guest_session_id", "guard"),)


class WebhookEvent(Model):
    """A LiveKit webhook, stored once by its id; ``worked_at`` is set when its job is done."""

    __tablename__ = "webhook_event"

    id: Mapped[str] = mapped_column(primary_key=True)
    kind: Mapped[str]
    lecture_public_id: Mapped[str] = mapped_column(index=True)
    happened_at: Mapped[datetime]
    payload: Mapped[dict[str, Any]]
    received_at: Mapped[datetime] = mapped_column(default=now, index=True)
    worked_at: Mapped[datetime | None]

    # Among all that is said of people, what is said of agents is rare, and asked for at each change.
    __table_args__ = (
        sa.Index(
            "ix_webhook_event_agents",
            "lecture_public_id",
            postgresql_where=sa.text("payload ->> 'kind' = '4'"),
        ),
    )


class AuditEntry(Model):
    """Who did what, when, to whom: every action of a host or an admin over others."""

    __tablename__ = "audit_log"

    id: Mapped[int] = mapped_column(primary_key=True)
    at: Mapped[datetime] = mapped_column(default=now)
    action: Mapped[str]
    actor_id: Mapped[int | None] = mapped_column(sa.ForeignKey("user.id", ondelete="SET NULL"))
    actor_name: Mapped[str] = mapped_column(default="")
    room_id: Mapped[int | None] = mapped_column(sa.ForeignKey("room.id", ondelete="SET NULL"))
    lecture_id: Mapped[int | None] = mapped_column(sa.ForeignKey("lecture.id", ondelete="SET NULL"))
    target: Mapped[str] = mapped_column(default="")
    details: Mapped[dict[str, Any]] = mapped_column(default=dict)

    # It is read newest first, with one filter at a time.
    __table_args__ = (
        sa.Index("ix_audit_log_newest", "at", "id"),
        *(
            sa.Index(f"ix_audit_log_{column}_newest", column, "at", "id")
            for column in ("action", "actor_id", "room_id", "lecture_id")
        ),
    )


class SystemEntry(Model):
    """An error that happened once or often: what kind, where in the code; nothing of what people sent.

    ``kind`` is the exception's type, empty for a mere message; ``trace`` has its places, one to a line.
    """

    __tablename__ = "system_error"

    id: Mapped[int] = mapped_column(primary_key=True)
    fingerprint: Mapped[str] = mapped_column(unique=True)
    kind: Mapped[str] = mapped_column(default="")
    message: Mapped[str] = mapped_column(default="")
    logger: Mapped[str]
    plugin: Mapped[str] = mapped_column(default="")
    hook: Mapped[str] = mapped_column(default="")
    place: Mapped[str] = mapped_column(default="")
    trace: Mapped[str] = mapped_column(default="")
    count: Mapped[int] = mapped_column(default=1)
    first_at: Mapped[datetime] = mapped_column(default=now)
    last_at: Mapped[datetime] = mapped_column(default=now)
    request_id: Mapped[str] = mapped_column(default="")

    __table_args__ = (sa.Index("ix_system_error_last_at", "last_at", "id"),)


class Setting(Model):
    """What an admin has set while the app runs; ``scope`` is ``core`` or a plugin's name.

    Whatever has no row here has its default, unless the operator gave it: that wins.
    """

    __tablename__ = "setting"

    scope: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(primary_key=True)
    value: Mapped[Any] = mapped_column(JSONB, nullable=False)
    changed_at: Mapped[datetime] = mapped_column(default=now)
    changed_by_id: Mapped[int | None] = mapped_column(
        sa.ForeignKey("user.id", ondelete="SET NULL"), index=True
    )
    changed_by: Mapped[str] = mapped_column(default="")


class SettingChange(Model):
    """One change of a setting on the admin pages; ``before`` and ``after`` are NULL for the default."""

    __tablename__ = "setting_change"

    id: Mapped[int] = mapped_column(primary_key=True)
    public_id: Mapped[str] = random_id()
    scope: Mapped[str]
    name: Mapped[str]
    before: Mapped[Any] = mapped_column(JSONB(none_as_null=True), nullable=True)
    after: Mapped[Any] = mapped_column(JSONB(none_as_null=True), nullable=True)
    at: Mapped[datetime] = mapped_column(default=now)
    actor_id: Mapped[int | None] = mapped_column(sa.ForeignKey("user.id", ondelete="SET NULL"), index=True)
    actor_name: Mapped[str] = mapped_column(default="")
    undone_at: Mapped[datetime | None]

    __table_args__ = (sa.Index("ix_setting_change_at_id", "at", "id"),)


class PersonalColumn(Model):
    """Which columns are about a person, and what erasing does to them; outlives a switched-off plugin."""

    __tablename__ = "personal_column"

    plugin: Mapped[str] = mapped_column(primary_key=True)
    table: Mapped[str] = mapped_column(primary_key=True)
    column: Mapped[str] = mapped_column(primary_key=True)
    person_column: Mapped[str]
    person_kind: Mapped[str]
    erasure: Mapped[str]
