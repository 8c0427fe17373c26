"""What the plugin keeps of a lecture: how recording stands, its pieces, who is in it, what came of it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB, insert
from sqlalchemy.orm import Mapped, joinedload, mapped_column, relationship

from core.api import AgentRuns, Lecture, StoredFile, db, first_values

RECORDING, PIECE = "recording__recording", "recording__piece"
SPAN, CHOICE = "recording__span", "recording__choice"


def _to(table: str, ondelete: str = "CASCADE") -> sa.ForeignKey:
    return sa.ForeignKey(f"{table}.id", ondelete=ondelete)


class Wish(StrEnum):
    """What hosts want now."""

    OFF = "off"
    ON = "on"
    PAUSED = "paused"


class Begun(StrEnum):
    """What came of pressing record. ``already``: somebody else was faster; ``busy``: no recorder is free."""

    NOW = "now"
    ALREADY = "already"
    BUSY = "busy"


class Outcome(StrEnum):
    """What becomes of the pieces. ``none``: there are none, so there is nothing to join."""

    WAITING = "waiting"
    JOINING = "joining"
    DONE = "done"
    FAILED = "failed"
    NONE = "none"


class Edit(StrEnum):
    """What becomes of the passages that hosts want out; until it is done nobody sees the film."""

    NONE = ""
    WAITING = "waiting"
    FAILED = "failed"


class LectureRecording(AgentRuns, db.Model):
    """Recording in one lecture.

    ``wish`` says what hosts want, ``begins_at`` when the notice is over, ``queued_at`` since when it
    waits for a free recorder. ``seconds`` are those that the run has recorded, ``earlier`` those of the
    runs before it. ``at`` (microseconds since 1970) rises with every change that pages are told of.
    ``unheard`` are times (unix seconds, each with the place of its run) in which somebody may have spoken
    who isn't recorded. ``facts`` is what there is to know about the finished file, ``thumbnails`` the
    geometry of its sprite.

    ``cuts`` are the passages that hosts want out, in seconds of the file as it was before. As long as that
    can be taken back it is the ``original``, with its own facts, and ``cut_at`` when it was replaced.
    ``edit`` says what becomes of their wish, ``audience`` who watches what comes of it. ``chapters`` are
    those that hosts have set, in seconds of the lecture; None: those of the topics.
    """

    __tablename__ = RECORDING

    lecture_id: Mapped[int] = mapped_column(_to("lecture"), primary_key=True)
    at: Mapped[int] = mapped_column(default=0)
    wish: Mapped[str] = mapped_column(default=Wish.OFF.value)
    begins_at: Mapped[datetime | None]
    queued_at: Mapped[datetime | None]
    seconds: Mapped[float] = mapped_column(default=0.0)
    earlier: Mapped[float] = mapped_column(default=0.0)
    unheard: Mapped[list[list[float]]] = mapped_column(JSONB, default=list)
    outcome: Mapped[str] = mapped_column(default=Outcome.WAITING.value)
    why: Mapped[str] = mapped_column(default="")
    facts: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
    thumbnails: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
    video_id: Mapped[int | None] = mapped_column(_to("stored_file", "SET NULL"))
    sprite_id: Mapped[int | None] = mapped_column(_to("stored_file", "SET NULL"))
    sound_id: Mapped[int | None] = mapped_column(_to("stored_file", "SET NULL"))
    cuts: Mapped[list[list[float]]] = mapped_column(JSONB, default=list)
    edit: Mapped[str] = mapped_column(default=Edit.NONE.value)
    cut_at: Mapped[datetime | None]
    original_id: Mapped[int | None] = mapped_column(_to("stored_file", "SET NULL"))
    original_facts: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
    audience: Mapped[str] = mapped_column(default="")
    chapters: Mapped[list[list[Any]] | None] = mapped_column(JSONB(none_as_null=True))

    lecture: Mapped[Lecture] = relationship()
    video: Mapped[StoredFile | None] = relationship(foreign_keys=[video_id])
    sprite: Mapped[StoredFile | None] = relationship(foreign_keys=[sprite_id])
    sound: Mapped[StoredFile | None] = relationship(foreign_keys=[sound_id])
    original: Mapped[StoredFile | None] = relationship(foreign_keys=[original_id])

    @property
    def is_wanted(self) -> bool:
        return self.wish != Wish.OFF

    @property
    def rests(self) -> bool:
        """Whether it is paused and nobody is there to record: an egress ends with each pause."""
        return self.wish == Wish.PAUSED and not self.run and self.status == "paused"


class Piece(db.Model):
    """Ten seconds or so of one run's recording: a whole WebM of its own. ``number`` begins with 0.

    Of an egress it is all of the run, an MP4.
    """

    __tablename__ = PIECE

    id: Mapped[int] = mapped_column(primary_key=True)
    lecture_id: Mapped[int] = mapped_column(_to("lecture"))
    run: Mapped[str]
    number: Mapped[int]
    stored_file_id: Mapped[int] = mapped_column(_to("stored_file"), unique=True)

    stored: Mapped[StoredFile] = relationship()

    __table_args__ = (sa.UniqueConstraint("lecture_id", "run", "number"),)


class Span(db.Model):
    """A time in which hosts wanted it recorded; ``until`` is empty while they do."""

    __tablename__ = SPAN

    id: Mapped[int] = mapped_column(primary_key=True)
    lecture_id: Mapped[int] = mapped_column(_to("lecture"), index=True)
    since: Mapped[datetime]
    until: Mapped[datetime | None]


class Choice(db.Model):
    """From ``since`` on somebody is in the recording or isn't, and their camera is or isn't."""

    __tablename__ = CHOICE

    id: Mapped[int] = mapped_column(primary_key=True)
    lecture_id: Mapped[int] = mapped_column(_to("lecture"), index=True)
    participant_id: Mapped[int] = mapped_column(_to("participant"), index=True)
    recorded: Mapped[bool]
    camera: Mapped[bool]
    since: Mapped[datetime]


def recording_of(lecture: Lecture) -> LectureRecording | None:
    """How recording stands in a lecture, read anew, with its files."""
    query = sa.select(LectureRecording).where(LectureRecording.lecture_id == lecture.id)
    files = (LectureRecording.video, LectureRecording.sprite, LectureRecording.sound)
    query = query.options(*map(joinedload, files))
    return db.session.scalar(query.execution_options(populate_existing=True))


def locked(lecture: Lecture) -> LectureRecording:
    """The same, nobody else changes it until the commit; made when there is none."""
    query = sa.select(LectureRecording).where(LectureRecording.lecture_id == lecture.id)
    query = query.with_for_update().execution_options(populate_existing=True)
    found = db.session.scalar(query)
    if found is None:
        db.session.execute(insert(LectureRecording).values(_fresh(lecture)).on_conflict_do_nothing())
        found = db.session.scalars(query).one()
    return found


def _fresh(lecture: Lecture) -> dict[str, Any]:
    values = first_values(LectureRecording)
    return {**values, "lecture_id": lecture.id, "runs": [], "unheard": [], "cuts": []}


def pieces_of(lecture: Lecture, runs: Sequence[str]) -> list[Piece]:
    """All pieces in their order: the runs as they came, each from its first piece on."""
    query = sa.select(Piece).where(Piece.lecture_id == lecture.id).options(joinedload(Piece.stored))
    return sorted(db.session.scalars(query), key=lambda one: (runs.index(one.run), one.number))
