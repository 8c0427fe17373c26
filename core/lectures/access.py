"""Who may read what remains of a lecture: said once for one reader, and once in SQL for lists and search."""

from __future__ import annotations

from datetime import timedelta
from functools import lru_cache
from typing import NamedTuple

import sqlalchemy as sa

from core.contracts import Role, Viewer
from core.db import now
from core.http.callers import viewer_in_lecture
from core.http.problems import no_lecture
from core.lectures.models import Lecture, Participant
from core.people.models import GuestSession, User
from core.rooms.hosts import hosted_by
from core.rooms.models import Room
from core.rooms.settings import MOST_READ_DAYS, Rule, is_set, rule, settings_of


class Reader(NamedTuple):
    """In an account's place where SQL is built once for all: ``id`` is the parameter."""

    id: sa.ColumnElement[int]
    is_admin: bool


def reader_of(lecture: Lecture) -> Viewer:
    """The caller, who may read the lecture; a 404 for everybody else."""
    viewer = viewer_in_lecture(lecture)
    if not may_read(lecture, viewer):
        raise no_lecture()
    return viewer


def may_read(lecture: Lecture, viewer: Viewer) -> bool:
    """Who is granted it, and who has opened a link to it; nobody once it is deleted."""
    return lecture.deleted_at is None and (viewer.by_link or is_granted(lecture, viewer))


def is_granted(lecture: Lecture, viewer: Viewer) -> bool:
    """Hosts and admins always; participants for as long as the room lets them: ``readable_by`` in Python."""
    if viewer.sees_hosts_part:
        return True
    return viewer.role is Role.PARTICIPANT and _lets_participants_read(lecture)


def _lets_participants_read(lecture: Lecture) -> bool:
    says = settings_of(lecture.room)
    days = says.participants_read_days
    if not says.participants_read or not days or lecture.ended_at is None:
        return says.participants_read
    return now() < lecture.ended_at + timedelta(days=days)


def readable_by(user: User | Reader | None, guest: GuestSession | None = None) -> sa.ColumnElement[bool]:
    """Lectures that an account, a guest session, or both in one browser are granted; ``Room`` must be joined.

    What a link opens isn't among them (``core.lectures.sharing.opened``): it belongs to a browser.
    """
    own = own_of(user, guest)
    if user is None or not user.is_admin:
        return own
    # In a lecture that is running, an admin who takes part is a participant.
    as_admin = sa.or_(Lecture.ended_at.is_not(None), ~took_part(user, guest))
    return sa.or_(own, sa.and_(Lecture.deleted_at.is_(None), as_admin))


def own_of(user: User | Reader | None, guest: GuestSession | None = None) -> sa.ColumnElement[bool]:
    """The same without what only an admin is granted: what they host, what they took part in and may read."""
    ways = [sa.and_(took_part(user, guest), _readable())]
    if user is not None:
        ways.append(hosted_by(user.id))
    return sa.and_(Lecture.deleted_at.is_(None), sa.or_(*ways))


def took_part(user: User | Reader | None, guest: GuestSession | None = None) -> sa.ColumnElement[bool]:
    """Lectures in which they are a participant, and weren't removed for good."""
    mine = []
    if user is not None:
        mine.append(Participant.user_id == user.id)
    if guest is not None:
        mine.append(sa.and_(Participant.user_id.is_(None), Participant.guest_session_id == guest.id))
    # By their lectures' ids: the few rows of one person are found first, however many lectures there are.
    rows = sa.select(Participant.lecture_id).where(
        sa.or_(sa.false(), *mine), Participant.removed_at.is_(None)
    )
    return Lecture.id.in_(rows)


def _readable() -> sa.ColumnElement[bool]:
    return _lets_them_read(rule("participants_read"), rule("participants_read_days"))


@lru_cache(maxsize=16)
def _lets_them_read(may: Rule, most: Rule) -> sa.ColumnElement[bool]:
    # Made once, which takes longer than the answer; asked for the moment each time.
    moment = sa.bindparam("moment", callable_=now, type_=Lecture.ended_at.type, unique=True)
    days = days_of_reading(most)
    still = sa.or_(
        days == 0,
        Lecture.ended_at.is_(None),
        # In hours: a day of an interval is longer or shorter when the clocks change.
        Lecture.ended_at + sa.func.make_interval(0, 0, 0, 0, days * 24) > moment,
    )
    return sa.and_(is_set("participants_read", may), still)


def days_of_reading(most: Rule) -> sa.ColumnElement[int]:
    """For how many days participants read; what the room has and doesn't fit counts as never set."""
    if most.locked:
        return sa.literal(most.value, sa.Integer)
    said = Room.settings["participants_read_days"]
    is_number = sa.func.jsonb_typeof(said) == "number"
    number = sa.case((is_number, said.astext.cast(sa.Numeric)))
    is_days = number.between(0, MOST_READ_DAYS)
    return sa.case((is_days, sa.cast(number, sa.Integer)), else_=sa.literal(most.value, sa.Integer))
