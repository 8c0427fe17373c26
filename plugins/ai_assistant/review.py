"""Hosts review what was made: edit, approve, hide, correct, have it made again. Every call may run twice."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from flask import Blueprint
from flask_babel import gettext as _
from pydantic import Field

from core.api import (
    HOSTS,
    Answer,
    Body,
    Refusal,
    User,
    db,
    defer,
    here,
    record,
    room_settings,
    settings,
    view,
)
from plugins.ai_assistant import consent, corrections, state, summing, transcript
from plugins.ai_assistant.models import LectureArtifact, State, TranscriptLine, artifact_of
from plugins.ai_assistant.settings import Reader, RoomSettings, Settings
from plugins.ai_assistant.summary import Summary, with_known_lines

of_lecture = Blueprint("ai_assistant_lecture", __name__)


class Cost(Answer):
    """What the lecture has cost: seconds of speech, tokens, money."""

    seconds: float
    tokens_in: int
    tokens_out: int
    cost: float


class Review(Answer):
    """``generated``: what was made last, where a host's own version stands in front of it."""

    state: State
    why: str
    can_retry: bool
    is_draft: bool
    model: str
    approved: bool
    hidden: bool
    readers: Reader
    edited: bool
    summary: Summary | None
    generated: Summary | None
    version: int
    models: list[str]
    lines: int
    usage: Cost


class Edited(Body):
    """``version``: the one that the host has looked at."""

    version: int
    summary: Summary


class Switch(Body):
    on: bool


class Again(Body):
    """``model``: empty for the institution's."""

    model: str = Field("", max_length=100)


class Text(Body):
    text: str = Field(min_length=1, max_length=transcript.LONGEST_TEXT)


class Correction(Body):
    """``everywhere``: in the summary too. ``preview``: only say what would change."""

    from_: str = Field(alias="from", min_length=1, max_length=200)
    to: str = Field(min_length=1, max_length=200)
    everywhere: bool = True
    preview: bool = False


class Corrected(Answer):
    lines: int
    places: int
    samples: list[str]


class LinesQuery(Body):
    after: str = Field("", max_length=40)
    limit: int = Field(200, ge=1, le=500)


class TranscriptLineAnswer(Answer):
    """``number`` is what citations name; a gap has none."""

    id: str
    number: int | None = None
    identity: str
    name: str
    at: float
    text: str
    edited: bool
    gap: bool


class TranscriptPage(Answer):
    lines: list[TranscriptLineAnswer]
    next: str | None = None


# --- the summary ----------------------------------------------------------------------


@of_lecture.get("/review")
@view(roles=HOSTS, answer=Review, limit="600/minute")
def review() -> Review:
    """How transcript and summary stand."""
    return _answer(state.seen(here.lecture))


@of_lecture.put("/review")
@view(roles=HOSTS, body=Edited, answer=Review, limit="600/minute")
def edit(body: Edited) -> Review:
    """Keep a host's version of the summary; it stays in front of whatever is made later."""
    artifact = _locked()
    if artifact.version != body.version:
        words = _("Somebody else has changed the summary meanwhile. Copy your text, load theirs, and go on.")
        raise Refusal(409, words, code="changed", version=artifact.version)
    known = range(1, transcript.count(here.lecture) + 1)
    artifact.edited = with_known_lines(body.summary, known).model_dump(mode="json")
    return _commit(artifact, "edit")


@of_lecture.post("/review/approve")
@view(roles=HOSTS, body=Switch, answer=Review, limit="600/minute")
def approve(body: Switch) -> Review:
    """Let those who read the lecture's page see the summary, where the room asks for that."""
    artifact = _locked()
    artifact.approved = body.on
    return _commit(artifact, "approve", on=body.on)


@of_lecture.post("/review/hide")
@view(roles=HOSTS, body=Switch, answer=Review, limit="600/minute")
def hide(body: Switch) -> Review:
    """Show the summary to hosts only, or no longer."""
    artifact = _locked()
    artifact.hidden = body.on
    return _commit(artifact, "hide", on=body.on)


@of_lecture.post("/review/take_new")
@view(roles=HOSTS, answer=Review, limit="600/minute")
def take_new() -> Review:
    """Give one's own version up for what was made last."""
    artifact = _locked()
    artifact.edited = None
    return _commit(artifact, "take_new")


@of_lecture.post("/review/again")
@view(roles=HOSTS, body=Again, answer=Review, limit="30/minute")
def again(body: Again) -> Review:
    """Sum up again, by another model if one is named; what hosts have written stays."""
    return _again(body.model)


@of_lecture.post("/review/retry")
@view(roles=HOSTS, answer=Review, limit="30/minute")
def retry() -> Review:
    """The same after a failure."""
    return _again("")


def _again(model: str) -> Review:
    if model and model not in _models():
        words = _("Choose one of these models: %(models)s.", models=", ".join(_models()) or "–")
        raise Refusal(422, words, code="no_model")
    artifact = _locked()
    if here.lecture.ended_at is None or not transcript.count(here.lecture):
        raise Refusal(409, _("There is nothing to sum up yet."), code="nothing_said")
    if artifact.state != State.SUMMARIZING:
        artifact.state, artifact.why = State.SUMMARIZING.value, ""
        _defer(model)
    return _commit(artifact, "again", model=model)


