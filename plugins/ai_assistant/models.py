"""What the assistant keeps of a lecture: how it stands, the lines, who may be heard, what it cost."""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum
from functools import cache
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB, insert
from sqlalchemy.orm import Mapped, aliased, mapped_column, relationship

from core.api import AgentRuns, Lecture, StoredFile, db, first_values, now

ARTIFACT, LINE = "ai_assistant__artifact", "ai_assistant__line"
KEEPING, CHOICE = "ai_assistant__keeping", "ai_assistant__choice"
USAGE, TRIAL = "ai_assistant__usage", "ai_assistant__trial"


def _to(table: str, ondelete: str = "CASCADE") -> sa.ForeignKey:
    return sa.ForeignKey(f"{table}.id", ondelete=ondelete)


class State(StrEnum):
    """What becomes of transcript and summary. ``none``: nothing was kept, so there is nothing to sum up."""

    WAITING = "waiting"
    TRANSCRIBING = "transcribing"
    SUMMARIZING = "summarizing"
    DONE = "done"
    FAILED = "failed"
    NONE = "none"


class LectureArtifact(AgentRuns, db.Model):
    """The assistant in one lecture.

    ``captions`` and ``keep`` say what hosts want now; ``detail`` is what the agent says of its trouble.
    ``at`` (microseconds since 1970) rises with every change that pages are told of. ``summary`` is what a
    model or the draft has made, ``edited`` what a host has made of it; ``version`` rises with every
    change of either. ``lines`` is how many had been said when the transcript was closed last.
    """

    __tablename__ = ARTIFACT

    lecture_id: Mapped[int] = mapped_column(_to("lecture"), primary_key=True)
    at: Mapped[int] = mapped_column(default=0)
    captions: Mapped[bool]
    keep: Mapped[bool]
    paused_at: Mapped[datetime | None]
    detail: Mapped[str] = mapped_column(default="")
    refused: Mapped[str] = mapped_column(default="")
    terms: Mapped[list[str]] = mapped_column(JSONB, default=list)
    provider: Mapped[str] = mapped_column(default="")
    model: Mapped[str] = mapped_column(default="")
    language: Mapped[str] = mapped_column(default="")
    seconds: Mapped[float] = mapped_column(default=0.0)
    tokens_in: Mapped[int] = mapped_column(default=0)
    tokens_out: Mapped[int] = mapped_column(default=0)
    cost: Mapped[float] = mapped_column(default=0.0)
    state: Mapped[str] = mapped_column(default=State.WAITING.value)
    why: Mapped[str] = mapped_column(default="")
    version: Mapped[int] = mapped_column(default=0)
    summary: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
    edited: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
    summary_model: Mapped[str] = mapped_column(default="")
    approved: Mapped[bool] = mapped_column(default=False)
    hidden: Mapped[bool] = mapped_column(default=False)
    lines: Mapped[int] = mapped_column(default=0)
    lines_file_id: Mapped[int | None] = mapped_column(_to("stored_file", "SET NULL"))
    subtitles_file_id: Mapped[int | None] = mapped_column(_to("stored_file", "SET NULL"))

    lecture: Mapped[Lecture] = relationship()

    @property
    def shown_summary(self) -> dict[str, Any] | None:
        """What a host has made of it, else what was made."""
        return self.edited or self.summary

    @property
    def is_wanted(self) -> bool:
        return self.captions or self.keep


class TranscriptLine(db.Model):
    """What somebody said, or (``is_gap``) a time in which nobody listened.

    Times are milliseconds since the lecture's start. ``key`` is the agent's id of it. The name follows
    the participant; ``name`` is what is left without one.
    """

    __tablename__ = LINE

    id: Mapped[int] = mapped_column(primary_key=True)
    lecture_id: Mapped[int] = mapped_column(_to("lecture"))
    key: Mapped[str]
    participant_id: Mapped[int | None] = mapped_column(_to("participant", "SET NULL"), index=True)
    name: Mapped[str]
    at: Mapped[int]
    until: Mapped[int]
    text: Mapped[str]
    language: Mapped[str] = mapped_column(default="")
    is_gap: Mapped[bool] = mapped_column(default=False)
    is_edited: Mapped[bool] = mapped_column(default=False)

    __table_args__ = (
        sa.UniqueConstraint("lecture_id", "key"),
        sa.Index(f"ix_{LINE}_lecture_id_at", "lecture_id", "at", "id"),
    )


