"""What people in the room ask of the assistant, and what hosts decide. Every call may run twice."""

from __future__ import annotations

from typing import Any

from flask import Blueprint
from flask_babel import gettext as _
from pydantic import Field

from core.api import (
    HOSTS,
    PEOPLE_INSIDE,
    Answer,
    Body,
    Lecture,
    Participant,
    Refusal,
    User,
    db,
    here,
    order,
    record,
    running_in,
    view,
)
from plugins.ai_assistant import consent, dispatch, state, transcript
from plugins.ai_assistant.models import LectureArtifact
from plugins.ai_assistant.state import Standing

in_room = Blueprint("ai_assistant", __name__)


class Switch(Body):
    on: bool


class Wish(Body):
    heard: bool


class LinesQuery(Body):
    """``before``: the place that an earlier page gave as ``next``; ``q``: only lines that have this text."""

    before: str = Field("", max_length=40)
    limit: int = Field(100, ge=1, le=200)
    q: str = Field("", max_length=200)


class ShownLine(Answer):
    """``at``: seconds since the lecture's start. A ``gap`` has no text: nobody listened."""

    id: str
    identity: str
    name: str
    at: float
    text: str
    language: str
    gap: bool


class Lines(Answer):
    """The oldest first; ``next`` leads to those before them."""

    lines: list[ShownLine]
    next: str | None = None


# --- for everybody inside -------------------------------------------------------------


@in_room.get("/state")
@view(roles=PEOPLE_INSIDE, answer=Standing, limit="6000/minute")
def standing() -> Standing:
    """How the assistant stands, and whether the caller is written along."""
    lecture = running_in(here.room)
    return state.of(lecture, here.caller, _me(lecture))


@in_room.get("/lines")
@view(roles=PEOPLE_INSIDE, query=LinesQuery, answer=Lines, limit="3000/minute")
def lines(query: LinesQuery) -> Lines:
    """What was said so far and kept, page by page from the end."""
    lecture = running_in(here.room)
    cursor = transcript.read_cursor(query.before)
    if query.before and cursor is None:
        raise Refusal(422, _("Please check: %(fields)s.", fields="before"), code="invalid")
    found = transcript.before(lecture, cursor, query.limit, query.q.strip())
    more = transcript.cursor_of(found[0]) if len(found) == query.limit else None
    return Lines(lines=[shown(row) for row in found], next=more)


def shown(line: Any) -> ShownLine:
    """A line as pages know it."""
    return ShownLine(
        id=line.key,
        identity=line.identity or "",
        name=line.name,
        at=line.at / 1000,
        text=line.text,
        language=line.language,
        gap=line.is_gap,
    )


@in_room.post("/me")
@view(roles=PEOPLE_INSIDE, body=Wish, answer=Standing, limit="600/minute")
def me(body: Wish) -> Standing:
    """From now on the caller is written along, or isn't; the agent hears it at once."""
    lecture = running_in(here.room)
    person = _me(lecture)
    if person is None:
        raise Refusal(409, _("Join the lecture first."), code="not_inside")
    artifact = _locked(lecture)
    has_changed = consent.choose(lecture, person, body.heard)
    if has_changed:
        state.touch(artifact)
    db.session.commit()
    if has_changed:
        state.tell(lecture, {person.identity: body.heard})
    return state.of(lecture, here.caller, person)


# --- for hosts ------------------------------------------------------------------------


@in_room.post("/captions")
@view(roles=HOSTS, body=Switch, answer=Standing, limit="600/minute")
def captions(body: Switch) -> Standing:
    """Captions for everybody, on or off, for this lecture."""
    lecture = running_in(here.room)
    artifact = _locked(lecture)
    if artifact.captions != body.on:
        artifact.captions = body.on
        _note("captions", lecture, artifact, body.on)
    return _settle(lecture)


@in_room.post("/keep")
@view(roles=HOSTS, body=Switch, answer=Standing, limit="600/minute")
def keep(body: Switch) -> Standing:
    """Keep what is said from now on, or nothing of it, for this lecture."""
    lecture = running_in(here.room)
    artifact = _locked(lecture)
    if artifact.keep != body.on:
        consent.keep_from_now(artifact, body.on)
        _note("keep", lecture, artifact, body.on)
    return _settle(lecture)


# --- what they share ------------------------------------------------------------------


def _locked(lecture: Lecture) -> LectureArtifact:
    return consent.locked_artifact(lecture)


def _me(lecture: Lecture) -> Participant | None:
    return order.person(lecture, here.caller.identity)


def _note(what: str, lecture: Lecture, artifact: LectureArtifact, on: bool) -> None:
    state.touch(artifact)
    actor = db.session.get(User, here.caller.user_id)
    record(f"ai_assistant.{what}", actor=actor, room_id=lecture.room_id, lecture_id=lecture.id, on=on)


def _settle(lecture: Lecture) -> Standing:
    """Commit, tell everybody, and let the agent come or go."""
    db.session.commit()
    state.tell(lecture)
    artifact = dispatch.look_after(lecture)
    if artifact is not None and not artifact.is_wanted:
        dispatch.send_away(lecture)
    return state.of(lecture, here.caller, _me(lecture))