# --- the transcript -------------------------------------------------------------------


@of_lecture.get("/transcript")
@view(roles=HOSTS, query=LinesQuery, answer=TranscriptPage, limit="600/minute")
def lines(query: LinesQuery) -> TranscriptPage:
    """The transcript page by page, with the numbers that citations name."""
    cursor = transcript.read_cursor(query.after)
    if query.after and cursor is None:
        raise Refusal(422, _("Please check: %(fields)s.", fields="after"), code="invalid")
    rows = transcript.after(here.lecture, cursor, query.limit)
    number = transcript.count_before(here.lecture, cursor)
    shown = []
    for row in rows:
        number += not row.is_gap
        if not row.is_cut:
            shown.append(_line(row, number))
    more = transcript.cursor_of(rows[-1]) if len(rows) == query.limit else None
    return TranscriptPage(lines=shown, next=more)


@of_lecture.patch("/transcript/<line_id>")
@view(roles=HOSTS, body=Text, answer=TranscriptLineAnswer, limit="600/minute")
def edit_line(line_id: str, body: Text) -> TranscriptLineAnswer:
    """Correct what the assistant has misheard; the files are written anew."""
    artifact = _locked()
    mine = TranscriptLine.lecture_id == here.lecture.id, TranscriptLine.key == line_id
    still_there = ~TranscriptLine.is_gap, transcript.remains(here.lecture)
    found = db.session.scalar(sa.select(TranscriptLine).where(*mine, *still_there))
    text = transcript.cleaned(body.text)
    if found is None:
        raise Refusal(404, _("This line doesn't exist any more."), code="no_line")
    if not text:
        raise Refusal(422, _("Please type what was said."), code="invalid",
                      errors=[{"field": "text", "message": _("Please type what was said.")}])  # fmt: skip
    if found.text != text:
        found.text, found.is_edited = text, True
        corrections.written_anew(here.lecture, artifact)
    _commit(artifact, "correct")
    at = transcript.count_before(here.lecture, (found.at, found.id)) if found else 0
    query = transcript.lines(here.lecture).where(TranscriptLine.id == found.id)
    return _line(db.session.execute(query).one(), at)


@of_lecture.post("/correct")
@view(roles=HOSTS, body=Correction, answer=Corrected, limit="120/minute")
def correct(body: Correction) -> Corrected:
    """Correct a name or a term in every line, and in the summary."""
    artifact = _locked()
    change = corrections.Change(body.from_, transcript.cleaned(body.to))
    if not change.makes_sense:
        raise Refusal(422, _("Please type a word and what it should be."), code="invalid")
    found = corrections.in_lines(here.lecture, change, keep=not body.preview)
    in_summary = corrections.in_summary(artifact, change, keep=not body.preview) if body.everywhere else 0
    if body.preview:
        db.session.rollback()
    elif found or in_summary:
        corrections.written_anew(here.lecture, artifact)
        _commit(artifact, "correct_all")
    return Corrected(lines=len(found), places=in_summary, samples=found[:5])


# --- what they share ------------------------------------------------------------------


def _locked() -> LectureArtifact:
    return consent.locked_artifact(here.lecture)


def _commit(artifact: LectureArtifact, action: str, **details: Any) -> Review:
    artifact.version += 1
    state.touch(artifact)
    actor = db.session.get(User, here.caller.user_id)
    lecture = here.lecture
    record(f"ai_assistant.{action}", actor=actor, room_id=lecture.room_id, lecture_id=lecture.id, **details)
    db.session.commit()
    found = artifact_of(lecture)
    assert found is not None
    return _answer(found)


def _defer(model: str) -> None:
    lecture = here.lecture
    defer("ai_assistant:sum_up", lock=f"ai_assistant:sum:{lecture.id}", lecture_id=lecture.id, model=model)


def _models() -> list[str]:
    house = settings(Settings)
    return list(dict.fromkeys(filter(None, [house.summary_model, *house.further_models])))


def _answer(artifact: LectureArtifact) -> Review:
    shown, made = summing.without_cuts(here.lecture, artifact.shown_summary, artifact.summary)
    return Review(
        state=State(artifact.state),
        why=artifact.why,
        can_retry=artifact.state == State.FAILED,
        is_draft=bool(shown and shown.get("is_draft")),
        model=artifact.summary_model,
        approved=artifact.approved,
        hidden=artifact.hidden,
        readers=room_settings(here.lecture.room, RoomSettings).readers,
        edited=artifact.edited is not None,
        summary=Summary.model_validate(shown) if shown else None,
        generated=Summary.model_validate(made) if made else None,
        version=artifact.version,
        models=_models(),
        lines=transcript.count(here.lecture),
        usage=Cost(
            seconds=artifact.seconds,
            tokens_in=artifact.tokens_in,
            tokens_out=artifact.tokens_out,
            cost=artifact.cost,
        ),
    )


def _line(row: Any, number: int) -> TranscriptLineAnswer:
    return TranscriptLineAnswer(
        id=row.key,
        number=None if row.is_gap else number,
        identity=row.identity or "",
        name=row.name,
        at=row.at / 1000,
        text=row.text,
        edited=row.is_edited,
        gap=row.is_gap,
    )
