"""What the agent says, with lines, and is told to do; what its worker says. May come twice, or late."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from flask import Blueprint
from pydantic import Field

from core.api import (
    AGENTS,
    Answer,
    Body,
    Lecture,
    agents,
    db,
    defer,
    here,
    now,
    room_settings,
    settings,
    view,
)
from plugins.ai_assistant import consent, dispatch, state, transcript, usage
from plugins.ai_assistant.models import LectureArtifact
from plugins.ai_assistant.settings import RoomSettings, Settings

internal = Blueprint("ai_assistant_internal", __name__)
Key = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{8,40}$")]
UnixTime = Annotated[float, Field(ge=0, le=4e9)]
MOST_LINES = 50
# Runs of one lecture that are remembered, so that none of them comes back as a new one.
MOST_RUNS = 50
# More than a run can give its provider between two reports: many people at once, and a web that was away.
MOST_SECONDS = 36_000


class AgentStatus(Body):
    state: Literal["starting", "listening", "paused", "over"]
    code: str = Field("", pattern=r"^[a-z_]{0,40}$")
    detail: str = Field("", max_length=300)


class Segment(Body):
    id: Key
    identity: str = Field(min_length=1, max_length=200)
    started_at: UnixTime
    ended_at: UnixTime
    text: str = Field(min_length=1, max_length=transcript.LONGEST_TEXT)
    language: str = Field("", max_length=20)
    source: Literal["microphone", "screen"] = "microphone"


class Report(Body):
    """``seconds`` of sound have gone to the provider since the last report that was answered.

    ``waited``: for so many seconds a run that isn't heard yet has known that it waits.
    """

    run: Key
    status: AgentStatus
    segments: list[Segment] = Field(default_factory=list, max_length=MOST_LINES)
    seconds: float = Field(0.0, ge=0, le=MOST_SECONDS, allow_inf_nan=False)
    waited: float = Field(0.0, ge=0, le=MOST_SECONDS, allow_inf_nan=False)


class Speech(Answer):
    provider: str
    language: str
    url: str
    model: str
    folder: str
    terms: list[str]


class Orders(Answer):
    """What the agent is to do. Times in unix seconds; who isn't in ``exceptions`` is ``heard_by_default``.

    ``wait``: stay outside and report again; the run before it may only have been cut off from us.
    """

    now: float
    started_at: float
    leave: bool
    wait: bool
    captions: bool
    keep: bool
    screen_sound: bool
    heard_by_default: bool
    exceptions: list[str]
    speech: Speech


@internal.post("/report")
@view(roles=AGENTS, body=Report, answer=Orders)
def report(body: Report) -> Orders:
    """Take what the agent of this lecture says, and tell it what to do."""
    lecture = here.lecture
    artifact = consent.locked_artifact(lecture)
    before = state.status_of(artifact), artifact.code
    waits = artifact.must_wait(body.run, body.waited)
    is_current = not waits and _note_run(lecture, artifact, body)
    taken = transcript.take(lecture, [_said(one) for one in body.segments])
    usage.add(artifact, lecture, seconds=body.seconds)
    if is_current:
        _note_status(lecture, artifact, body.status)
    if lecture.ended_at is not None and (taken.kept or body.status.state == "over"):
        defer("ai_assistant:finish", lock=f"ai_assistant:{lecture.id}", lecture_id=lecture.id)
    has_changed = (state.status_of(artifact), artifact.code) != before
    if has_changed:
        state.touch(artifact)
    orders = _orders(lecture, artifact, is_current, waits)
    db.session.commit()
    if has_changed:
        state.tell(lecture)
    return orders


@internal.post("/here")
@view(roles=AGENTS, status=204)
def worker_is_here() -> None:
    """A worker has come to LiveKit, which offers it nothing that was asked for before."""
    dispatch.look_after(here.lecture, agents.JUST_ASKED)


def _said(one: Segment) -> transcript.Said:
    return transcript.Said(one.id, one.identity, one.started_at, one.ended_at, one.text, one.language)


def _note_run(lecture: Lecture, artifact: LectureArtifact, body: Report) -> bool:
    """Whether this is the run that counts; a new one takes over, and the time between is marked."""
    moment = now()
    if body.run != artifact.run:
        if lecture.ended_at is not None or not artifact.is_new(body.run):
            return False
        if artifact.heard_at is not None:
            transcript.mark_gap(lecture, body.run, artifact.heard_at, moment)
        artifact.runs = [*artifact.runs, body.run][-MOST_RUNS:]
        artifact.run, artifact.paused_at = body.run, None
    artifact.heard_at = moment
    return True


def _note_status(lecture: Lecture, artifact: LectureArtifact, said: AgentStatus) -> None:
    artifact.status, artifact.code, artifact.detail = said.state, said.code, said.detail
    if said.state == "paused":
        artifact.paused_at = artifact.paused_at or now()
    elif said.state == "listening" and artifact.paused_at is not None:
        _mark_pause(lecture, artifact, artifact.paused_at)


def _mark_pause(lecture: Lecture, artifact: LectureArtifact, since: datetime) -> None:
    transcript.mark_gap(lecture, f"pause-{round(since.timestamp() * 1000)}", since, now())
    artifact.paused_at = None


def _orders(lecture: Lecture, artifact: LectureArtifact, is_current: bool, waits: bool) -> Orders:
    refused = dispatch.refusal(lecture) if is_current and lecture.is_live else ""
    if refused != artifact.refused:
        artifact.refused = refused
    wanted = artifact.is_wanted and not refused and lecture.is_live
    return Orders(
        now=now().timestamp(),
        started_at=lecture.started_at.timestamp(),
        leave=not (wanted and (is_current or waits)),
        wait=waits,
        captions=artifact.captions,
        keep=artifact.keep,
        screen_sound=room_settings(lecture.room, RoomSettings).screen_sound,
        heard_by_default=consent.heard_by_default(),
        exceptions=consent.exceptions(lecture),
        speech=_speech(lecture, artifact),
    )


def _speech(lecture: Lecture, artifact: LectureArtifact) -> Speech:
    house = settings(Settings)
    url, model = {
        "deepgram": (house.deepgram_url, house.deepgram_model),
        "openai": (house.speech_url, house.speech_model),
    }.get(house.provider, ("", ""))
    language = house.language or lecture.language
    artifact.provider, artifact.model, artifact.language = house.provider, model, language
    return Speech(
        provider=house.provider,
        language=language,
        url=url,
        model=model,
        folder=house.whisper_folder,
        terms=artifact.terms,
    )
