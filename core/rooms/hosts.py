"""Who the hosts of a room are: its owner and the users that the owner named."""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa
from flask_babel import gettext as _

from core import admission, audit
from core.bus import LIVE, notify, notify_each
from core.db import db
from core.errors import Refusal
from core.http.tries import Tries
from core.lectures.models import Lecture, Participant
from core.people import accounts
from core.people.models import User
from core.rooms.models import Room, RoomHost

MOST_HOSTS = 50
# Nobody finds out who has an account by naming half the world.
MISSES = Tries("co_host", "30 per hour")


def add_host(room: Room, email: str, by: User) -> User:
    """Make the account with that address a co-host; a ``Refusal`` says why it can't be one."""
    user = _with_address(email)
    if user is None:
        MISSES.take(str(by.id))
        raise _no_account()
    _refuse_again(room, user)
    db.session.add(RoomHost(room_id=room.id, user_id=user.id))
    db.session.flush()
    _changed(room, "room.add_host", by, user)
    return user


def _with_address(email: str) -> User | None:
    """Whoever has that address and can sign in."""
    user = accounts.by_email(email.strip().lower())
    return user if user is not None and user.is_active else None


def _no_account() -> Refusal:
    words = _("There is no account with this address. Invite the person first, or check the spelling.")
    return Refusal(404, words, code="no_account", field="email")


def _refuse_again(room: Room, user: User) -> None:
    # Whoever names somebody at the same moment waits, and then sees who is named.
    db.session.execute(sa.select(Room.id).where(Room.id == room.id).with_for_update())
    if user.id == room.owner_id:
        raise _no(_("This is the room's owner already."), "already_host")
    there = co_hosts(room)
    if user in there:
        raise _no(_("%(name)s is a co-host already.", name=user.name), "already_host")
    if len(there) >= MOST_HOSTS:
        raise _no(_("A room has at most %(count)s co-hosts.", count=MOST_HOSTS), "too_many_hosts")


def _no(words: str, code: str) -> Refusal:
    return Refusal(409, words, code=code, field="email")


def remove_host(room: Room, user_public_id: str, by: User) -> User:
    """Take a co-host's rights in this room; their open streams and sockets end with the commit."""
    found = sa.select(User).join(RoomHost).where(RoomHost.room_id == room.id)
    user = db.session.scalar(found.where(User.public_id == user_public_id))
    if user is None:
        raise Refusal(404, _("This person is no co-host of this room."), code="no_host")
    db.session.execute(sa.delete(RoomHost).where(RoomHost.room_id == room.id, RoomHost.user_id == user.id))
    _demote(room, user)
    _changed(room, "room.remove_host", by, user)
    return user


def change_owner(room: Room, email: str, stays: bool, by: User | None) -> User:
    """Give the room to the account with that address; ``stays``: the owner before becomes a co-host.

    An administrator's act. The caller settles the room (``core.order``), which commits.
    """
    db.session.execute(sa.select(Room.id).where(Room.id == room.id).with_for_update())
    user = _with_address(email)
    if user is None:
        raise _no_account()
    if user.id == room.owner_id:
        raise _no(_("This is the room's owner already."), "already_host")
    before = db.session.get_one(User, room.owner_id)
    db.session.execute(sa.delete(RoomHost).where(RoomHost.room_id == room.id, RoomHost.user_id == user.id))
    room.owner = user
    if stays:
        db.session.add(RoomHost(room_id=room.id, user_id=before.id))
    db.session.flush()
    if not stays:
        _demote(room, before)
    audit.record("room.change_owner", actor=by, room_id=room.id, target=user.email, before=before.email)
    for person in (user, before):
        notify(f"user:{person.id}")
        notify(f"dashboard:{person.id}")
    notify(f"room:{room.id}", changed=True)
    tell_hosts(room.id)
    return user


def _demote(room: Room, user: User) -> None:
    """Who is inside as a host stays as a guest: the gate hands out a guest's rights from now on."""
    live = sa.select(Lecture.id).where(Lecture.room_id == room.id, Lecture.ended_at.is_(None))
    mine = (
        Participant.lecture_id.in_(live),
        Participant.user_id == user.id,
        Participant.removed_at.is_(None),
    )
    inside = db.session.scalar(sa.select(Participant).where(*mine))
    if inside is not None:
        inside.role = "guest"
        admission.narrow(room, [inside])


def co_hosts(room: Room) -> Sequence[User]:
    """The users that the owner named, in the order of naming."""
    query = sa.select(User).join(RoomHost).where(RoomHost.room_id == room.id)
    return db.session.scalars(query.order_by(RoomHost.added_at, User.id)).all()


def hosted_by(user_id: int | sa.ColumnElement[int]) -> sa.ColumnElement[bool]:
    """Rooms in which the user is owner or co-host."""
    named = sa.select(RoomHost.room_id).where(RoomHost.user_id == user_id)
    return sa.or_(Room.owner_id == user_id, Room.id.in_(named))


def tell_hosts(room_id: int) -> None:
    """Wake the dashboards of a room's hosts, and the live monitor, with the commit; one statement."""
    owner = sa.select(Room.owner_id.label("user_id")).where(Room.id == room_id)
    others = sa.select(RoomHost.user_id).where(RoomHost.room_id == room_id)
    people = sa.union(owner, others).subquery()
    dashboards = sa.select(sa.literal("dashboard:") + sa.cast(people.c.user_id, sa.Text))
    notify_each(sa.union_all(dashboards, sa.select(sa.literal(LIVE))))


def _changed(room: Room, action: str, by: User, user: User) -> None:
    audit.record(action, actor=by, room_id=room.id, target=user.email)
    for topic in (f"user:{user.id}", f"dashboard:{user.id}", f"room:{room.id}"):
        notify(topic)
