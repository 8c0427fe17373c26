"""The recorder reports, is told what to do, hands pieces over; its worker says it is here. All may repeat."""

from __future__ import annotations

import hashlib
import json
from typing import Annotated, Literal

import sqlalchemy as sa
from flask import Blueprint, request
from flask_babel import gettext as _
from pydantic import Field
from sqlalchemy.dialects.postgresql import insert

from core.api import (
    AGENTS,
    Answer,
    Audience,
    Body,
    Lecture,
    Refusal,
    agents,
    db,
    defer,
    files,
    here,
    now,
    settings,
    view,
)
from plugins.recording import consent, dispatch, models, state
from plugins.recording.models import LectureRecording, Piece
from plugins.recording.settings import Settings

internal = Blueprint("recording_internal", __name__)
Key = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{8,40}$")]
UnixTime = Annotated[float, Field(ge=0, le=4e9, allow_inf_nan=False)]
# Runs of one lecture that are remembered, so that none of them comes back as a new one.
MOST_RUNS = 200
MOST_TURNS = 5_000
# The recorder ends a piece at five megabytes; the last picture may be a large one.
LARGEST_PIECE = 16 * 1024 * 1024
MOST_PIECES = 100_000
# How every WebM begins.
EBML = b"\x1a\x45\xdf\xa3"


class Report(Body):
    """``code``: what is wrong, if anything. ``unheard``: all turns of this run that aren't recorded.

    ``waited``: for so many seconds a run that isn't heard yet has known that it waits. ``policy``: which
    answer about people it has.
    """

    run: Key
    state: Literal["starting", "recording", "paused", "failed", "over"]
    code: Literal["", "storage", "lost", "encoder", "connection"] = ""
    seconds: float = Field(0.0, ge=0, le=1e6, allow_inf_nan=False)
    unheard: list[tuple[UnixTime, UnixTime]] = Field(default_factory=list, max_length=MOST_TURNS)
    waited: float = Field(0.0, ge=0, le=36_000, allow_inf_nan=False)
    policy: str = Field("", max_length=40)


class Place(Answer):
    """What of one person is recorded."""

    host: bool
    voice: bool
    camera: bool
    screen: bool


class Orders(Answer):
    """What the recorder is to do. Times in unix seconds.

    ``wait``: stay outside and report again; the run before it may only have been cut off from us.
    ``places`` is left out where the recorder has them: ``policy`` names what they are now.
    """

    now: float
    leave: bool
    wait: bool
    record: Literal["on", "paused"]
    begins_at: float
    title: str
    width: int
    height: int
    policy: str
    places: dict[str, Place] | None


@internal.post("/report")
@view(roles=AGENTS, body=Report, answer=Orders)
def report(body: Report) -> Orders:
    """Take what the recorder of this lecture says, and tell it what to do."""
    lecture = here.lecture
    recording = models.locked(lecture)
    before = state.status_of(recording), recording.code
    waits = recording.must_wait(body.run, body.waited)
    is_current = not waits and _note_run(lecture, recording, body)
    if is_current:
        recording.status, recording.code, recording.seconds = body.state, body.code, body.seconds
        note_turns(recording, body)
    state.end_what_is_forbidden(recording)
    has_changed = (state.status_of(recording), recording.code) != before
    if has_changed:
        state.touch(recording)
    orders = _orders(lecture, recording, body, is_current, waits)
    if lecture.ended_at is not None and is_current and body.state == "over":
        defer("recording:finish", lock=f"recording:{lecture.id}", lecture_id=lecture.id)
    db.session.commit()
    if has_changed:
        state.tell(lecture)
    return orders


@internal.post("/here")
@view(roles=AGENTS, status=204)
def worker_is_here() -> None:
    """A worker has come to LiveKit, which offers it nothing that was asked for before."""
    dispatch.look_after(here.lecture, agents.JUST_ASKED)


def _note_run(lecture: Lecture, recording: LectureRecording, body: Report) -> bool:
    """Whether this is the run that counts; a new one takes over."""
    if body.run != recording.run:
        is_late = lecture.ended_at is not None or not recording.is_new(body.run)
        if is_late or not recording.is_wanted or len(recording.runs) >= MOST_RUNS:
            return False
        recording.runs = [*recording.runs, body.run]
        recording.run = body.run
        recording.earlier, recording.seconds = recording.earlier + recording.seconds, 0.0
    recording.heard_at = now()
    return True


def note_turns(recording: LectureRecording, body: Report) -> None:
    """A run says all of its turns each time; those of runs before it stay."""
    place = recording.runs.index(body.run)
    mine = [[place, start, end] for start, end in body.unheard if end > start]
    others = [turn for turn in recording.unheard if turn[0] != place]
    if len(others) + len(mine) <= MOST_TURNS and others + mine != recording.unheard:
        recording.unheard = others + mine


def _orders(
    lecture: Lecture, recording: LectureRecording, body: Report, is_current: bool, waits: bool
) -> Orders:
    wanted = recording.is_wanted and recording.queued_at is None and lecture.is_live
    width, height = settings(Settings).size
    places = consent.places(lecture) if wanted and (is_current or waits) else {}
    policy = hashlib.sha256(json.dumps(places, sort_keys=True).encode()).hexdigest()[:20]
    return Orders(
        now=now().timestamp(),
        leave=not (wanted and (is_current or waits)),
        wait=waits,
        record="paused" if recording.wish == models.Wish.PAUSED else "on",
        begins_at=recording.begins_at.timestamp() if recording.begins_at else now().timestamp(),
        title=lecture.title,
        width=width,
        height=height,
        policy=policy,
        places=None if policy == body.policy else {who: Place(**one) for who, one in places.items()},
    )


# --- pieces -------------------------------------------------------------------------------


@internal.put("/pieces/<run>/<int:number>")
@view(roles=AGENTS, status=204)
def piece(run: str, number: int) -> None:
    """Keep a piece of that run; again and again if need be, it is kept once."""
    lecture = here.lecture
    recording = models.recording_of(lecture)
    if recording is None or run not in recording.runs:
        raise Refusal(404, _("Nobody waits for this recording."), code="no_run")
    if recording.outcome not in (models.Outcome.WAITING, models.Outcome.JOINING):
        raise Refusal(410, _("This recording is finished."), code="finished")
    body = _body(number)
    mine = (Piece.lecture_id == lecture.id, Piece.run == run, Piece.number == number)
    if db.session.scalar(sa.select(Piece.id).where(*mine)) is not None:
        return
    name = f"piece-{number:06d}.webm"
    kept = files.keep(lecture, "recording", name=name, body=body, mime="video/webm", audience=Audience.HOSTS)
    row = {"lecture_id": lecture.id, "run": run, "number": number, "stored_file_id": kept.id}
    made = insert(Piece).values(row).on_conflict_do_nothing().returning(Piece.id)
    if db.session.scalar(made) is None:
        # The same one came a moment earlier by another way.
        files.delete(kept)
    db.session.commit()


def _body(number: int) -> bytes:
    request.max_content_length = LARGEST_PIECE
    body = request.get_data(cache=False)
    if number >= MOST_PIECES or not body.startswith(EBML):
        raise Refusal(422, _("This is no piece of a recording."), code="no_piece")
    return body
