"""Who is calling: the role of this request's person in a room or a lecture."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import Any, cast

import sqlalchemy as sa
from flask import g
from flask_login import current_user

from core.contracts import Role, Viewer
from core.db import db
from core.lectures import sharing
from core.lectures.models import Lecture, Participant
from core.models import Waiting
from core.people.guests import current_guest
from core.people.models import User
from core.rooms.models import Room, RoomHost


def signed_in() -> User | None:
    """The account of this request, verified and not disabled; asked once per request."""
    if "signed_in" not in g:
        g.signed_in = current_user._get_current_object() if current_user.is_authenticated else None
    return cast("User | None", g.signed_in)


def me() -> User:
    """The account of this request, in views that ask to sign in."""
    user = signed_in()
    assert user is not None
    return user


def forget() -> None:
    """Look again: long-lived streams and sign-in ask anew within one request."""
    for name in ("signed_in", "_login_user"):
        g.pop(name, None)


def is_host(room: Room, user: User | None) -> bool:
    """Whether the user is the room's owner or a co-host."""
    if user is None:
        return False
    if room.owner_id == user.id:
        return True
    return db.session.get(RoomHost, (room.id, user.id)) is not None


def viewer_in_room(room: Room) -> Viewer:
    """The caller as the room sees them now."""
    user, guest = signed_in(), current_guest()
    if is_host(room, user):
        return _viewer(Role.HOST, user, guest, _of_live_lecture(room, user, guest))
    inside = _of_live_lecture(room, user, guest)
    if inside is not None:
        return _viewer(Role.PARTICIPANT, user, guest, inside)
    if user is not None and user.is_admin:
        return _viewer(Role.ADMIN, user, guest, None)
    if guest is not None and _waits(room, guest.id):
        return _viewer(Role.WAITING, user, guest, None)
    return _viewer(Role.STRANGER, user, guest, None)


def viewer_in_lecture(lecture: Lecture) -> Viewer:
    """The caller as one lecture, live or over, sees them."""
    seen = person_in_lecture(lecture, signed_in(), current_guest())
    if not seen.sees_hosts_part and sharing.opened_link(lecture) is not None:
        return replace(seen, by_link=True)
    return seen


def person_in_lecture(lecture: Lecture, user: User | None, guest: Any) -> Viewer:
    """An account or a guest session as one lecture sees them, whoever is calling.

    Once it is over there is nothing to take part in: an admin who did reads as an admin.
    """
    inside = _inside(_in_lecture(), user, guest, lecture=lecture.id)
    is_admin = user is not None and user.is_admin
    if is_host(lecture.room, user):
        return _viewer(Role.HOST, user, guest, inside)
    if inside is not None and not (is_admin and not lecture.is_live):
        return _viewer(Role.PARTICIPANT, user, guest, inside)
    return _viewer(Role.ADMIN if is_admin else Role.STRANGER, user, guest, inside)


def viewer_anywhere() -> Viewer:
    """The caller outside rooms: admin, or nobody in particular."""
    user = signed_in()
    role = Role.ADMIN if user is not None and user.is_admin else Role.STRANGER
    return _viewer(role, user, current_guest(), None)


def _of_live_lecture(room: Room, user: User | None, guest: Any) -> Participant | None:
    return _inside(_in_live_lecture(), user, guest, room=room.id)


def _inside(query: sa.Select[Participant], user: User | None, guest: Any, **where: int) -> Participant | None:
    """The current participant row of a person: by account, or by guest session.

    Who took part as a guest and signs in later is still the one who took part.
    """
    if user is None and guest is None:
        return None
    person = {"user": user.id if user else None, "guest": guest.id if guest else None}
    return db.session.scalar(query, {**person, **where})


# Built once: that takes longer than the answer.
@cache
def _in_lecture() -> sa.Select[Participant]:
    return _current().where(Participant.lecture_id == sa.bindparam("lecture"))


@cache
def _in_live_lecture() -> sa.Select[Participant]:
    live = sa.select(Lecture.id).where(Lecture.room_id == sa.bindparam("room"), Lecture.ended_at.is_(None))
    return _current().where(Participant.lecture_id == live.scalar_subquery())


def _current() -> sa.Select[Participant]:
    # Nothing equals a person that isn't known: who has no account has no rows by one.
    by_user = Participant.user_id == sa.bindparam("user")
    by_guest = sa.and_(Participant.user_id.is_(None), Participant.guest_session_id == sa.bindparam("guest"))
    query = sa.select(Participant).where(sa.or_(by_user, by_guest), Participant.removed_at.is_(None))
    return query.order_by(Participant.user_id.is_(None), Participant.id.desc()).limit(1)


def _waits(room: Room, guest_session_id: int) -> bool:
    query = sa.select(Waiting.id).where(
        Waiting.room_id == room.id, Waiting.guest_session_id == guest_session_id
    )
    return db.session.scalar(query) is not None


def _viewer(role: Role, user: User | None, guest: Any, inside: Participant | None) -> Viewer:
    return Viewer(
        role=role,
        name=inside.name if inside else user.name if user else "",
        identity=inside.identity if inside else "",
        user_id=user.id if user else None,
        guest_session_id=guest.id if guest else None,
    )
