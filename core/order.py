"""Order among those who are inside: what a plugin decided becomes true for everybody, and stays so.

A decision goes: ``lock`` → write your rows, ``remove`` and ``narrow`` as they ask → commit →
``keep`` and ``tell``. The rows are the truth, LiveKit is told, and told again.
"""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from core import admission
from core.db import db, now
from core.engine import room_plugins
from core.errors import LiveKitDown, LiveKitError
from core.lectures import lectures
from core.lectures.models import Lecture, Participant
from core.livekit import enforcement
from core.livekit.client import livekit
from core.livekit.enforcement import Enforced
from core.rooms.models import Room

log = logging.getLogger(__name__)
# LiveKit carries reliable packets of up to 15 KiB.
LARGEST_PACKET = 14_000
# The topic of what core itself tells pages; no plugin may have this name.
ROOM_TOPIC = "room"


def settle(room: Room) -> None:
    """Commit a change of the room's settings, plugins or hosts, with what it means to those inside.

    Pages inside hear which plugins are on, and fetch the browser parts of those that are new.
    """
    lecture = lectures.live_in(room)
    if lecture is None:
        return db.session.commit()
    lock(lecture)
    narrow(lecture)
    on = sorted(room_plugins.enabled_in(room))
    db.session.commit()
    keep(lecture)
    tell(lecture, ROOM_TOPIC, {"plugins": on})
    return None


def begin(room: Room) -> Lecture:
    """Begin a decision about people inside a room: its live lecture, locked; a 409 when none runs."""
    lecture = lectures.running_in(room)
    lock(lecture)
    return lecture


def lock(lecture: Lecture) -> None:
    """Begin a decision about people inside: who joins meanwhile is judged after its commit."""
    db.session.execute(sa.select(Lecture.id).where(Lecture.id == lecture.id).with_for_update())
    # What was read before may be older than the decision that this one has waited for.
    db.session.refresh(lecture.room)
    room_plugins.forget(lecture.room)


def people_in(lecture: Lecture) -> list[Participant]:
    """Everybody who is admitted now, connected or not, in the order of their coming."""
    query = sa.select(Participant).where(
        Participant.lecture_id == lecture.id, Participant.removed_at.is_(None)
    )
    return list(db.session.scalars(query.order_by(Participant.id).execution_options(populate_existing=True)))


def person(lecture: Lecture, identity: str) -> Participant | None:
    """Who has that identity and is admitted now, as the database says at this moment."""
    query = sa.select(Participant).where(
        Participant.lecture_id == lecture.id,
        Participant.removed_at.is_(None),
        Participant.identity == identity,
    )
    return db.session.scalar(query.execution_options(populate_existing=True))


def narrow(lecture: Lecture, people: Sequence[Participant] | None = None) -> None:
    """Work out everybody's rights anew, asking all plugins; effective at the gate with the commit."""
    db.session.flush()
    admission.narrow(lecture.room, people_in(lecture) if people is None else people)


def remove(people: Sequence[Participant]) -> None:
    """Their admission ends with the commit: the gate shuts, and ``keep`` disconnects them."""
    for participant in people:
        participant.removed_at = participant.removed_at or now()
    db.session.flush()


def keep(lecture: Lecture) -> Enforced:
    """After the commit: make LiveKit do what the rows say, now and again after 2 and 10 seconds.

    Returns when nothing of what was taken from people reaches anybody any more.
    """
    done = enforcement.enforce(lecture)
    enforcement.later(lecture)
    # Nobody waits for our database connection meanwhile.
    db.session.commit()
    time.sleep(max(0.0, done.quiet_at - time.monotonic()))
    return done


def tell(lecture: Lecture, topic: str, payload: dict[str, Any], to: Sequence[Participant] = ()) -> bool:
    """Send news to the room's pages (or to some of its people), after the commit.

    ``topic`` is your plugin's name, ``payload`` JSON of at most 14 KB: say what has changed, and let
    pages fetch what is private. Nobody is told while LiveKit is away, so pages fetch their state
    whenever they connect.
    """
    packet = json.dumps(payload, separators=(",", ":")).encode()
    if len(packet) > LARGEST_PACKET:
        raise ValueError(f"{topic}: {len(packet)} bytes are too many for one packet")
    try:
        return livekit().send_data(lecture.public_id, topic, packet, [p.identity for p in to])
    except (LiveKitDown, LiveKitError) as error:
        log.warning("lecture %s could not be told of %s: %s", lecture.public_id, topic, error)
        return False
