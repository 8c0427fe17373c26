"""The list of all lectures that somebody may read: filtered, newest first, part by part.

A part is found by the lecture it begins after, not by a number: the thousandth costs what the first one does.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from core.db import db
from core.http.forms import Form
from core.lectures import access, sharing
from core.lectures.listing import Entry, bounds, cursor, entries, in_order, place, place_of, read_cursor
from core.lectures.models import Lecture, Participant
from core.people.models import User
from core.rooms.hosts import hosted_by
from core.rooms.models import Room, RoomHost

PART = 25
MOST_ROOMS = 200
LONGEST_TEXT = 100

WHOSE = {
    "": _l("All of mine"),
    "mine": _l("I am a host"),
    "took_part": _l("I took part"),
    "shared": _l("Opened by a link"),
}
EVERYONES = "everyone"
STATES = {"": _l("Live and ended"), "ended": _l("Ended"), "live": _l("Live")}
NAMES = ("text", "room", "since", "until", "whose", "state")


@dataclass(frozen=True)
class Filters:
    """What was asked for; empty for all."""

    text: str = ""
    room: Room | None = None
    since: datetime | None = None
    until: datetime | None = None
    whose: str = ""
    state: str = ""


@dataclass(frozen=True)
class Part:
    """One part of the list, and the places where the parts before and after it begin."""

    items: Sequence[Entry]
    newer: str = ""
    older: str = ""


# --- what is asked for ----------------------------------------------------------------


def read(form: Form, user: User) -> Filters:
    """The filters as typed; what is wrong with one is noted beside it, and the others stay."""
    text, room = form.value("text").strip()[:LONGEST_TEXT], _room(form, user)
    wanted = {"whose": _one_of(form, "whose", whose(user)), "state": _one_of(form, "state", STATES)}
    since, until = form.days(_("Please type a day like 2026-11-23."), _("This day is before the other one."))
    return Filters(text, room, since, until, **wanted)


def whose(user: User) -> dict[str, Any]:
    """The choices of whose lectures; an admin may look at everybody's."""
    return {**WHOSE, EVERYONES: _l("Everybody’s")} if user.is_admin else WHOSE


def _one_of(form: Form, name: str, choices: Any) -> str:
    if form.value(name) not in choices:
        form.fail(name, _("Please choose one of these."))
    return form.value(name)


def _room(form: Form, user: User) -> Room | None:
    asked = form.value("room")
    if not asked:
        return None
    found = db.session.scalar(sa.select(Room).where(Room.public_id == asked, _is_known_to(user)))
    if found is None:
        form.fail("room", _("There is no such room. It may have been deleted."))
        form.status = 404
    return found


def rooms(user: User, form: Form, chosen: Room | None) -> list[tuple[str, str]]:
    """Ids and titles to choose from: rooms in which the user is host or took part, and what was asked for."""
    query = sa.select(Room).where(sa.or_(hosted_by(user.id), Room.id.in_(_rooms_of_participant(user))))
    found = list(db.session.scalars(query.order_by(Room.title, Room.id).limit(MOST_ROOMS)))
    if chosen is not None and chosen not in found:
        found.insert(0, chosen)
    made = [("", _("Every room")), *((room.public_id, room.title) for room in found)]
    # A wrong one stays chosen, so that one sees what was asked for.
    return [*made, (form.value("room"), _("An unknown room"))] if form.errors.get("room") else made


def _is_known_to(user: User) -> sa.ColumnElement[bool]:
    if user.is_admin:
        return sa.true()
    return sa.or_(hosted_by(user.id), Room.id.in_(_rooms_of_participant(user)))


def _rooms_of_participant(user: User) -> sa.Select[int]:
    return sa.select(Lecture.room_id).where(access.took_part(user), Lecture.deleted_at.is_(None))


# --- what is found --------------------------------------------------------------------


def find(user: User, filters: Filters, *, before: str = "", after: str = "") -> Part:
    """The lectures before a place, after one, or the newest; everybody's with what each keeps."""
    query = in_order().where(*_wanted(user, filters))
    older_than, newer_than = read_cursor(before), read_cursor(after)
    goes_back = newer_than is not None and older_than is None
    if older_than is not None:
        query = query.where(place() < place_of(older_than))
    elif newer_than is not None:
        query = query.where(place() > place_of(newer_than))
        query = query.order_by(None).order_by(Lecture.started_at, Lecture.id)
    found = entries(query.limit(PART + 1), with_sizes=filters.whose == EVERYONES)
    has_more, shown = len(found) > PART, found[:PART]
    if goes_back:
        shown.reverse()
    if not shown:
        return Part(shown)
    is_first = not has_more if goes_back else older_than is None
    is_last = not has_more and not goes_back
    return Part(
        shown,
        newer="" if is_first else cursor(shown[0].lecture),
        older="" if is_last else cursor(shown[-1].lecture),
    )


def _wanted(user: User, filters: Filters) -> list[sa.ColumnElement[bool]]:
    room_id = filters.room.id if filters.room else None
    made = [_of_those(user, filters.whose), *bounds(room_id, filters.since, filters.until)]
    if filters.text:
        made.append(Lecture.title.icontains(filters.text, autoescape=True))
    if filters.state:
        made.append(Lecture.ended_at.is_(None) if filters.state == "live" else Lecture.ended_at.is_not(None))
    return made


def _of_those(user: User, whose: str) -> sa.ColumnElement[bool]:
    if whose == EVERYONES:
        return access.readable_by(user)
    if whose == "shared":
        return sharing.opened()
    mine = sa.and_(Lecture.id.in_(_near(user)), access.own_of(user))
    if whose == "mine":
        return sa.and_(mine, hosted_by(user.id))
    if whose == "took_part":
        return sa.and_(mine, access.took_part(user), ~hosted_by(user.id))
    return sa.or_(mine, sharing.opened())


def _near(user: User) -> sa.CompoundSelect[int]:
    """All that can be theirs, found by indexes: the lectures of everybody else are never looked at."""
    owned = sa.select(Room.id).where(Room.owner_id == user.id)
    named = sa.select(RoomHost.room_id).where(RoomHost.user_id == user.id)
    hosted = sa.select(Lecture.id).where(Lecture.room_id.in_(sa.union_all(owned, named)))
    took_part = sa.select(Participant.lecture_id).where(Participant.user_id == user.id)
    return sa.union_all(hosted, took_part)
