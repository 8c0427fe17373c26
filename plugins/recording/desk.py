"""Hosts cut a finished recording and set its chapters. Every call may run twice."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from flask import Blueprint
from flask_babel import gettext as _
from pydantic import Field

from core.api import (
    HOSTS,
    Answer,
    Body,
    Lecture,
    Refusal,
    User,
    clock,
    db,
    files,
    here,
    lecture_topics,
    one_line,
    record,
    settings,
    view,
)
from plugins.recording import editing, film, models
from plugins.recording.editing import MOST_CHAPTERS, MOST_PASSAGES
from plugins.recording.models import Edit, LectureRecording
from plugins.recording.passages import Wrong
from plugins.recording.settings import Settings

of_lecture = Blueprint("recording_desk", __name__)
LONGEST_TITLE = 200
Second = Annotated[float, Field(ge=0, le=1e6, allow_inf_nan=False)]


State = Literal["none", "ready", "cutting", "failed"]
STATES: Mapping[Edit, State] = {Edit.NONE: "ready", Edit.WAITING: "cutting", Edit.FAILED: "failed"}


class Cuts(Body):
    """``version``: the one that the host has looked at. ``cuts``: seconds of the uncut film, from and to."""

    version: int
    cuts: list[tuple[Second, Second]] = Field(max_length=MOST_PASSAGES)


class Chapters(Body):
    """Seconds of the uncut film, and titles; null: those of the lecture's topics."""

    version: int
    chapters: list[tuple[Second, Annotated[str, Field(max_length=LONGEST_TITLE * 4)]]] | None = Field(
        max_length=MOST_CHAPTERS
    )


class Editing(Answer):
    """How it stands. All seconds are those of the uncut film, which is played from ``url``.

    ``spans``: which part of it shows which of the lecture (start, end, second of the lecture). ``keys``: the
    seconds at which it can go on after a cut. ``topics`` are the chapters that it has without any set by
    hand; ``chapters`` is left out then. ``undo_until``: the uncut film is kept so long (unix seconds), for
    ``keep_days`` after a cut.
    """

    version: int
    state: State
    url: str
    mime: str
    length: float
    spans: list[tuple[float, float, float]]
    keys: list[float]
    cuts: list[tuple[float, float]]
    chapters: list[tuple[float, str]] | None = None
    topics: list[tuple[float, str]]
    undo_until: float | None = None
    keep_days: int


@of_lecture.get("/edit")
@view(roles=HOSTS, answer=Editing, limit="600/minute")
def edit() -> Editing:
    """How the recording stands."""
    return _answer(here.lecture)


@of_lecture.put("/cuts")
@view(roles=HOSTS, body=Cuts, answer=Editing, limit="60/minute")
def cut(body: Cuts) -> Editing:
    """Have these passages cut out of the film, and no others; none: take every cut back.

    From the answer on nobody sees the film, or reads what was said in them, until it is made anew.
    """
    lecture = here.lecture
    recording = _locked(lecture, body.version)
    if recording.edit == Edit.NONE and [list(one) for one in body.cuts] == recording.cuts:
        db.session.commit()
        return _answer(lecture)
    try:
        editing.cut(lecture, recording, body.cuts)
    except Wrong as wrong:
        db.session.rollback()
        raise _refused(wrong, body) from wrong
    _note("cut", lecture, passages=len(body.cuts))
    return _answer(lecture)


@of_lecture.post("/cuts/again")
@view(roles=HOSTS, answer=Editing, limit="60/minute")
def again() -> Editing:
    """Try once more, after a failure."""
    lecture = here.lecture
    recording = _locked(lecture, None)
    if recording.edit == Edit.FAILED:
        editing.again(recording)
    db.session.commit()
    return _answer(lecture)


@of_lecture.put("/chapters")
@view(roles=HOSTS, body=Chapters, answer=Editing, limit="60/minute")
def chapters(body: Chapters) -> Editing:
    """Give the film these chapters."""
    lecture = here.lecture
    recording = _locked(lecture, body.version)
    editing.set_chapters(lecture, recording, _checked(recording, body))
    _note("chapters", lecture)
    return _answer(lecture)


