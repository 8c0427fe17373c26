"""What people in the room ask about recording, and what hosts decide. Every call may run twice."""

from __future__ import annotations

from typing import Self

from flask import Blueprint
from flask_babel import gettext as _
from pydantic import model_validator

from core.api import (
    HOSTS,
    PEOPLE_INSIDE,
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
from plugins.recording import consent, dispatch, models, state
from plugins.recording.models import Begun, LectureRecording, Wish
from plugins.recording.state import Standing

in_room = Blueprint("recording", __name__)


class Start(Body):
    """``queue``: wait where no recorder is free."""

    queue: bool


class Choose(Body):
    """Whether the caller is in the recording, and with their camera; what is left out stays."""

    recorded: bool | None = None
    camera: bool | None = None

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if self.recorded is None and self.camera is None:
            raise ValueError("say recorded, camera, or both")
        return self


@in_room.get("/state")
@view(roles=PEOPLE_INSIDE, answer=Standing, limit="6000/minute")
def standing() -> Standing:
    """How recording stands, and whether the caller is in it."""
    return _standing(running_in(here.room))


@in_room.post("/me")
@view(roles=PEOPLE_INSIDE, body=Choose, answer=Standing, limit="600/minute")
def me(body: Choose) -> Standing:
    """From now on the caller is in the recording, or isn't; the recorder hears it at once."""
    lecture = running_in(here.room)
    person = _me(lecture)
    if person is None:
        raise Refusal(409, _("Join the lecture first."), code="not_inside")
    if body.camera and not consent.cameras_allowed(here.room):
        raise Refusal(409, _("Guests’ cameras are not recorded here."), code="no_cameras")
    recording = models.locked(lecture)
    has_changed = consent.choose(lecture, person, body.recorded, body.camera)
    if has_changed:
        state.touch(recording)
    db.session.commit()
    if has_changed:
        state.tell(lecture)
    return _standing(lecture)


# --- for hosts ------------------------------------------------------------------------


@in_room.post("/start")
@view(roles=HOSTS, body=Start, answer=Standing, limit="60/minute")
def start(body: Start) -> Standing:
    """Record from the end of the notice on. Who presses second finds it begun."""
    lecture = _lecture_to_record()
    begun = dispatch.begin(lecture, may_wait=body.queue)
    if begun is Begun.BUSY:
        detail = _("All recorders are busy. You can wait until one is free.")
        raise Refusal(409, detail, code="recorder_busy")
    if begun is Begun.NOW:
        _note("start", lecture)
    return _standing(lecture)


@in_room.post("/pause")
@view(roles=HOSTS, answer=Standing, limit="600/minute")
def pause() -> Standing:
    """Nothing is kept from now on until it goes on."""
    return _change(Wish.PAUSED, "pause", only_from=Wish.ON)


@in_room.post("/resume")
@view(roles=HOSTS, answer=Standing, limit="600/minute")
def resume() -> Standing:
    """Record again."""
    return _change(Wish.ON, "resume", only_from=Wish.PAUSED)


@in_room.post("/stop")
@view(roles=HOSTS, answer=Standing, limit="600/minute")
def stop() -> Standing:
    """The recording is over; pressing record again adds to it."""
    return _change(Wish.OFF, "stop", only_from=None)


# --- what they share ------------------------------------------------------------------


def _change(wish: Wish, what: str, only_from: Wish | None) -> Standing:
    lecture = _lecture_to_record()
    recording = models.locked(lecture)
    if recording.wish == wish or not recording.is_wanted:
        db.session.commit()
        return _standing(lecture)
    _refuse_unfit(recording, only_from)
    recording.queued_at = None
    state.wish_for(recording, wish)
    db.session.commit()
    _note(what, lecture)
    state.tell(lecture)
    dispatch.follow(lecture, wish)
    return _standing(lecture)


def _refuse_unfit(recording: LectureRecording, only_from: Wish | None) -> None:
    if only_from is not None and (recording.wish != only_from or recording.queued_at is not None):
        db.session.rollback()
        raise Refusal(409, _("Nothing is recorded at the moment. Press record first."), code="not_recording")


def _lecture_to_record() -> Lecture:
    lecture = running_in(here.room)
    if refused := consent.may_record(here.room, here.caller.user_id):
        raise Refusal(403, refused, code="may_not_record")
    return lecture


def _standing(lecture: Lecture) -> Standing:
    return state.of(lecture, here.caller, _me(lecture))


def _me(lecture: Lecture) -> Participant | None:
    return order.person(lecture, here.caller.identity)


def _note(what: str, lecture: Lecture) -> None:
    actor = db.session.get(User, here.caller.user_id)
    record(f"recording.{what}", actor=actor, room_id=lecture.room_id, lecture_id=lecture.id)
    db.session.commit()
