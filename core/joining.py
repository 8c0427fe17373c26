"""The road into a room over HTTP: join, start, token, leave, end."""

from __future__ import annotations

import logging
from typing import Any

import sqlalchemy as sa
from flask import Blueprint, request
from flask_babel import gettext as _
from pydantic import Field

from core import admission, arrivals
from core.admission import Answered, Decision, Known
from core.arrivals import Arrival
from core.bus import notify, waiting_changed
from core.config import config
from core.contracts import EVERYONE, HOSTS, JoinRequest
from core.db import db
from core.errors import LiveKitDown, LiveKitError, Refusal
from core.http.callers import signed_in
from core.http.security import client_address
from core.http.views import Answer, Body, here, view
from core.lectures import lectures
from core.livekit.client import livekit
from core.metrics import counts
from core.models import Waiting
from core.people.guests import current_guest, guest_session, new_guest
from core.people.models import GuestSession
from core.rooms.models import Room
from core.text import clean_name

log = logging.getLogger(__name__)
bp = Blueprint("joining", __name__)


def by_address_and_room() -> str:
    """A lecture hall sits behind one address, so each room has a budget of its own."""
    return f"{client_address()} {(request.view_args or {}).get('room_id', '')}"


class GivenAnswer(Body):
    field: str = Field(max_length=40)
    value: str = Field(max_length=200)


class JoinBody(Body):
    """``fingerprint``: SHA-256 of coarse browser facts in hex, for guard plugins; ``code``: the link's."""

    name: str = Field("", max_length=400)
    answer: GivenAnswer | None = None
    fingerprint: str = Field("", pattern=r"^([0-9a-f]{64})?$")
    as_someone_else: bool = False
    code: str = Field("", max_length=40)


class Admitted(Answer):
    """``status`` is admitted, waiting or asked; the fields that belong to it are set."""

    status: str
    token: str | None = None
    livekit_url: str | None = None
    identity: str | None = None
    lecture_id: str | None = None
    name: str | None = None
    role: str | None = None
    reason: str | None = None
    code: str | None = None
    field: str | None = None
    label: str | None = None
    stream_url: str | None = None
    retry_after: int | None = None
    info: dict[str, Any] | None = None


class Started(Answer):
    lecture_id: str


class Ended(Answer):
    lecture_id: str
    url: str


@bp.post("/api/rooms/<room_id>/join")
@view(
    roles=EVERYONE,
    body=JoinBody,
    answer=Admitted,
    limit="3000/minute",
    limit_by=by_address_and_room,
    finds_room=True,
    also=(202,),
)
def join(room_id: str, body: JoinBody) -> Any:
    """Ask to enter: admitted with a token, asked something, waiting, or denied."""
    arrival = arrivals.find(room_id)
    _refuse_archived(arrival.room)
    livekit().must_be_reachable()
    decision = _host_joins(arrival) if arrival.is_host else _guest_joins(arrival, body)
    db.session.commit()
    _open_without_gate(decision)
    return answer_for(arrival.room, decision)


@bp.post("/api/rooms/<room_id>/token")
@view(roles=HOSTS, answer=Admitted, limit="120/minute")
def token() -> Any:
    """A token for a host of exactly this room."""
    arrival = arrivals.find(here.room.public_id)
    _refuse_archived(arrival.room)
    livekit().must_be_reachable()
    decision = _host_joins(arrival)
    db.session.commit()
    _open_without_gate(decision)
    return answer_for(arrival.room, decision)


@bp.post("/api/rooms/<room_id>/start")
@view(roles=HOSTS, answer=Started, limit="30/minute")
def start() -> Started:
    """Start a lecture; everybody who waits for it is woken by the commit."""
    user = signed_in()
    assert user is not None
    return Started(lecture_id=lectures.start(here.room, user).public_id)


@bp.post("/api/rooms/<room_id>/end")
@view(roles=HOSTS, answer=Ended, limit="30/minute")
def end() -> Ended:
    """End the live lecture for everybody."""
    lecture = lectures.running_in(here.room)
    lectures.end(lecture, reason="host", by=signed_in())
    return Ended(lecture_id=lecture.public_id, url=f"/lectures/{lecture.public_id}")


