"""Who somebody is, in all that is stored: an account with its browsers, or a guest's browser alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from core.contracts import Person
from core.db import db
from core.engine.personal_columns import NOBODY
from core.engine.plugins import plugins
from core.files.models import OF_EXPORTS, State, StoredFile
from core.lectures.models import Lecture, Participant, rows_of
from core.models import PersonalColumn
from core.people.models import GuestSession, User
from core.rooms.models import Room, RoomHost


def person_of_user(user: User) -> Person:
    """An account, with the browsers in which it was signed in."""
    query = sa.select(GuestSession.id).where(GuestSession.user_id == user.id)
    return Person(user.id, tuple(db.session.scalars(query.order_by(GuestSession.id))))


def person_of(participant: Participant) -> Person | None:
    """Who took part: an account, or a guest's browser; None where nothing leads to anybody any more."""
    guest = participant.guest_session
    user = participant.user or (guest.user if guest else None)
    if user is not None:
        return person_of_user(user)
    return Person(None, (guest.id,)) if guest is not None else None


def find_participant(public_id: str) -> Participant | None:
    """A participant by the id that the outside has of them."""
    return db.session.scalar(sa.select(Participant).where(Participant.public_id == public_id))


def of_person(column_user: Any, column_guest: Any, person: Person) -> sa.ColumnElement[bool]:
    """Rows of a table that names an account, a guest session, or both."""
    by_account = column_user == person.user_id if person.user_id is not None else sa.false()
    return sa.or_(by_account, column_guest.in_(person.guest_session_ids))


def files_of(person: Person) -> sa.ColumnElement[bool]:
    """Which stored files they have sent, and nobody has removed."""
    by_account = StoredFile.user_id == person.user_id if person.user_id is not None else sa.false()
    as_guest = StoredFile.participant_id.in_(sa.select(Participant.id).where(rows_of(person)))
    there = (StoredFile.state != State.GONE.value, StoredFile.plugin != OF_EXPORTS)
    return sa.and_(sa.or_(by_account, as_guest), *there)


def lectures_of(person: Person) -> sa.Select[int]:
    """Ids of the lectures in which they took part."""
    return sa.select(Participant.lecture_id).where(rows_of(person))


def names_of(person: Person) -> set[str]:
    """What they were called, in their account and in lectures."""
    found = set(db.session.scalars(sa.select(Participant.name).where(rows_of(person)).distinct()))
    browsers = sa.select(GuestSession.name).where(GuestSession.id.in_(person.guest_session_ids))
    found |= set(db.session.scalars(browsers))
    user = db.session.get(User, person.user_id) if person.user_id is not None else None
    return (found | ({user.name} if user else set())) - {"", NOBODY}


@dataclass(frozen=True)
class Numbers:
    """How much there is of somebody, for the question before deleting."""

    rooms: int
    lectures: int
    took_part: int
    files: int
    size: int
    co_hosted: int


def numbers(user: User) -> Numbers:
    """Counted in one query; ``lectures`` are those of the rooms they own."""
    person = person_of_user(user)
    sent = sa.select(sa.func.count(), sa.func.coalesce(sa.func.sum(StoredFile.size), 0))
    files = sent.where(files_of(person)).subquery()
    rooms = sa.select(sa.func.count()).select_from(Room).where(Room.owner_id == user.id)
    lectures = sa.select(sa.func.count(Lecture.id)).join(Room, Room.id == Lecture.room_id)
    took_part = sa.select(sa.func.count(sa.distinct(Participant.lecture_id))).where(rows_of(person))
    hosted = sa.select(sa.func.count()).select_from(RoomHost).where(RoomHost.user_id == user.id)
    row = db.session.execute(
        sa.select(
            rooms.scalar_subquery(),
            lectures.where(Room.owner_id == user.id).scalar_subquery(),
            took_part.scalar_subquery(),
            *files.c,
            hosted.scalar_subquery(),
        )
    ).one()
    return Numbers(*map(int, row))


def plugins_that_are_off() -> list[str]:
    """Those that said what they keep of people, and aren't there to change what they made of it."""
    known = db.session.scalars(sa.select(PersonalColumn.plugin).distinct().order_by(PersonalColumn.plugin))
    return [name for name in known if name not in plugins.loaded]


def rooms_of(user_id: int) -> Sequence[int]:
    """Ids of the rooms they own."""
    return db.session.scalars(sa.select(Room.id).where(Room.owner_id == user_id).order_by(Room.id)).all()
