"""Somebody arrives at a room: all that admission has to know of them, by one query.

At nine o'clock a lecture hall joins within a minute; what is asked here is paid three hundred times.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from flask import g
from sqlalchemy.dialects.postgresql import array_agg
from sqlalchemy.orm import aliased

from core.contracts import JoinRequest
from core.db import db
from core.engine import room_plugins
from core.http.callers import signed_in
from core.http.problems import no_room
from core.lectures.models import Lecture, Participant
from core.models import GuardPass, Waiting
from core.people import guests
from core.people.models import GuestSession, User
from core.rooms.models import Room, RoomHost, RoomPlugin


@dataclass(frozen=True)
class Arrival:
    """One person before one room. ``latest`` is their newest row in the live lecture, if any."""

    room: Room
    lecture: Lecture | None
    guest: GuestSession | None
    user: User | None
    latest: Participant | None
    is_host: bool
    is_waiting: bool
    passes: frozenset[str]

    @property
    def current(self) -> Participant | None:
        """The row that is in force: a removed one isn't."""
        return self.latest if self.latest is not None and self.latest.removed_at is None else None

    def request(
        self, session: GuestSession, name: str, fingerprint: str, address: str, code: str = ""
    ) -> JoinRequest:
        """What the guards are told; a session that was just made has no past."""
        same = session is self.guest or self.user is not None
        latest = self.latest if same else None
        return JoinRequest(
            key=key_of(self.user, session),
            name=name,
            guest_session_id=session.id,
            user_id=self.user.id if self.user else None,
            email=self.user.email if self.user else None,
            fingerprint=fingerprint,
            address=address,
            passes=self.passes if session is self.guest else frozenset(),
            lecture_id=self.lecture.id if self.lecture else None,
            returning=latest is not None,
            removed=latest is not None and latest.removed_at is not None,
            code=code,
        )


def key_of(user: User | None, session: GuestSession) -> str:
    """How admission names a person: by account, else by guest session."""
    return f"u{user.id}" if user else f"g{session.id}"


def find(room_id: str) -> Arrival:
    """This request's person before the room of that public id; a 404 when there is none."""
    user = signed_in()
    token = guests.token_hash()
    values = {"room": room_id, "token": token, "user": user.id if user else None}
    row = db.session.execute(_FOR_USERS if user else _FOR_GUESTS, values).one_or_none()
    if row is None:
        raise no_room()
    room, lecture, guest, latest, co_host, is_waiting, passes, has_plugins = row
    g.here_room, g.guest = room, guest
    if not has_plugins:
        room_plugins.know_none(room)
    is_host = user is not None and (co_host or room.owner_id == user.id)
    return Arrival(room, lecture, guest, user, latest, is_host, is_waiting, frozenset(passes or ()))


def _query(is_user: bool) -> sa.Select[Any]:
    mine: Any = (
        Participant.user_id == sa.bindparam("user", type_=sa.BigInteger)
        if is_user
        else sa.and_(Participant.user_id.is_(None), Participant.guest_session_id == GuestSession.id)
    )
    newest = (
        sa.select(Participant)
        .where(Participant.lecture_id == Lecture.id, mine)
        .order_by(Participant.id.desc())
        .limit(1)
        .correlate(Lecture, GuestSession)
        .lateral("newest")
    )
    latest = aliased(Participant, newest)
    return (
        sa.select(
            Room, Lecture, GuestSession, latest, _co_hosts(is_user), _waits(), _passes(), _has_plugins()
        )
        .outerjoin(Lecture, sa.and_(Lecture.room_id == Room.id, Lecture.ended_at.is_(None)))
        .outerjoin(GuestSession, GuestSession.token_hash == sa.bindparam("token"))
        .outerjoin(latest, sa.true())
        .where(Room.public_id == sa.bindparam("room"))
    )


def _co_hosts(is_user: bool) -> Any:
    if not is_user:
        return sa.literal(False)
    me = sa.bindparam("user", type_=sa.BigInteger)
    return sa.exists().where(RoomHost.room_id == Room.id, RoomHost.user_id == me)


def _waits() -> Any:
    return sa.exists().where(Waiting.room_id == Room.id, Waiting.guest_session_id == GuestSession.id)


def _passes() -> Any:
    of_this_lecture = GuardPass.lecture_id.is_not_distinct_from(Lecture.id)
    return (
        sa.select(array_agg(GuardPass.guard))
        .where(GuardPass.room_id == Room.id, GuardPass.guest_session_id == GuestSession.id, of_this_lecture)
        .scalar_subquery()
    )


def _has_plugins() -> Any:
    return sa.exists().where(RoomPlugin.room_id == Room.id)


_FOR_USERS, _FOR_GUESTS = _query(True), _query(False)