@bp.post("/api/rooms/<room_id>/leave")
@view(roles=EVERYONE, status=204, limit="600/minute")
def leave() -> None:
    """Give up waiting. Leaving a lecture is seen by LiveKit and needs no call."""
    guest = current_guest()
    if guest is not None:
        gone = sa.delete(Waiting).where(Waiting.room_id == here.room.id, Waiting.guest_session_id == guest.id)
        db.session.execute(gone)
        notify(f"room:{here.room.id}", sessions=[guest.id])
        waiting_changed(here.room.id)
        db.session.commit()


def _open_without_gate(decision: Decision) -> None:
    """The gate opens a room that LiveKit has lost at the next connect; without it, the door does."""
    if decision.ticket is None or config().gated:
        return
    try:
        livekit().keep_open(decision.ticket.lecture_id)
    except (LiveKitDown, LiveKitError) as error:
        log.warning("lecture %s can't be opened now: %s", decision.ticket.lecture_id, error)


def answer_for(room: Room, decision: Decision) -> Any:
    """A decision as the response of a join."""
    counts.join(decision.status)
    if decision.status == "denied" or decision.retry_after:
        status = 429 if decision.retry_after else 403
        raise Refusal(status, decision.reason, code=decision.code or "denied",
                      retry_after=decision.retry_after or None, **_denied(decision))  # fmt: skip
    made = Admitted(status=decision.status, **_shown(decision))
    if decision.status == "waiting":
        made.stream_url = f"/api/rooms/{room.public_id}/{decision.stream or 'stream'}"
        return made, 202
    return made


def shown(decision: Decision) -> dict[str, Any]:
    """A decision as data for a page, without what is empty."""
    return {"status": decision.status, **_shown(decision)}


def _denied(decision: Decision) -> dict[str, Any]:
    # A too early answer keeps the question on the screen; a guard's no isn't a limit of requests.
    return {"field": decision.field, "label": decision.label} if decision.field else {"denied": True}


def _shown(decision: Decision) -> dict[str, Any]:
    if decision.ticket is not None:
        return vars(decision.ticket)
    facts = {"reason": decision.reason, "code": decision.code, "field": decision.field,
             "label": decision.label, "info": dict(decision.info),
             "retry_after": decision.retry_after}  # fmt: skip
    return {name: value for name, value in facts.items() if value}


# --- who joins ------------------------------------------------------------------------


def _refuse_archived(room: Room) -> None:
    if room.archived_at is not None:
        raise Refusal(409, _("This room is archived. Ask its host to open it again."), code="archived")


def _host_joins(arrival: Arrival) -> Decision:
    user = arrival.user
    assert user is not None
    if arrival.lecture is None:
        raise Refusal(409, _("No lecture is running in this room. Start it first."), code="not_live")
    request = JoinRequest(key=f"u{user.id}", name=user.name, user_id=user.id)
    return admission.let_in(arrival.room, arrival.lecture, [request], _known(arrival, request), role="host")[
        request.key
    ]


def _guest_joins(arrival: Arrival, body: JoinBody) -> Decision:
    name = arrival.user.name if arrival.user else _typed_name(body.name)
    session = _session(name, body.as_someone_else and arrival.user is None)
    if session.name != name:
        session.name = name
    request = arrival.request(session, name, body.fingerprint, client_address(), body.code)
    answer = Answered(body.answer.field, body.answer.value) if body.answer else None
    return admission.decide(arrival.room, arrival.lecture, request, answer, _known(arrival, request))


def _known(arrival: Arrival, request: JoinRequest) -> Known:
    """The row in force, found with the arrival; none for a session that was just made."""
    current = arrival.current
    mine = current is not None and (
        current.user_id == request.user_id
        if request.user_id
        else current.guest_session_id == request.guest_session_id
    )
    return Known({request.key: current} if current and mine else {}, waits=arrival.is_waiting)


def _typed_name(typed: str) -> str:
    try:
        return clean_name(typed)
    except ValueError as error:
        mistake = {"field": "name", "message": str(error)}
        raise Refusal(422, str(error), code="invalid", errors=[mistake]) from error


def _session(name: str, someone_else: bool) -> GuestSession:
    made = new_guest(name) if someone_else else guest_session(create=True, name=name)
    assert made is not None
    return made
