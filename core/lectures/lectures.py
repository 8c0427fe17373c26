"""A lecture from its start to its end. Both commit: what is told to LiveKit never runs ahead."""

from __future__ import annotations

import logging

import sqlalchemy as sa
from flask_babel import gettext as _
from sqlalchemy.dialects.postgresql import insert

from core import audit, events
from core.bus import notify
from core.contracts import LectureEnded, LectureStarted
from core.db import db, new_public_id, now, quietly
from core.errors import LiveKitDown, LiveKitError, Refusal
from core.http.problems import no_room
from core.lectures.models import Lecture, live_in
from core.livekit import presence
from core.livekit.client import livekit
from core.models import GuardPass
from core.people.models import User
from core.rooms.hosts import tell_hosts
from core.rooms.models import Room
from core.search.changes import lecture_changed

log = logging.getLogger(__name__)
# A connect that the gate passed just before the end may open the room once more behind us.
DELETES = 5


def running_in(room: Room) -> Lecture:
    """The room's live lecture; a ``Refusal`` with words (409) when none runs."""
    lecture = live_in(room)
    if lecture is None:
        raise Refusal(409, _("No lecture is running in this room."), code="not_live")
    return lecture


def start(room: Room, user: User) -> Lecture:
    """Start a lecture, or give the one that runs; raises ``LiveKitDown`` and starts nothing then."""
    running = live_in(room)
    if running is not None:
        return running
    _refuse_archived(room)
    name = new_public_id()
    livekit().create_room(name)
    made = _insert(room, user, name)
    if made is None:
        return _other(room, name)
    _take_over_passes(made)
    audit.record("lecture.start", actor=user, room_id=room.id, lecture_id=made.id)
    events.publish(LectureStarted(room_id=room.id, lecture_id=made.id))
    _tell(room.id, live=True)
    db.session.commit()
    return made


def _refuse_archived(room: Room) -> None:
    """The lock makes who archives or deletes it at the same moment wait until the lecture can be seen."""
    query = sa.select(Room.archived_at).where(Room.id == room.id).with_for_update(read=True)
    found = db.session.execute(query).one_or_none()
    if found is None:
        raise no_room()
    if found.archived_at is not None:
        raise Refusal(409, _("This room is archived. Ask its host to open it again."), code="archived")


def end(lecture: Lecture, reason: str, by: User | None = None) -> None:
    """End a lecture for everybody; may be repeated, and LiveKit may be down.

    The commit shuts the gate; then LiveKit's room is deleted. ``reason`` is host, absence or admin.
    """
    if _mark_ended(lecture, reason):
        _drop_passes(lecture)
        presence.everybody_leaves(lecture)
        audit.record("lecture.end", actor=by, room_id=lecture.room_id, lecture_id=lecture.id, reason=reason)
        events.publish(LectureEnded(room_id=lecture.room_id, lecture_id=lecture.id))
        _tell(lecture.room_id, live=False)
        lecture_changed(lecture.id)
    db.session.commit()
    close(lecture)


def close(lecture: Lecture) -> bool:
    """Delete the room of an ended lecture until LiveKit says that there is none."""
    if lecture.closed_at is None and _deleted(lecture.public_id):
        lecture.closed_at = now()
        db.session.commit()
    return lecture.closed_at is not None


def _insert(room: Room, user: User, name: str) -> Lecture | None:
    """The new row; None when somebody else's start was faster."""
    values = {
        "public_id": name,
        "room_id": room.id,
        "title": room.title,
        "language": room.language,
        "started_by_id": user.id,
    }
    one_live = {"index_elements": ["room_id"], "index_where": sa.text("ended_at IS NULL")}
    return db.session.scalar(
        insert(Lecture).values(values).on_conflict_do_nothing(**one_live).returning(Lecture)  # type: ignore[arg-type]
    )


def _other(room: Room, name: str) -> Lecture:
    db.session.rollback()
    livekit().delete_room(name)
    found = live_in(room)
    # It can only be missing when it has ended in these milliseconds.
    return (
        found
        or db.session.scalars(
            sa.select(Lecture).where(Lecture.room_id == room.id).order_by(Lecture.id.desc()).limit(1)
        ).one()
    )


def _mark_ended(lecture: Lecture, reason: str) -> bool:
    changed = quietly(
        sa.update(Lecture)
        .where(Lecture.id == lecture.id, Lecture.ended_at.is_(None))
        .values(ended_at=now(), ended_reason=reason)
    )
    db.session.refresh(lecture)
    return bool(changed.rowcount)


def _deleted(name: str) -> bool:
    try:
        return any(not livekit().delete_room(name) for _time in range(DELETES))
    except (LiveKitDown, LiveKitError) as error:
        log.warning("the room of lecture %s will be closed later: %s", name, error)
        return False


def _take_over_passes(lecture: Lecture) -> None:
    waiting_for_it = (GuardPass.room_id == lecture.room_id, GuardPass.lecture_id.is_(None))
    quietly(sa.update(GuardPass).where(*waiting_for_it).values(lecture_id=lecture.id))


def _drop_passes(lecture: Lecture) -> None:
    quietly(sa.delete(GuardPass).where(GuardPass.lecture_id == lecture.id))


def _tell(room_id: int, *, live: bool) -> None:
    notify(f"room:{room_id}", live=live)
    tell_hosts(room_id)
