"""What goes when its time is over: all that was said and summed up; the names of those who said it."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from core.api import Lecture, Participant, Retained, RetentionKind, db, delete_rows, files
from plugins.ai_assistant import erasing, state
from plugins.ai_assistant.models import Choice, Keeping, LectureArtifact, State, TranscriptLine

PLUGIN = "ai_assistant"


def retained() -> list[Retained]:
    """Transcripts with what was made of them, and names in summaries and files."""
    return [
        Retained(RetentionKind.TRANSCRIPTS, _said, _remove_said),
        Retained(RetentionKind.PARTICIPANTS, _named, _remove_names),
    ]


def _said(lectures: Any) -> Any:
    lines = sa.select(TranscriptLine.lecture_id).where(TranscriptLine.lecture_id.in_(lectures))
    made = sa.or_(*(column.is_not(None) for column in _made()))
    summed_up = sa.select(LectureArtifact.lecture_id).where(LectureArtifact.lecture_id.in_(lectures), made)
    found = sa.union_all(lines, summed_up).subquery()
    return sa.select(found.c.lecture_id, sa.func.count()).group_by(found.c.lecture_id)


def _made() -> tuple[Any, ...]:
    one = LectureArtifact
    return one.summary, one.edited, one.lines_file_id, one.subtitles_file_id


def _remove_said(lecture: Lecture) -> None:
    files.delete_all(lecture, PLUGIN)
    delete_rows(lecture, TranscriptLine, Keeping, Choice)
    artifact, _lecture = erasing.locked(lecture.id)
    if artifact is not None:
        _empty(artifact)


def _empty(artifact: LectureArtifact) -> None:
    """How it stood and what it cost stays."""
    artifact.summary = artifact.edited = artifact.lines_file_id = artifact.subtitles_file_id = None
    artifact.summary_model, artifact.why, artifact.detail, artifact.terms = "", "", "", []
    artifact.state, artifact.lines, artifact.version = State.NONE.value, 0, artifact.version + 1
    state.touch(artifact)


def _named(lectures: Any) -> Any:
    """Those who took part where something may name them; nobody any more when core has forgotten them."""
    someone = sa.or_(Participant.user_id.is_not(None), Participant.guest_session_id.is_not(None))
    made = sa.or_(*(column.is_not(None) for column in _made()))
    query = (
        sa.select(Participant.lecture_id, sa.func.count())
        .join(LectureArtifact, LectureArtifact.lecture_id == Participant.lecture_id)
        .where(Participant.lecture_id.in_(lectures), someone, made)
    )
    return query.group_by(Participant.lecture_id)


def _remove_names(lecture: Lecture) -> None:
    mine = sa.select(Participant.name).where(Participant.lecture_id == lecture.id)
    erasing.forget_names(lecture.id, set(db.session.scalars(mine)))
