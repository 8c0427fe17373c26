"""How recording stands in a lecture, as its pages are told."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any, Literal

import sqlalchemy as sa
from flask_babel import gettext as _

from core.api import (
    Answer,
    Lecture,
    LiveSign,
    Participant,
    Viewer,
    db,
    lecture_changed,
    microseconds,
    notify,
    now,
    order,
    settings,
)
from plugins.recording import consent
from plugins.recording.models import LectureRecording, Piece, Span, Wish, recording_of
from plugins.recording.settings import Settings, Sound

TOPIC = "recording"
Status = Literal["off", "starting", "queued", "recording", "paused", "stopping", "failed"]
# Somebody who still waits then may wait for long.
COMES_WITHIN = timedelta(seconds=15)
# What was recorded is handed over, or it has died.
HAND_OVER = timedelta(seconds=60)


class Mine(Answer):
    """Whether the caller is in the recording, and with their camera."""

    recorded: bool
    camera: bool


class Standing(Answer):
    """``at`` (microseconds) tells which of two is newer; ``now`` is ours, in unix seconds.

    ``begins_at``: when the notice is over. ``seconds``: recorded so far. ``may``: whether the caller may
    start and stop it; ``why``: in words why not, or what is wrong. ``ready``: something is kept.
    """

    at: int
    status: Status
    begins_at: float | None
    seconds: float
    now: float
    notice: str
    may: bool
    why: str
    sound: Sound
    ready: bool
    me: Mine
    camera_allowed: bool
    is_host: bool


def of(lecture: Lecture, viewer: Viewer, me: Participant | None) -> Standing:
    """How it stands for somebody in the lecture."""
    recording = seen(lecture)
    refused = consent.may_record(lecture.room, viewer.user_id) if viewer.is_host else ""
    chosen = consent.chosen_by(lecture, me) if me is not None else consent.Chosen()
    status = status_of(recording)
    return Standing(
        at=recording.at,
        status=status,
        begins_at=recording.begins_at.timestamp() if recording.begins_at else None,
        seconds=recording.earlier + recording.seconds,
        now=now().timestamp(),
        notice=consent.words() if status != "off" else "",
        may=viewer.is_host and not refused,
        why=refused or (why(recording) if viewer.is_host else ""),
        sound=settings(Settings).sound,
        ready=_has_pieces(lecture),
        me=Mine(recorded=chosen.recorded, camera=chosen.camera),
        camera_allowed=consent.cameras_allowed(lecture.room),
        is_host=viewer.is_host,
    )


def seen(lecture: Lecture) -> LectureRecording:
    """The lecture's recording; one that nobody has asked for is made up, not stored."""
    made = LectureRecording(
        at=0, wish=Wish.OFF.value, run="", runs=[], status="", code="", seconds=0.0, earlier=0.0
    )
    return recording_of(lecture) or made


def status_of(recording: LectureRecording) -> Status:
    """In one word."""
    if not recording.is_wanted:
        return "stopping" if recording.has_agent else "off"
    if recording.queued_at is not None:
        return "queued"
    if recording.rests:
        return "paused"
    if not recording.has_agent:
        return "starting"
    if recording.status == "failed":
        return "failed"
    if recording.status == "paused" or (recording.status == "recording" and recording.wish == Wish.PAUSED):
        return "paused"
    return "recording" if recording.status == "recording" else "starting"


def why(recording: LectureRecording) -> str:
    """What a host should know of it."""
    status = status_of(recording)
    if status == "queued":
        return str(_("All recorders are busy. It begins when one is free."))
    if status == "starting" and recording.code != "busy":
        asked = recording.begins_at
        if asked is not None and now() > asked + COMES_WITHIN:
            return str(_("No recorder has answered yet. If this stays, an admin has to look at it."))
        return ""
    words = {
        "storage": _("The storage takes nothing at the moment. What is recorded waits for it."),
        "lost": _("The storage took nothing for too long: parts of the recording are lost."),
        "encoder": _("The recorder has failed. What was recorded before is kept; another one goes on."),
        "busy": _("All recorders are busy. It begins when one is free."),
        "connection": _("The recorder has lost its connection to the lecture. It comes back by itself."),
    }
    return str(words.get(recording.code, ""))


def touch(recording: LectureRecording) -> None:
    """Pages are to hear of a change: take the next moment for it. The row must be locked."""
    recording.at = max(microseconds(), recording.at + 1)
    lecture_changed(recording.lecture_id)
    notify("live")


def signs(lecture_ids: Sequence[int]) -> dict[int, LiveSign]:
    """How recording stands in running lectures, for administrators."""
    words = {
        "starting": LiveSign(_("Recording starting")),
        "recording": LiveSign(_("Recording")),
        "paused": LiveSign(_("Recording paused")),
        "queued": LiveSign(_("Waits for a recorder"), is_trouble=True),
        "failed": LiveSign(_("Recording failed"), is_trouble=True),
    }
    query = sa.select(LectureRecording).where(LectureRecording.lecture_id.in_(lecture_ids))
    found = {one.lecture_id: words.get(status_of(one)) for one in db.session.scalars(query)}
    return {lecture_id: sign for lecture_id, sign in found.items() if sign is not None}


def wish_for(recording: LectureRecording, wish: Wish) -> None:
    """From now on hosts want this; times in which it is to be recorded are written down. Locked."""
    if recording.wish == Wish.ON and wish != Wish.ON:
        mine = Span.lecture_id == recording.lecture_id, Span.until.is_(None)
        db.session.execute(sa.update(Span).where(*mine).values(until=now()))
    if wish == Wish.ON and recording.wish != Wish.ON:
        since = max(recording.begins_at or now(), now())
        db.session.add(Span(lecture_id=recording.lecture_id, since=since))
    recording.wish = wish.value
    db.session.flush()
    touch(recording)


def end_what_is_forbidden(recording: LectureRecording) -> bool:
    """The room, or the institution, may have come to forbid it meanwhile; whether so. Locked."""
    if not (recording.is_wanted and consent.is_forbidden(recording)):
        return False
    recording.queued_at = None
    wish_for(recording, Wish.OFF)
    return True


def tell(lecture: Lecture) -> None:
    """Tell the room and the recorder how it stands, after the commit; they ask for the rest."""
    recording = recording_of(lecture)
    if recording is None or not lecture.is_live:
        return
    told: dict[str, Any] = {"at": recording.at, "status": status_of(recording), "wish": recording.wish}
    if recording.begins_at is not None:
        told["begins_at"] = recording.begins_at.timestamp()
    # LiveKit may take its time; no database connection waits for it.
    db.session.commit()
    order.tell(lecture, TOPIC, told)


def _has_pieces(lecture: Lecture) -> bool:
    return bool(db.session.scalar(sa.select(sa.exists().where(Piece.lecture_id == lecture.id))))
