"""One wish to take a lecture out, and what has become of it."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column, relationship

from core.db import Model, now, random_id
from core.files.models import StoredFile
from core.lectures.models import Lecture
from core.people.models import GuestSession, User


class State(StrEnum):
    """From the wish to its end."""

    WAITING = "waiting"
    WORKING = "working"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def is_over(self) -> bool:
        return self not in (State.WAITING, State.WORKING)


class Export(Model):
    """Somebody's export of a lecture; it belongs to an account or to a guest's browser.

    ``sections`` are the ids that were chosen, empty for all. ``for_hosts`` tells that its content was
    made for a host's or an admin's eyes. ``digest`` names exporter, options and content: equal ones
    share a file. ``run`` is the run that counts: it rises with each try, and what an older one
    brings is thrown away. ``why`` has words for the person.
    """

    __tablename__ = "export"

    id: Mapped[int] = mapped_column(primary_key=True)
    public_id: Mapped[str] = random_id()
    lecture_id: Mapped[int] = mapped_column(sa.ForeignKey("lecture.id", ondelete="CASCADE"), index=True)
    user_id: Mapped[int | None] = mapped_column(sa.ForeignKey("user.id", ondelete="CASCADE"), index=True)
    guest_session_id: Mapped[int | None] = mapped_column(
        sa.ForeignKey("guest_session.id", ondelete="CASCADE"), index=True
    )
    exporter: Mapped[str]
    options: Mapped[dict[str, Any]] = mapped_column(JSONB, default=dict)
    sections: Mapped[list[str]] = mapped_column(JSONB, default=list)
    for_hosts: Mapped[bool] = mapped_column(default=False)
    locale: Mapped[str] = mapped_column(default="en")
    digest: Mapped[str] = mapped_column(default="", index=True)
    state: Mapped[str] = mapped_column(default=State.WAITING.value)
    run: Mapped[int] = mapped_column(default=0)
    why: Mapped[str] = mapped_column(default="")
    link: Mapped[str] = mapped_column(default="")
    link_title: Mapped[str] = mapped_column(default="")
    file_id: Mapped[int | None] = mapped_column(
        sa.ForeignKey("stored_file.id", ondelete="SET NULL"), index=True
    )
    asked_at: Mapped[datetime] = mapped_column(default=now)
    began_at: Mapped[datetime | None]
    over_at: Mapped[datetime | None]

    lecture: Mapped[Lecture] = relationship()
    user: Mapped[User | None] = relationship()
    guest_session: Mapped[GuestSession | None] = relationship()
    file: Mapped[StoredFile | None] = relationship()

    @property
    def is_over(self) -> bool:
        return State(self.state).is_over