# --- what they share ------------------------------------------------------------------


def _locked(lecture: Lecture, version: int | None) -> LectureRecording:
    recording = models.locked(lecture)
    if not editing.can_be_edited(recording):
        db.session.rollback()
        raise Refusal(409, _("There is no finished recording of this lecture."), code="no_recording")
    if version is not None and recording.at != version:
        found = recording.at
        db.session.rollback()
        words = _("Somebody else has changed the recording meanwhile. Load the page again, then go on.")
        raise Refusal(409, words, code="changed", version=found)
    return recording


def _refused(wrong: Wrong, body: Cuts) -> Refusal:
    start, end = (clock(second) for second in body.cuts[wrong.number])
    number = wrong.number + 1
    words = {
        "backwards": _("Passage %(number)s ends before it begins: %(start)s to %(end)s.",
                       number=number, start=start, end=end),
        "after": _("Passage %(number)s goes on to %(end)s, after the end of the recording.",
                   number=number, end=end),
        "order": _("Passage %(number)s begins (%(start)s) before the one above it ends. Put them in order, "
                   "apart from each other.", number=number, start=start),
        "nothing_left": _("Nothing of the recording would remain. Leave some, or delete the lecture."),
    }.get(wrong.code) or _("Passage %(number)s is no passage of the recording.", number=number)  # fmt: skip
    errors = [{"field": f"cuts.{wrong.number}", "message": str(words)}]
    return Refusal(422, words, code=wrong.code, errors=errors)


def _checked(recording: LectureRecording, body: Chapters) -> list[tuple[float, str]] | None:
    if body.chapters is None:
        return None
    length = editing.base_facts(recording)["duration"]
    found: dict[float, str] = {}
    for number, (at, title) in enumerate(body.chapters):
        cleaned = one_line(title)[:LONGEST_TITLE].strip()
        if not cleaned:
            raise _no_chapter(number, _("Chapter %(number)s needs a title.", number=number + 1))
        if at >= length:
            words = _("Chapter %(number)s begins at %(at)s, after the end.", number=number + 1, at=clock(at))
            raise _no_chapter(number, words)
        if at in found:
            words = _("Two chapters begin at %(at)s. Move one of them.", at=clock(at))
            raise _no_chapter(number, words)
        found[at] = cleaned
    return list(found.items())


def _no_chapter(number: int, words: str) -> Refusal:
    db.session.rollback()
    errors = [{"field": f"chapters.{number}", "message": words}]
    return Refusal(422, words, code="chapter", errors=errors)


def _note(what: str, lecture: Lecture, **details: Any) -> None:
    actor = db.session.get(User, here.caller.user_id)
    record(f"recording.{what}", actor=actor, room_id=lecture.room_id, lecture_id=lecture.id, **details)
    db.session.commit()


def _answer(lecture: Lecture) -> Editing:
    recording = models.recording_of(lecture)
    if recording is None or not editing.can_be_edited(recording):
        return _nothing(recording)
    facts, played = editing.base_facts(recording), editing.base(recording)
    assert played is not None
    until = editing.kept_until(recording)
    return Editing(
        version=recording.at,
        state=STATES[Edit(recording.edit)],
        url=files.entry(played).url,
        mime=played.mime,
        length=facts["duration"],
        spans=[(one.start, one.end, one.at) for one in film.spans(lecture, facts)],
        keys=facts["keys"],
        cuts=[(start, end) for start, end in recording.cuts],
        chapters=editing.chapters_of(lecture, recording),
        topics=editing.in_film(lecture, recording, lecture_topics(lecture)),
        undo_until=until.timestamp() if until else None,
        keep_days=settings(Settings).keep_original_days,
    )


def _nothing(recording: LectureRecording | None) -> Editing:
    return Editing(
        version=recording.at if recording else 0, state="none", url="", mime="", length=0, spans=[], keys=[],
        cuts=[], chapters=None, topics=[], undo_until=None, keep_days=settings(Settings).keep_original_days,
    )  # fmt: skip
