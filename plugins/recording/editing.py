"""What hosts make of a finished recording: passages cut out of it, chapters. Nothing here commits.

A wish to cut is stated for the film as it was before any cut that can still be taken back (``base``), so it
is changed and taken back as often as one likes. From the commit of the wish on nobody sees the film, or
reads what was said in the passages; the job of ``recutting`` makes the film anew.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from core.api import (
    Audience,
    Lecture,
    StoredFile,
    cut_lecture,
    db,
    defer,
    files,
    film_chapters,
    make_cuts_final,
    now,
    settings,
)
from plugins.recording import film, state
from plugins.recording.models import Edit, LectureRecording, Outcome
from plugins.recording.passages import Passage, kept
from plugins.recording.settings import Settings

MOST_PASSAGES = MOST_CHAPTERS = 100
# Seconds of the film, and what begins there.
Chapter = tuple[float, str]


def can_be_edited(recording: LectureRecording) -> bool:
    """Whether there is a film, and its bytes."""
    return recording.outcome == Outcome.DONE and base(recording) is not None


def base(recording: LectureRecording) -> StoredFile | None:
    """The film as it was before any cut that can be taken back."""
    if recording.original_id is not None:
        return db.session.get(StoredFile, recording.original_id)
    return recording.video


def base_facts(recording: LectureRecording) -> dict[str, Any]:
    """What there is to know about ``base``: its ``duration``, ``keys``, ``spans``, ``gaps``."""
    facts = recording.original_facts if recording.original_id is not None else recording.facts
    assert facts is not None
    return facts


def kept_until(recording: LectureRecording) -> datetime | None:
    """Until when the cut can be taken back; None where there is none, or nothing to go back to."""
    if recording.original_id is None or recording.cut_at is None:
        return None
    return recording.cut_at + timedelta(days=settings(Settings).keep_original_days)


def cut(lecture: Lecture, recording: LectureRecording, passages: Sequence[Passage]) -> None:
    """Have these passages of ``base`` cut out, and no others; none takes every cut back. Locked.

    ``passages.Wrong`` where they make no sense.
    """
    facts = base_facts(recording)
    if passages:
        kept(passages, facts["keys"], facts["duration"])
    cut_lecture(lecture, [in_lecture(lecture, facts, passage) for passage in passages])
    recording.cuts = [list(passage) for passage in passages]
    _hide(recording)
    again(recording)


def again(recording: LectureRecording) -> None:
    """Try once more what was wished for. Locked."""
    recording.edit = Edit.WAITING.value
    state.touch(recording)
    defer("recording:cut", lock=f"recording:{recording.lecture_id}", lecture_id=recording.lecture_id)


def _hide(recording: LectureRecording) -> None:
    """Whoever knows the film's address has it no longer; what was cut out is nobody's but the hosts'."""
    original = base(recording)
    if recording.video is not None and not recording.audience:
        recording.audience = recording.video.audience
    for stored in (original, recording.video, recording.sound, recording.sprite):
        if stored is not None:
            files.change_address(stored)
    if original is not None:
        original.audience = Audience.HOSTS.value


def make_final(lecture: Lecture, recording: LectureRecording) -> None:
    """The cut can't be taken back any more: what was cut out is deleted. Locked."""
    original = base(recording) if recording.original_id is not None else None
    recording.original_id, recording.original_facts = None, None
    recording.cuts, recording.cut_at = [], None
    if original is not None:
        files.delete(original)
    make_cuts_final(lecture)
    state.touch(recording)


# --- times ------------------------------------------------------------------------------


def in_lecture(lecture: Lecture, facts: dict[str, Any], passage: Passage) -> Passage:
    """A passage of the film as one of the lecture, in seconds from its start: pauses in it belong to it."""
    return to_lecture(lecture, facts, passage[0]), to_lecture(lecture, facts, passage[1], ends=True)


def to_lecture(lecture: Lecture, facts: dict[str, Any], second: float, *, ends: bool = False) -> float:
    """The moment of the lecture that this second of the film shows; where two meet, the one that ``ends``."""
    begun = lecture.started_at.timestamp()
    fitting = [one for one in facts["spans"] if one["start"] < second] if ends else [
        one for one in facts["spans"] if one["end"] > second]  # fmt: skip
    span = (fitting or facts["spans"])[-1 if ends or not fitting else 0]
    inside = min(max(second, span["start"]), span["end"])
    return float(max(0.0, span["began_at"] - begun + inside - span["start"]))


# --- chapters ---------------------------------------------------------------------------


def set_chapters(lecture: Lecture, recording: LectureRecording, chapters: Sequence[Chapter] | None) -> None:
    """The film has these chapters (seconds of ``base``); None: those of the lecture's topics. Locked."""
    facts = base_facts(recording)
    recording.chapters = None if chapters is None else [
        [round(to_lecture(lecture, facts, at), 3), title] for at, title in sorted(chapters)]  # fmt: skip
    state.touch(recording)


def chapters_of(lecture: Lecture, recording: LectureRecording) -> list[Chapter] | None:
    """Those that hosts have set, in seconds of ``base``."""
    if recording.chapters is None:
        return None
    return in_film(lecture, recording, [(float(at), str(title)) for at, title in recording.chapters])


def in_film(lecture: Lecture, recording: LectureRecording, moments: Sequence[Chapter]) -> list[Chapter]:
    """Moments of the lecture as seconds of ``base``."""
    return list(film_chapters(film.spans(lecture, base_facts(recording)), moments))


def is_over(recording: LectureRecording) -> bool:
    """Whether the time is over in which the cut could be taken back."""
    until = kept_until(recording)
    return until is not None and recording.edit == Edit.NONE and now() >= until
