"""The list of all lectures that somebody may read: filtered, newest first, part by part.

A part is found by the lecture it begins after, not by a number: the thousandth costs what the first one does.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from core.config import config
from core.db import db
from core.http.forms import Form
from core.lectures import access, sharing
from core.lectures.listing import Entry, entries, in_order
from core.lectures.models import Lecture, Participant
from core.people.models import User
from core.rooms.hosts import hosted_by
from core.rooms.models import Room, RoomHost

PART = 25
MOST_ROOMS = 200
LONGEST_TEXT = 100
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
PLACE = re.compile(r"(\d{1,17})-(\d{1,18})\Z")
EARLIEST, LATEST = date(1970, 1, 1), date(9000, 1, 1)

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
    found = Filters(
        text=form.value("text").strip()[:LONGEST_TEXT],
        room=_room(form, user),
        since=_day(form, "since"),
        until=_day(form, "until", days=1),
        whose=_one_of(form, "whose", whose(user)),
        state=_one_of(form, "state", STATES),
    )
    if found.since and found.until and found.since >= found.until:
        form.fail("until", _("This day is before the other one."))
    return found


def whose(user: User) -> dict[str, Any]:
    """The choices of whose lectures; an admin may look at everybody's."""
    return {**WHOSE, EVERYONES: _l("Everybody’s")} if user.is_admin else WHOSE


def _one_of(form: Form, name: str, choices: Any) -> str:
    if form.value(name) not in choices:
        form.fail(name, _("Please choose one of these."))
    return form.value(name)


def _day(form: Form, name: str, days: int = 0) -> datetime | None:
    """When that day begins where the institution is, or so many days later."""
    typed = form.value(name).strip()
    if not typed:
        return None
    try:
        day = date.fromisoformat(typed)
        if not EARLIEST <= day <= LATEST:
            raise ValueError(day)
    except ValueError:
        form.fail(name, _("Please type a day like 2026-11-23."))
        return None
    return datetime.combine(day + timedelta(days=days), time.min, ZoneInfo(config().time_zone))


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
    """The lectures before a place, after one, or the newest; two queries."""
    query = in_order().where(*_wanted(user, filters))
    older_than, newer_than = _place(before), _place(after)
    goes_back = newer_than is not None and older_than is None
    if older_than is not None:
        query = query.where(_order() < sa.tuple_(*older_than))
    elif newer_than is not None:
        query = query.where(_order() > sa.tuple_(*newer_than))
        query = query.order_by(None).order_by(Lecture.started_at, Lecture.id)
    found = entries(query.limit(PART + 1))
    has_more, shown = len(found) > PART, found[:PART]
    if goes_back:
        shown.reverse()
    if not shown:
        return Part(shown)
    is_first = not has_more if goes_back else older_than is None
    is_last = not has_more and not goes_back
    return Part(
        shown,
        newer="" if is_first else _named(shown[0].lecture),
        older="" if is_last else _named(shown[-1].lecture),
    )


def _order() -> sa.Tuple:
    return sa.tuple_(Lecture.started_at, Lecture.id)


def _place(said: str) -> tuple[datetime, int] | None:
    found = PLACE.match(said)
    if found is None:
        return None
    return EPOCH + timedelta(microseconds=int(found[1])), int(found[2])


def _named(lecture: Lecture) -> str:
    microseconds = (lecture.started_at - EPOCH) // timedelta(microseconds=1)
    return f"{microseconds}-{lecture.id}"


def _wanted(user: User, filters: Filters) -> list[sa.ColumnElement[bool]]:
    made = [_of_those(user, filters.whose)]
    if filters.room is not None:
        made.append(Lecture.room_id == filters.room.id)
    if filters.text:
        made.append(Lecture.title.icontains(filters.text, autoescape=True))
    if filters.since is not None:
        made.append(Lecture.started_at >= filters.since)
    if filters.until is not None:
        made.append(Lecture.started_at < filters.until)
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
