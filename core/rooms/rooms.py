"""Rooms: made, changed, archived and deleted, and who their hosts are."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from flask_babel import gettext as _
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import aliased

from core import audit
from core.bus import notify
from core.db import db, now
from core.engine import room_plugins
from core.errors import Refusal
from core.jobs import defer
from core.lectures import trash
from core.lectures.lectures import live_in
from core.lectures.models import Lecture, Participant
from core.people.models import User
from core.rooms import codes
from core.rooms.hosts import hosted_by, tell_hosts
from core.rooms.models import Room
from core.search.changes import room_changed

PAGE_SIZE = 24
MOST_ROOMS = 5_000
MOST_SHOWN_LIVE = 100
CODE_TRIES = 5


# --- making and changing --------------------------------------------------------------


def create(owner: User, title: str, *, description: str = "", language: str = "en") -> Room:
    """A new room of ``owner`` with a code of its own; the caller commits."""
    _refuse_too_many(owner)
    room = Room(title=title, description=description, language=language, owner_id=owner.id, settings={})
    _with_new_code(room, lambda: db.session.add(room))
    room_plugins.set_up(room)
    audit.record("room.create", actor=owner, room_id=room.id, target=title)
    return room


def describe(room: Room, title: str, description: str, language: str, by: User) -> None:
    """Change what the room says about itself."""
    told = {"title": title, "description": description, "language": language}
    changed = {name: value for name, value in told.items() if getattr(room, name) != value}
    for name, value in changed.items():
        setattr(room, name, value)
    if changed:
        audit.record("room.edit", actor=by, room_id=room.id, target=title, changed=sorted(changed))
        db.session.flush()
        room_changed(room.id)


def rotate_code(room: Room, by: User) -> str:
    """A new code: the old link leads nowhere from now on. Who is inside stays."""
    _with_new_code(room, lambda: None)
    audit.record("room.rotate_code", actor=by, room_id=room.id)
    tell_hosts(room.id)
    return room.code


def archive(room: Room, by: User) -> None:
    """Close the room's door until it is opened again; its lectures stay readable."""
    refuse_while_live(room, _("A lecture is running in this room. End it first, then archive the room."))
    room.archived_at = room.archived_at or now()
    _changed(room, "room.archive", by)


def unarchive(room: Room, by: User) -> None:
    """Open the door again, with the same link."""
    room.archived_at = None
    _changed(room, "room.unarchive", by)


def delete(room: Room, by: User | None) -> None:
    """Remove the room with everything that hangs on it."""
    refuse_while_live(room, _("A lecture is running in this room. End it first, then delete the room."))
    audit.record("room.delete", actor=by, target=room.title, public_id=room.public_id)
    tell_hosts(room.id)
    notify(f"room:{room.id}", gone=True)
    trash.clear(db.session.scalars(sa.select(Lecture.id).where(Lecture.room_id == room.id)).all())
    db.session.execute(sa.delete(Room).where(Room.id == room.id))
    defer("core:remove_ownerless")


def refuse_while_live(room: Room, words: str) -> None:
    """A 409 while a lecture is running; the row stays locked, so none can start meanwhile."""
    db.session.execute(sa.select(Room.id).where(Room.id == room.id).with_for_update())
    if live_in(room) is not None:
        raise Refusal(409, words, code="live")


def _changed(room: Room, action: str, by: User) -> None:
    audit.record(action, actor=by, room_id=room.id, target=room.title)
    tell_hosts(room.id)
    notify(f"room:{room.id}", changed=True)


def _with_new_code(room: Room, then: Callable[[], None]) -> None:
    for _try in range(CODE_TRIES):
        try:
            with db.session.begin_nested():
                room.code = codes.new_code()
                then()
                db.session.flush()
            return
        except IntegrityError as error:
            if "code" not in str(error.orig):
                raise
    raise Refusal(503, _("No free room code was found. Try again."), code="no_code", retry_after=1)


