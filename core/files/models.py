"""What core knows of a file: whose it is, where its bytes are, what has become of it."""

from __future__ import annotations

import secrets
from datetime import datetime
from enum import StrEnum

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column, relationship

from core.contracts import Audience
from core.db import Model, now, random_id
from core.lectures.models import Lecture, Participant
from core.people.models import User
from core.rooms.models import Room

# Where keys begin; core keeps no bytes elsewhere.
INCOMING, KEPT, PREVIEWS = "incoming/", "kept/", "previews/"

# In the place of a plugin's name: an export is its owner's alone, and leaves through ``core.exports``.
OF_EXPORTS = "exports"


class State(StrEnum):
    """From the first byte to the last: ``gone`` means that its bytes are being removed.

    ``expected``: another program writes it, under ``key``, and hasn't yet.
    """

    EXPECTED = "expected"
    INCOMING = "incoming"
    CHECKING = "checking"
    READY = "ready"
    REFUSED = "refused"
    GONE = "gone"


class Scan(StrEnum):
    """What the virus scanner says; ``off`` where there was none, ``failed`` where it could not say."""

    OFF = "off"
    WAITING = "waiting"
    CLEAN = "clean"
    INFECTED = "infected"
    FAILED = "failed"


def _incoming_key() -> str:
    return INCOMING + secrets.token_hex(16)


def new_key() -> str:
    """Where the bytes of a new file are to be; the day in it tells their age, should no row know them."""
    return f"{KEPT}{now():%Y%m%d}-{secrets.token_hex(16)}"


class StoredFile(Model):
    """A file that somebody sent to a lecture through a plugin.

    Bytes come in under ``incoming_key``, and are handed out from ``key``, which nobody outside ever
    writes to; ``etag`` is that of the incoming ones when the upload was completed. Without a
    ``lecture_id`` nobody owns it any more. ``touched_at`` moves with every sign of life of an upload.
    """

    __tablename__ = "stored_file"

    id: Mapped[int] = mapped_column(primary_key=True)
    public_id: Mapped[str] = random_id()
    plugin: Mapped[str]
    storage: Mapped[str]
    key: Mapped[str] = mapped_column(unique=True, default=new_key)
    incoming_key: Mapped[str] = mapped_column(unique=True, default=_incoming_key)
    parts_id: Mapped[str] = mapped_column(default="")
    etag: Mapped[str] = mapped_column(default="")
    name: Mapped[str]
    extension: Mapped[str]
    mime: Mapped[str]
    size: Mapped[int]
    audience: Mapped[str] = mapped_column(default=Audience.EVERYONE.value)
    state: Mapped[str] = mapped_column(default=State.INCOMING.value)
    refused_because: Mapped[str] = mapped_column(default="")
    scan: Mapped[str] = mapped_column(default=Scan.OFF.value)
    preview_key: Mapped[str] = mapped_column(default="")
    room_id: Mapped[int | None] = mapped_column(sa.ForeignKey("room.id", ondelete="SET NULL"), index=True)
    lecture_id: Mapped[int | None] = mapped_column(
        sa.ForeignKey("lecture.id", ondelete="SET NULL"), index=True
    )
    participant_id: Mapped[int | None] = mapped_column(
        sa.ForeignKey("participant.id", ondelete="SET NULL"), index=True
    )
    user_id: Mapped[int | None] = mapped_column(sa.ForeignKey("user.id", ondelete="SET NULL"), index=True)
    uploader_name: Mapped[str]
    in_use: Mapped[bool] = mapped_column(default=False)
    created_at: Mapped[datetime] = mapped_column(default=now)
    touched_at: Mapped[datetime] = mapped_column(default=now)
    ready_at: Mapped[datetime | None]
    gone_at: Mapped[datetime | None]

    room: Mapped[Room | None] = relationship()
    lecture: Mapped[Lecture | None] = relationship()
    participant: Mapped[Participant | None] = relationship()
    user: Mapped[User | None] = relationship()

    __table_args__ = (
        # What the sweep looks for is rare among what is kept for years.
        sa.Index(
            "ix_stored_file_unsettled",
            "touched_at",
            postgresql_where=sa.text(
                "state <> 'ready' OR NOT in_use OR scan = 'waiting' OR lecture_id IS NULL"
            ),
        ),
    )

    @property
    def own_preview_key(self) -> str:
        """Where its preview is kept, once there is one."""
        return PREVIEWS + self.key.removeprefix(KEPT)

    @property
    def is_handed_out(self) -> bool:
        """Whether its bytes may leave: checked, and scanned where there is a scanner."""
        return self.state == State.READY and self.scan in (Scan.OFF, Scan.CLEAN)


# For queries about what lies in the file storage: whether a file still does, and the bytes of all of them.
IS_KEPT = StoredFile.state != State.GONE.value
BYTES = sa.cast(sa.func.coalesce(sa.func.sum(StoredFile.size), 0), sa.BigInteger)