class Keeping(db.Model):
    """A time in which the transcript was kept; ``until`` is empty while it is."""

    __tablename__ = KEEPING

    id: Mapped[int] = mapped_column(primary_key=True)
    lecture_id: Mapped[int] = mapped_column(_to("lecture"), index=True)
    since: Mapped[datetime]
    until: Mapped[datetime | None]


class Choice(db.Model):
    """From ``since`` on somebody wants to be written along, or doesn't."""

    __tablename__ = CHOICE

    id: Mapped[int] = mapped_column(primary_key=True)
    lecture_id: Mapped[int] = mapped_column(_to("lecture"), index=True)
    participant_id: Mapped[int] = mapped_column(_to("participant"), index=True)
    heard: Mapped[bool]
    since: Mapped[datetime]


class Usage(db.Model):
    """What one lecture has cost on one day; it outlives the lecture."""

    __tablename__ = USAGE

    id: Mapped[int] = mapped_column(primary_key=True)
    lecture_id: Mapped[int | None] = mapped_column(_to("lecture", "SET NULL"))
    room_id: Mapped[int | None] = mapped_column(_to("room", "SET NULL"), index=True)
    day: Mapped[date] = mapped_column(index=True)
    seconds: Mapped[float] = mapped_column(default=0.0)
    tokens_in: Mapped[int] = mapped_column(default=0)
    tokens_out: Mapped[int] = mapped_column(default=0)
    cost: Mapped[float] = mapped_column(default=0.0)

    __table_args__ = (sa.UniqueConstraint("lecture_id", "day"),)


class Trial(db.Model):
    """A spoken sample that an admin has sent through the provider; ``text`` is what came back."""

    __tablename__ = TRIAL

    id: Mapped[int] = mapped_column(primary_key=True)
    asked_at: Mapped[datetime] = mapped_column(default=now)
    done_at: Mapped[datetime | None]
    provider: Mapped[str]
    model: Mapped[str] = mapped_column(default="")
    text: Mapped[str] = mapped_column(default="")
    seconds: Mapped[float] = mapped_column(default=0.0)
    problem: Mapped[str] = mapped_column(default="")


def artifact_of(lecture: Lecture) -> LectureArtifact | None:
    """How the assistant stands in a lecture, read anew."""
    query = sa.select(LectureArtifact).where(LectureArtifact.lecture_id == lecture.id)
    return db.session.scalar(query.execution_options(populate_existing=True))


def with_files(lecture: Lecture) -> tuple[LectureArtifact | None, list[StoredFile]]:
    """The same with the files of its transcript, at one look."""
    found = db.session.execute(_with_files(), {"lecture": lecture.id}).first()
    return (found[0], [one for one in found[1:] if one is not None]) if found else (None, [])


@cache
def _with_files() -> Any:
    # Built once: that takes longer than the answer.
    lines, subtitles = aliased(StoredFile), aliased(StoredFile)
    query = (
        sa.select(LectureArtifact, lines, subtitles)
        .outerjoin(lines, lines.id == LectureArtifact.lines_file_id)
        .outerjoin(subtitles, subtitles.id == LectureArtifact.subtitles_file_id)
        .where(LectureArtifact.lecture_id == sa.bindparam("lecture"))
    )
    return query.execution_options(populate_existing=True)


def locked(lecture: Lecture, *, captions: bool, keep: bool) -> LectureArtifact:
    """The same, nobody else changes it until the commit; made with these wishes when there is none."""
    query = sa.select(LectureArtifact).where(LectureArtifact.lecture_id == lecture.id)
    query = query.with_for_update().execution_options(populate_existing=True)
    found = db.session.scalar(query)
    if found is None:
        _make(lecture, captions, keep)
        found = db.session.scalars(query).one()
    return found


def _make(lecture: Lecture, captions: bool, keep: bool) -> None:
    made = (
        insert(LectureArtifact)
        .values(_fresh(lecture.id, captions, keep))
        .on_conflict_do_nothing()
        .returning(LectureArtifact.lecture_id)
    )
    if db.session.scalar(made) is not None and keep:
        # What is said before the first look at this lecture may be kept too: the room said so all the time.
        db.session.add(Keeping(lecture_id=lecture.id, since=lecture.started_at))
        db.session.flush()


def _fresh(lecture_id: int, captions: bool, keep: bool) -> dict[str, Any]:
    values = first_values(LectureArtifact)
    return {**values, "lecture_id": lecture_id, "captions": captions, "keep": keep, "runs": [], "terms": []}
