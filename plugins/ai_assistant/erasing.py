"""When a person's data is deleted: the name goes from what was said and summed up; the lines too, by rule."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from core.api import Lecture, Participant, Person, PersonalData, db, settings
from plugins.ai_assistant import corrections, transcript
from plugins.ai_assistant.models import LINE, LectureArtifact, TranscriptLine
from plugins.ai_assistant.settings import Settings
from plugins.ai_assistant.summary import Summary, without

# What core puts in place of the name everywhere else.
NOBODY = "Deleted person"


def erase(person: Person) -> None:
    """May be repeated; core has the registered columns, this is what hangs on them."""
    rows = _rows(person)
    for lecture_id in sorted({row.lecture_id for row in rows}):
        theirs = [row for row in rows if row.lecture_id == lecture_id]
        if settings(Settings).erase_lines:
            _forget_words(lecture_id, [row.id for row in theirs])
            _blank([row.id for row in theirs])
        forget_names(lecture_id, {row.name for row in theirs} - {NOBODY})


def collected(person: Person) -> PersonalData:
    """What they have said; the registered columns have the name only."""
    columns = (TranscriptLine.lecture_id, TranscriptLine.at, TranscriptLine.until, TranscriptLine.text)
    ids = [row.id for row in _rows(person)]
    query = sa.select(*columns).where(TranscriptLine.participant_id.in_(ids)).order_by(TranscriptLine.id)
    return PersonalData({LINE: [dict(row) for row in db.session.execute(query).mappings()]})


def _rows(person: Person) -> Sequence[Any]:
    who = sa.or_(
        Participant.user_id == person.user_id if person.user_id is not None else sa.false(),
        sa.and_(Participant.user_id.is_(None), Participant.guest_session_id.in_(person.guest_session_ids)),
    )
    return db.session.execute(
        sa.select(Participant.id, Participant.lecture_id, Participant.name).where(who)
    ).all()


def _blank(participant_ids: Sequence[int]) -> None:
    mine = TranscriptLine.participant_id.in_(participant_ids)
    db.session.execute(sa.update(TranscriptLine).where(mine).values(text=""))


def _forget_words(lecture_id: int, participant_ids: Sequence[int]) -> None:
    """What the summary quotes of their lines, or rests on them."""
    artifact, lecture = locked(lecture_id)
    if artifact is None or lecture is None:
        return
    mine = TranscriptLine.participant_id.in_(participant_ids)
    ids = set(db.session.scalars(sa.select(TranscriptLine.id).where(mine)))
    numbers = transcript.numbers(lecture, lambda row: row.id in ids)
    for name in ("summary", "edited"):
        kept = getattr(artifact, name)
        if kept is not None and numbers:
            rest = without(Summary.model_validate(kept), numbers, lambda _at: False)
            setattr(artifact, name, rest.model_dump(mode="json"))


def locked(lecture_id: int) -> tuple[LectureArtifact | None, Lecture | None]:
    """The lecture's artifact, which nobody else changes until the commit, and the lecture."""
    query = sa.select(LectureArtifact).where(LectureArtifact.lecture_id == lecture_id).with_for_update()
    return db.session.scalar(query), db.session.get(Lecture, lecture_id)


def forget_names(lecture_id: int, names: set[str]) -> None:
    """In the summary at once, in the transcript's files by a job."""
    artifact, lecture = locked(lecture_id)
    if artifact is None or lecture is None:
        return
    for name in names:
        corrections.in_summary(artifact, corrections.Change(name, NOBODY), keep=True)
    corrections.written_anew(lecture, artifact)
