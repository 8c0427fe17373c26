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
from core.lectures.models import Lecture, Participant
from core.people.models import User
from core.rooms import codes
from core.rooms.models import Room, RoomHost

PAGE_SIZE = 24
MOST_ROOMS = 5_000
MOST_HOSTS = 50
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


def rotate_code(room: Room, by: User) -> str:
    """A new code: the old link leads nowhere from now on. Who is inside stays."""
    _with_new_code(room, lambda: None)
    audit.record("room.rotate_code", actor=by, room_id=room.id)
    tell_hosts(room)
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


def delete(room: Room, by: User) -> None:
    """Remove the room with everything that hangs on it."""
    refuse_while_live(room, _("A lecture is running in this room. End it first, then delete the room."))
    audit.record("room.delete", actor=by, target=room.title, public_id=room.public_id)
    tell_hosts(room)
    notify(f"room:{room.id}", gone=True)
    db.session.execute(sa.delete(Room).where(Room.id == room.id))


def refuse_while_live(room: Room, words: str) -> None:
    """A 409 while a lecture is running; the row stays locked, so none can start meanwhile."""
    db.session.execute(sa.select(Room.id).where(Room.id == room.id).with_for_update())
    if live_lecture(room) is not None:
        raise Refusal(409, words, code="live")


def _changed(room: Room, action: str, by: User) -> None:
    audit.record(action, actor=by, room_id=room.id, target=room.title)
    tell_hosts(room)
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


# --- hosts ----------------------------------------------------------------------------


def add_host(room: Room, email: str, by: User) -> User:
    """Make the account with that address a co-host; a ``Refusal`` says why it can't be one."""
    user = db.session.scalar(sa.select(User).where(User.email == email.strip().lower()))
    if user is None or not user.is_active:
        words = _("There is no account with this address. Invite the person first, or check the spelling.")
        raise Refusal(404, words, code="no_account", field="email")
    if user.id == room.owner_id:
        raise Refusal(409, _("This is the room's owner already."), code="already_host", field="email")
    if len(co_hosts(room)) >= MOST_HOSTS:
        raise Refusal(
            409, _("A room has at most %(count)s co-hosts.", count=MOST_HOSTS), code="too_many_hosts"
        )
    if db.session.get(RoomHost, (room.id, user.id)) is not None:
        raise Refusal(
            409, _("%(name)s is a co-host already.", name=user.name), code="already_host", field="email"
        )
    db.session.add(RoomHost(room_id=room.id, user_id=user.id))
    db.session.flush()
    _hosts_changed(room, "room.add_host", by, user)
    return user


def remove_host(room: Room, user_public_id: str, by: User) -> User:
    """Take a co-host's rights in this room; their open streams and sockets end with the commit."""
    query = (
        sa.select(User).join(RoomHost).where(RoomHost.room_id == room.id, User.public_id == user_public_id)
    )
    user = db.session.scalar(query)
    if user is None:
        raise Refusal(404, _("This person is no co-host of this room."), code="no_host")
    db.session.execute(sa.delete(RoomHost).where(RoomHost.room_id == room.id, RoomHost.user_id == user.id))
    _hosts_changed(room, "room.remove_host", by, user)
    return user


def co_hosts(room: Room) -> Sequence[User]:
    """The users that the owner named, in the order of naming."""
    query = sa.select(User).join(RoomHost).where(RoomHost.room_id == room.id)
    return db.session.scalars(query.order_by(RoomHost.added_at, User.id)).all()


def tell_hosts(room: Room) -> None:
    """Wake the dashboards of all hosts of a room when the transaction commits."""
    for user_id in host_ids(room):
        notify(f"dashboard:{user_id}", room=room.id)


def host_ids(room: Room) -> list[int]:
    """The keys of the owner and the co-hosts."""
    others = sa.select(RoomHost.user_id).where(RoomHost.room_id == room.id)
    return [room.owner_id, *db.session.scalars(others)]


def _hosts_changed(room: Room, action: str, by: User, user: User) -> None:
    audit.record(action, actor=by, room_id=room.id, target=user.email)
    for topic in (f"user:{user.id}", f"dashboard:{user.id}", f"room:{room.id}"):
        notify(topic, room=room.id)


# --- finding --------------------------------------------------------------------------


def by_code(typed: str) -> Room | None:
    """The room of a code as somebody typed it."""
    code = codes.read(typed)
    return db.session.scalar(sa.select(Room).where(Room.code == code)) if code else None


def by_public_id(public_id: str, user_id: int) -> Room | None:
    """The room of that id, if the user is one of its hosts."""
    return db.session.scalar(sa.select(Room).where(Room.public_id == public_id, hosted_by(user_id)))


def live_lecture(room: Room) -> Lecture | None:
    """The lecture that runs in the room now."""
    return db.session.scalar(sa.select(Lecture).where(Lecture.room_id == room.id, Lecture.ended_at.is_(None)))


def hosted_by(user_id: int) -> sa.ColumnElement[bool]:
    """Rooms in which the user is owner or co-host."""
    named = sa.select(RoomHost.room_id).where(RoomHost.user_id == user_id)
    return sa.or_(Room.owner_id == user_id, Room.id.in_(named))


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


def _last_use() -> sa.ScalarSelect[datetime | None]:
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
