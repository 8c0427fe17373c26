"""What the PIN does in the product."""

from collections.abc import Mapping, Sequence

import procrastinate
import sqlalchemy as sa

from core.api import JoinRequest, Mount, MountPoint, Room, RoomUi, Verdict, Viewer, Waiting, db, hookimpl
from plugins.pin import door, pages, views
from plugins.pin import jobs as background
from plugins.pin.models import Held, Pin


@hookimpl
def blueprints() -> list[Mount]:
    return [Mount(MountPoint.ROOM, views.in_room), Mount(MountPoint.SITE, pages.site)]


@hookimpl
def jobs() -> list[procrastinate.Blueprint]:
    return [background.tasks]


@hookimpl
def room_ui(room: Room, viewer: Viewer) -> list[RoomUi]:
    return [RoomUi()] if viewer.is_host else []


@hookimpl
def admit(room: Room, joins: Sequence[JoinRequest]) -> Mapping[str, Verdict]:
    new = [join for join in joins if "pin" not in join.passes and (join.removed or not join.returning)]
    if not new:
        return {}
    found = _held_of(room, new)
    waits = set(found) - {None}
    return {
        join.key: door.held() if join.guest_session_id in waits else door.question(room, join)
        for join in new
        if found
    }


def _held_of(room: Room, joins: Sequence[JoinRequest]) -> Sequence[int | None]:
    """Nothing where no PIN is set; else who of them waits for a host, and at least one entry.

    Who gave up waiting isn't held any more, and is asked again.
    """
    sessions = [join.guest_session_id for join in joins]
    theirs = sa.and_(
        Waiting.room_id == Pin.room_id,
        Waiting.guest_session_id.in_(sessions),
        Waiting.guest_session_id.in_(sa.select(Held.guest_session_id).where(Held.room_id == Pin.room_id)),
    )
    query = sa.select(Waiting.guest_session_id).select_from(Pin).outerjoin(Waiting, theirs)
    return db.session.scalars(query.where(Pin.room_id == room.id)).all()
