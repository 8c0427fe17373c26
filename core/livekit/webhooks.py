"""LiveKit's webhooks: verified, stored once, answered at once; a job does the work."""

from __future__ import annotations

import logging
from datetime import UTC, datetime

import sqlalchemy as sa
from flask import Blueprint, Response, request
from livekit.api import TokenVerifier, WebhookReceiver
from livekit.protocol import webhook as messages

from core.bus import LIVE, notify
from core.config import config
from core.db import db, now
from core.http.limits import limiter
from core.http.security import from_machines
from core.jobs import RETRY, defer, task
from core.lectures.models import Lecture
from core.livekit import egress, enforcement, presence
from core.models import WebhookEvent

log = logging.getLogger(__name__)
bp = Blueprint("livekit_webhooks", __name__)

LARGEST = 128 * 1024
PEOPLE = frozenset({presence.JOINED, presence.LEFT})
KEPT = PEOPLE | egress.EVENTS | {"room_finished"}


@bp.post("/api/livekit/webhook")
@limiter.exempt
@from_machines
def webhook() -> Response:
    """Take an event from LiveKit: 401 unless its signature covers exactly these bytes."""
    request.max_content_length = LARGEST
    event = _verified(request.get_data(cache=False), request.headers.get("Authorization", ""))
    if event is None:
        return Response("This isn't signed by our LiveKit server.\n", status=401, mimetype="text/plain")
    if event.id and event.event in KEPT and _store(event):
        defer("core:webhook", event_id=event.id)
    db.session.commit()
    if event.event == presence.JOINED and not config().gated:
        _look_at(event)
    return Response(status=200)


@task(name="webhook", retry=RETRY)
def work(event_id: str) -> None:
    """Work one stored event; doing it again changes nothing."""
    event = db.session.get(WebhookEvent, event_id)
    if event is None:
        return
    if event.kind in PEOPLE and event.payload.get("kind") == presence.PEOPLE:
        presence.settle(event.lecture_public_id, event.payload["identity"])
    if event.kind in PEOPLE and event.payload.get("kind") == presence.AGENTS:
        notify(LIVE)
    if event.kind in egress.EVENTS and event.worked_at is None:
        egress.tell(event.lecture_public_id, event.payload)
    event.worked_at = now()
    db.session.commit()


def _verified(raw: bytes, token: str) -> messages.WebhookEvent | None:
    made = config()
    try:
        receiver = WebhookReceiver(TokenVerifier(made.livekit_key, made.livekit_secret))
        return receiver.receive(raw.decode("utf-8"), token)
    except Exception as error:
        # The package raises whatever its parts raise, a bare Exception for a wrong hash.
        log.warning("a webhook was refused: %s", error)
        return None


def _look_at(event: messages.WebhookEvent) -> None:
    """Nobody was asked at the connect: who isn't admitted is put out before this is answered."""
    found = db.session.scalar(sa.select(Lecture).where(Lecture.public_id == event.room.name))
    if found is not None and found.is_live:
        enforcement.enforce(found, [event.participant])


def _store(event: messages.WebhookEvent) -> bool:
    at = datetime.fromtimestamp(event.created_at, UTC) if event.created_at else now()
    if event.event in egress.EVENTS:
        info = event.egress_info
        return presence.store(event.id, event.event, info.room_name, at, egress.as_json(info))
    who = event.participant if event.HasField("participant") else None
    return presence.note(event.id, event.event, event.room.name, at, who)
