"""The institution has set something else for all rooms: their pages are told, and it holds inside."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa
from flask import current_app

from core import audit, bus, order
from core.db import db
from core.engine import house, room_plugins
from core.engine.standing import CORE, TOPIC
from core.jobs import RETRY, defer, task
from core.lectures.models import Lecture
from core.rooms.models import Room
from core.search.changes import mark


def changed(owner: str, values: Mapping[str, Any]) -> None:
    """After these were put for an owner's settings of rooms, None for the default; the caller commits.

    Open pages look again with the commit; who is inside gets other rights by a job, within seconds.
    """
    from core.lectures.sections import givers

    _write_down(owner, values)
    if owner == CORE or owner in givers():
        mark(sa.true())
    for room_id in db.session.scalars(_in_use()):
        bus.notify(f"room:{room_id}", plugin=owner)
    defer("core:settle_rooms", lock="core:settle_rooms")


def _write_down(owner: str, values: Mapping[str, Any]) -> None:
    """A guard that the institution leaves to its own default again is noted in all rooms."""
    if values.get(house.SWITCH, False) is None and owner in room_plugins.guards_on_by_default():
        room_plugins.write_down([owner])


def _in_use() -> sa.Select[int]:
    """Rooms in which a lecture runs, and those before which somebody waits."""
    from core.models import Waiting

    live = sa.select(Lecture.room_id).where(Lecture.ended_at.is_(None))
    waits = sa.select(Waiting.room_id).where(Waiting.left_at.is_(None))
    return sa.select(Room.id).where(sa.or_(Room.id.in_(live), Room.id.in_(waits)))


@task(name="settle_rooms", retry=RETRY)
def settle_rooms() -> None:
    """Give everybody inside the rights that their room leaves them now; may run twice."""
    # The job may be here before the news of what it is about.
    current_app.extensions["audimax_standing"].refresh()
    live = sa.select(Lecture.room_id).where(Lecture.ended_at.is_(None)).order_by(Lecture.id)
    for room_id in db.session.scalars(live).all():
        room = db.session.get(Room, room_id)
        if room is not None:
            order.settle(room)


def release(plugin: str) -> None:
    """Take back what is said about a guard's being on in all rooms; the caller commits."""
    from core.models import Setting, SettingChange

    row = db.session.get(Setting, (f"{house.PREFIX}{plugin}", house.SWITCH))
    if row is None:
        return
    db.session.add(SettingChange(scope=row.scope, name=row.name, before=row.value, after=None))
    audit.record("setting.change", target=f"{row.scope}.{row.name}", before=row.value, after=None)
    db.session.delete(row)
    bus.notify(TOPIC)
    for room_id in db.session.scalars(_in_use()):
        bus.notify(f"room:{room_id}", plugin=plugin)
