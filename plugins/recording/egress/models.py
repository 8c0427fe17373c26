"""What the plugin keeps of each egress."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column, relationship

from core.api import EgressState, EgressStatus, Lecture, StoredFile, db
from plugins.recording.models import LectureRecording

TABLE = "recording__egress"
OVER = (EgressStatus.COMPLETE, EgressStatus.FAILED, EgressStatus.ABORTED, EgressStatus.LIMIT)
ORDER = ("", EgressStatus.STARTING, EgressStatus.ACTIVE, EgressStatus.ENDING)
OPEN, KEPT, LOST = "", "kept", "lost"


class EgressRun(db.Model):
    """One egress, from the moment we ask for it until its file has come, or is given up.

    ``egress_id`` is empty until LiveKit has said it. ``began_at`` and ``ended_at`` (unix seconds, on the
    clock of Egress) are those of the file. ``heard_at``: when its page last asked us; ``stop_at``: since
    when we don't want it any more; ``over_at``: since when it is known to be over, or unknown to LiveKit;
    ``looked_at``: when we last asked LiveKit about it. ``outcome`` is empty while its file may still come.
    """

    __tablename__ = TABLE

    id: Mapped[int] = mapped_column(primary_key=True)
    lecture_id: Mapped[int] = mapped_column(sa.ForeignKey("lecture.id", ondelete="CASCADE"))
    run: Mapped[str]
    egress_id: Mapped[str] = mapped_column(default="")
    stored_file_id: Mapped[int | None] = mapped_column(sa.ForeignKey("stored_file.id", ondelete="SET NULL"))
    status: Mapped[str] = mapped_column(default="")
    error: Mapped[str] = mapped_column(default="")
    asked_at: Mapped[datetime]
    began_at: Mapped[float | None]
    ended_at: Mapped[float | None]
    heard_at: Mapped[datetime | None]
    stop_at: Mapped[datetime | None]
    over_at: Mapped[datetime | None]
    looked_at: Mapped[datetime | None]
    outcome: Mapped[str] = mapped_column(default=OPEN)

    lecture: Mapped[Lecture] = relationship()
    stored: Mapped[StoredFile | None] = relationship()

    __table_args__ = (
        sa.UniqueConstraint("lecture_id", "run"),
        sa.Index("ix_recording__egress_open", "lecture_id", postgresql_where=sa.text("outcome = ''")),
    )

    @property
    def is_over(self) -> bool:
        return self.status in OVER

    def is_meant_by(self, seen: EgressState) -> bool:
        """Whether this is it: by its id, or by the file that only it was asked to write."""
        if self.egress_id and seen.id:
            return self.egress_id == seen.id
        return self.stored is not None and seen.file.endswith(self.stored.key)

    def learn(self, seen: EgressState) -> None:
        """Take what LiveKit says; what is older than what we know changes nothing."""
        self.egress_id = self.egress_id or seen.id
        if not self.is_over and (seen.is_over or ORDER.index(seen.status) > ORDER.index(self.status)):
            self.status = seen.status.value
        self.error = seen.error or self.error
        if seen.status not in (EgressStatus.STARTING, EgressStatus.ABORTED):
            self.began_at = seen.started_at or self.began_at
            self.ended_at = seen.ended_at or self.ended_at


def run_of(lecture: Lecture, run: str) -> EgressRun | None:
    """That run, read anew."""
    query = sa.select(EgressRun).where(EgressRun.lecture_id == lecture.id, EgressRun.run == run)
    return db.session.scalar(query.execution_options(populate_existing=True))


def runs_of(lecture: Lecture) -> list[EgressRun]:
    """All of them, in the order in which they were asked for, read anew."""
    query = sa.select(EgressRun).where(EgressRun.lecture_id == lecture.id).order_by(EgressRun.id)
    return list(db.session.scalars(query.execution_options(populate_existing=True)))


def open_runs_of(lecture: Lecture) -> list[EgressRun]:
    """Those whose file may still come."""
    return [one for one in runs_of(lecture) if one.outcome == OPEN]


def has_runs(recording: LectureRecording) -> bool:
    """Whether Egress has ever been asked in this lecture."""
    mine = EgressRun.lecture_id == recording.lecture_id
    return bool(db.session.scalar(sa.select(sa.exists().where(mine))))
