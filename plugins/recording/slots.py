"""How many lectures are recorded at the same time, whoever records."""

from __future__ import annotations

import sqlalchemy as sa

from core.api import Lecture, db, now, settings
from plugins.recording.models import LectureRecording, Wish
from plugins.recording.settings import Settings

# Any number that nobody else locks by: which lecture gets the last free recorder is decided one by one.
SLOTS_LOCK = 0x7265636F7264


def takes_a_slot(lecture: Lecture, queued: LectureRecording | None = None) -> bool:
    """Whether a recorder is free for this lecture; nobody else is told so until our commit."""
    db.session.execute(sa.select(sa.func.pg_advisory_xact_lock(SLOTS_LOCK)))
    one = LectureRecording
    others = (
        sa.select(sa.func.count())
        .select_from(one)
        .join(Lecture, Lecture.id == one.lecture_id)
        .where(one.lecture_id != lecture.id, Lecture.ended_at.is_(None), one.wish != Wish.OFF.value)
    )
    taken = sa.or_(one.queued_at.is_(None), one.queued_at < (queued.queued_at if queued else now()))
    return (db.session.scalar(others.where(taken)) or 0) < settings(Settings).recordings_at_once