def _refuse_too_many(owner: User) -> None:
    owned = sa.select(sa.func.count()).select_from(Room).where(Room.owner_id == owner.id)
    if (db.session.scalar(owned) or 0) >= MOST_ROOMS:
        raise Refusal(
            409, _("You have %(count)s rooms. Delete some first.", count=MOST_ROOMS), code="too_many_rooms"
        )


# --- finding --------------------------------------------------------------------------


def by_code(typed: str) -> Room | None:
    """The room of a code as somebody typed it."""
    code = codes.read(typed)
    return db.session.scalar(sa.select(Room).where(Room.code == code)) if code else None


@dataclass(frozen=True)
class Card:
    """A room in a list: whether it is live, since when, and how many are inside."""

    room: Room
    owner_name: str
    lecture_id: str | None = None
    started_at: datetime | None = None
    people: int = 0

    @property
    def is_live(self) -> bool:
        return self.lecture_id is not None


@dataclass(frozen=True)
class Page:
    """One page of a list; ``number`` counts from 1."""

    items: Sequence[Any]
    number: int
    has_more: bool
    total: int


def cards(user_id: int, *, search: str = "", archived: bool = False, page: int = 1) -> Page:
    """The user's rooms, live ones first, then by their last use; two queries."""
    where = [hosted_by(user_id), Room.archived_at.is_not(None) if archived else Room.archived_at.is_(None)]
    if search:
        where.append(_matches(search))
    total = db.session.scalar(sa.select(sa.func.count()).select_from(Room).where(*where)) or 0
    query = (
        _card_query()
        .where(*where)
        .order_by(Lecture.id.is_(None), sa.func.coalesce(_last_use(), Room.created_at).desc(), Room.id.desc())
        .offset((page - 1) * PAGE_SIZE)
        .limit(PAGE_SIZE)
    )
    return Page(_read_cards(query), page, page * PAGE_SIZE < total, total)


def has_archived(user_id: int) -> bool:
    """Whether some of the user's rooms are archived."""
    query = sa.select(Room.id).where(hosted_by(user_id), Room.archived_at.is_not(None)).limit(1)
    return db.session.scalar(query) is not None


def live_cards(user_id: int) -> list[Card]:
    """The user's rooms in which a lecture runs; one query, at most a hundred."""
    query = _card_query().where(hosted_by(user_id), Lecture.id.is_not(None))
    return _read_cards(query.order_by(Lecture.started_at, Room.id).limit(MOST_SHOWN_LIVE))


def _last_use() -> sa.ScalarSelect[datetime]:
    used = aliased(Lecture)
    query = sa.select(sa.func.max(used.started_at)).where(used.room_id == Room.id)
    return query.correlate(Room).scalar_subquery()


def _card_query() -> sa.Select[Any]:
    people = (
        sa.select(sa.func.count())
        .where(Participant.lecture_id == Lecture.id, Participant.present_since.is_not(None))
        .correlate(Lecture)
        .scalar_subquery()
    )
    live = sa.and_(Lecture.room_id == Room.id, Lecture.ended_at.is_(None))
    query = sa.select(Room, User.name, Lecture.public_id, Lecture.started_at, people)
    return query.join(User, User.id == Room.owner_id).outerjoin(Lecture, live)


def _read_cards(query: sa.Select[Any]) -> list[Card]:
    return [Card(*row) for row in db.session.execute(query)]


def _matches(search: str) -> sa.ColumnElement[bool]:
    found = Room.title.icontains(search[:100], autoescape=True)
    code = codes.read(search)
    return sa.or_(found, Room.code == code) if code else found


# --- before deleting ------------------------------------------------------------------


@dataclass(frozen=True)
class Contents:
    """What goes with a room when it is deleted."""

    lectures: int
    participants: int


def contents(room: Room) -> Contents:
    """Counted in one query, for the question before deleting."""
    query = (
        sa.select(sa.func.count(sa.distinct(Lecture.id)), sa.func.count(Participant.id))
        .select_from(Lecture)
        .outerjoin(Participant)
        .where(Lecture.room_id == room.id)
    )
    return Contents(*db.session.execute(query).one())
