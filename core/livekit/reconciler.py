"""Once a minute the database and LiveKit are compared; whatever was lost meanwhile is made good."""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from datetime import timedelta

import sqlalchemy as sa
from livekit.protocol import models

from core.config import config
from core.db import db, now
from core.errors import LiveKitDown, LiveKitError
from core.jobs import periodic, task
from core.lectures import lectures
from core.lectures.models import Lecture
from core.livekit import enforcement, presence
from core.livekit.client import livekit
from core.livekit.enforcement import Enforced
from core.models import WebhookEvent

log = logging.getLogger(__name__)

# A room is opened at LiveKit a moment before its lecture is committed.
YOUNG_SECONDS = 60
KEEP_EVENTS = timedelta(days=14)


@periodic(cron="* * * * *")
@task(name="reconcile", queueing_lock="reconcile")
def every_minute(timestamp: int) -> None:
    """Compare all lectures with LiveKit."""
    reconcile()


def reconcile() -> None:
    """Everything below, each lecture for itself: one that fails doesn't stop the others."""
    for lecture in _ended_but_open():
        lectures.close(lecture)
    try:
        rooms = livekit().list_rooms()
    except (LiveKitDown, LiveKitError) as error:
        # Nobody is counted as absent because we can't look.
        log.warning("nothing can be compared now: %s", error)
        return
    open_rooms = {room.name for room in rooms}
    for lecture in _live():
        try:
            compare(lecture, lecture.public_id in open_rooms)
        except (LiveKitDown, LiveKitError) as error:
            db.session.rollback()
            log.warning("a lecture can't be compared now: %s", error)
    _close_strange_rooms(rooms)
    _prune()


def compare(lecture: Lecture, is_open: bool) -> Enforced:
    """Make presence agree with LiveKit's list of a live lecture, and LiveKit with the rows. Commits."""
    asked_at = now()
    # Behind the gate, a room that LiveKit has lost is opened again by the next connect, not here.
    people = livekit().list_participants(lecture.public_id) if is_open else []
    presence.repair(lecture, people, asked_at)
    db.session.commit()
    done = enforcement.enforce(lecture, people)
    if not any(map(presence.is_present, people)) and _absent_too_long(lecture):
        log.info("lecture %s ends: everybody has been gone for long", lecture.public_id)
        lectures.end(lecture, reason="absence")
    return done


def _absent_too_long(lecture: Lecture) -> bool:
    db.session.refresh(lecture)
    patience = timedelta(minutes=config().absence_minutes)
    return lecture.absent_since is not None and lecture.absent_since < now() - patience


def _live() -> Sequence[Lecture]:
    return db.session.scalars(sa.select(Lecture).where(Lecture.ended_at.is_(None))).all()


def _ended_but_open() -> Sequence[Lecture]:
    query = sa.select(Lecture).where(Lecture.closed_at.is_(None), Lecture.ended_at.is_not(None))
    return db.session.scalars(query).all()


def _close_strange_rooms(rooms: Sequence[models.Room]) -> None:
    """Close rooms that core didn't open, or whose lecture is over."""
    old = [room.name for room in rooms if time.time() - room.creation_time > YOUNG_SECONDS]
    query = sa.select(Lecture.public_id).where(Lecture.public_id.in_(old), Lecture.ended_at.is_(None))
    for name in sorted(set(old) - set(db.session.scalars(query))):
        log.warning("closing LiveKit's room %r: no live lecture has it", name)
        _delete(name)


def _delete(name: str) -> None:
    try:
        livekit().delete_room(name)
    except (LiveKitDown, LiveKitError) as error:
        log.warning("room %r couldn't be closed: %s", name, error)


def _prune() -> None:
    live = sa.select(Lecture.public_id).where(Lecture.ended_at.is_(None))
    old = (WebhookEvent.received_at < now() - KEEP_EVENTS, WebhookEvent.lecture_public_id.not_in(live))
    db.session.execute(sa.delete(WebhookEvent).where(*old).execution_options(synchronize_session=False))
    db.session.commit()
