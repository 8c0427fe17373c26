"""The page that LiveKit Egress opens and records, and what it asks us.

Both prove themselves by the token that LiveKit has made for that one egress. Who isn't in the answer is
neither seen nor heard, nor even received.
"""

from __future__ import annotations

import hashlib
import json

from flask import Blueprint, make_response, render_template, request
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from core.api import (
    EVERYONE,
    Answer,
    Lecture,
    Refusal,
    db,
    egress,
    from_machines,
    here,
    is_enabled_in,
    let_page_reach,
    now,
    page,
    view,
)
from plugins.recording import consent, internal, models, state
from plugins.recording.egress import runs
from plugins.recording.egress.models import OPEN, EgressRun, run_of
from plugins.recording.internal import Place, Report
from plugins.recording.models import LectureRecording, Wish

pages = Blueprint("recording_pages", __name__)
in_lecture = Blueprint("recording_lecture", __name__)


class SceneOrders(Answer):
    """What the page is to do. Times in unix seconds.

    ``leave``: this egress is over. ``begin``: give the sign to record, when ``begins_at`` has come.
    ``places`` is left out where the page has them: ``policy`` names what they are now.
    """

    now: float
    leave: bool
    begin: bool
    begins_at: float
    policy: str
    places: dict[str, Place] | None


@pages.get("/scene/<lecture_id>")
@page(roles=EVERYONE, limit="600/minute")
def show() -> ResponseReturnValue:
    """The picture that Egress records: it has the token, and says where LiveKit is."""
    lecture = here.lecture
    if not is_enabled_in(lecture.room, "recording"):
        raise Refusal(404, _("This is switched off here."), code="switched_off")
    run, _egress_id = _proved(lecture, request.args.get("run", ""), request.args.get("token", ""))
    try:
        let_page_reach(request.args.get("url", ""))
    except ValueError as error:
        raise Refusal(422, _("This is no address of a LiveKit server."), code="no_address") from error
    config = {"report": f"/api/lectures/{lecture.public_id}/recording/scene", "run": run.run}
    made = make_response(render_template("recording/scene.html", lecture=lecture, config=config))
    # The address has the token in it.
    made.headers["Referrer-Policy"] = "no-referrer"
    return made


@in_lecture.post("/scene")
@from_machines
@view(roles=EVERYONE, body=Report, answer=SceneOrders, limit="6000/minute")
def report(body: Report) -> SceneOrders:
    """Take what the page of an egress says, and tell it whom it may show."""
    lecture = here.lecture
    token = request.headers.get("Authorization", "").removeprefix("Bearer ")
    recording = models.locked(lecture)
    run, egress_id = _proved(lecture, body.run, token)
    run.egress_id = run.egress_id or egress_id
    before = state.status_of(recording), recording.code
    is_current = _is_current(lecture, recording, run)
    if is_current:
        _note(recording, run, body)
    is_forbidden = state.end_what_is_forbidden(recording)
    has_changed = (state.status_of(recording), recording.code) != before
    if has_changed:
        state.touch(recording)
    orders = _orders(lecture, recording, run, body, is_current and not is_forbidden)
    db.session.commit()
    if has_changed:
        state.tell(lecture)
    if is_forbidden:
        runs.follow(lecture, Wish.OFF)
    return orders


def _proved(lecture: Lecture, key: str, token: str) -> tuple[EgressRun, str]:
    """The run that asks, and its egress's id: one answer for whatever is wrong with the token."""
    egress_id = egress.reader_of(lecture, token)
    run = run_of(lecture, key) if egress_id is not None else None
    if run is None or egress_id is None or run.egress_id not in ("", egress_id):
        db.session.rollback()
        raise Refusal(403, _("This page is for LiveKit Egress only."), code="no_egress")
    return run, egress_id


def _is_current(lecture: Lecture, recording: LectureRecording, run: EgressRun) -> bool:
    is_meant = recording.run == run.run and run.stop_at is None and run.outcome == OPEN
    return is_meant and recording.wish == Wish.ON and lecture.is_live


def _note(recording: LectureRecording, run: EgressRun, body: Report) -> None:
    recording.heard_at = run.heard_at = now()
    if body.state == "recording":
        recording.status, recording.seconds, recording.code = "recording", body.seconds, body.code
        internal.note_turns(recording, body)


def _orders(
    lecture: Lecture, recording: LectureRecording, run: EgressRun, body: Report, is_current: bool
) -> SceneOrders:
    # Egress may be faster than the answer by which we learn that it has begun.
    waits = run.run not in recording.runs and run.stop_at is None and lecture.is_live
    places = consent.places(lecture) if is_current else {}
    policy = hashlib.sha256(json.dumps(places, sort_keys=True).encode()).hexdigest()[:20]
    begins_at = recording.begins_at or now()
    return SceneOrders(
        now=now().timestamp(),
        leave=not (is_current or waits),
        begin=is_current,
        begins_at=begins_at.timestamp(),
        policy=policy,
        places=None if policy == body.policy else {who: Place(**one) for who, one in places.items()},
    )
