"""What the waiting room says at the door, where its pages are, and what it forgets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import Any

import sqlalchemy as sa
from flask_babel import gettext as _

from core.api import (
    Event,
    JoinRequest,
    Lecture,
    LectureEnded,
    Mount,
    MountPoint,
    Retained,
    Room,
    RoomUi,
    Verdict,
    Viewer,
    db,
    hookimpl,
    now,
    room_settings,
)
from plugins.lobby import line, views
from plugins.lobby.line import Seen
from plugins.lobby.models import APPROVED, REJECTED, Listed
from plugins.lobby.retention import ENTRIES
from plugins.lobby.settings import RoomSettings


@hookimpl
def blueprints() -> list[Mount]:
    return [Mount(MountPoint.ROOM, views.in_room), Mount(MountPoint.SITE, views.site)]


@hookimpl
def room_ui(room: Room, viewer: Viewer) -> list[RoomUi]:
    return [RoomUi(config={"now": now().isoformat()})] if viewer.is_host else []


@hookimpl
def retention() -> list[Retained]:
    return [ENTRIES]


# --- at the door ----------------------------------------------------------------------


@hookimpl
def admit(room: Room, joins: Sequence[JoinRequest]) -> Mapping[str, Verdict]:
    settings = room_settings(room, RoomSettings)
    if settings.who_waits == "nobody":
        found = line.seen_where_nobody_waits(room, joins)
        joins = [join for join in joins if join.key in found.rows]
        if not joins:
            return {}
    known = line.seen(room, joins)
    removals = line.removals_after(joins)
    listed = _listed(room, joins) if settings.class_list_passes else frozenset()
    places = line.places(room, known)
    said = {j.key: _verdict(room, settings, j, known, removals.get(j.key), listed, places) for j in joins}
    return {key: verdict for key, verdict in said.items() if verdict is not None}


def _verdict(
    room: Room,
    settings: RoomSettings,
    join: JoinRequest,
    known: Seen,
    removed_at: datetime | None,
    listed: frozenset[str],
    places: Mapping[int, int],
) -> Verdict | None:
    row: Any = known.rows.get(join.key)
    holds = row is not None and known.holds(row.lecture_id, row.decided_at)
    if holds and row.state == REJECTED and (denied := line.denied(row)) is not None:
        return denied
    if holds and row.state == APPROVED and (removed_at is None or row.decided_at > removed_at):
        return None
    rejected = holds and row.rejections > 0
    if not rejected and _passes(settings, join, known, listed):
        return None
    return Verdict.wait(
        _("A host will let you in."),
        start=partial(_stand, room, row, holds),
        info=_info(known, places.get(row.id) if row else None),
        stream="/stream",
    )


def _passes(settings: RoomSettings, join: JoinRequest, known: Seen, listed: frozenset[str]) -> bool:
    """Who needn't wait. A host who removed somebody wants to see them first."""
    if settings.who_waits == "nobody" or (settings.who_waits == "strangers" and join.user_id):
        return True
    if join.removed:
        return False
    return (
        known.is_open
        or (settings.returnees_pass and join.returning)
        or (join.email is not None and join.email.lower() in listed)
    )


def _info(known: Seen, place: int | None) -> dict[str, Any]:
    info = {"message": known.message, "place": place}
    return {name: value for name, value in info.items() if value}


def _stand(room: Room, row: Any, holds: bool, join: JoinRequest) -> None:
    line.stand(room, join, row, holds=holds)


def _listed(room: Room, joins: Sequence[JoinRequest]) -> frozenset[str]:
    """Those of the addresses that are on the class list; only verified ones come here."""
    emails = {join.email.lower() for join in joins if join.email}
    if not emails:
        return frozenset()
    mine = Listed.room_id == room.id, Listed.email.in_(emails)
    return frozenset(db.session.scalars(sa.select(Listed.email).where(*mine)))


# --- what is forgotten ----------------------------------------------------------------


@hookimpl
def on_event(event: Event) -> None:
    if isinstance(event, LectureEnded):
        lecture = db.session.get(Lecture, event.lecture_id)
        if lecture is not None and lecture.ended_at is not None:
            line.clear_after(event.room_id, lecture)
