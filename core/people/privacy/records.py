"""What core itself has stored about somebody, table by table; no hash, no secret, no key."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from flask_babel import gettext as _

from core.contracts import Person
from core.db import db
from core.exports.models import Export
from core.files.models import StoredFile
from core.lectures.models import Lecture, LectureShare, Participant, rows_of
from core.models import AuditEntry, GuardPass, Waiting
from core.people.models import GuestSession, OneTimeLink, PersonExport, User
from core.people.privacy import mentions
from core.people.privacy.persons import files_of, names_of, of_person
from core.rooms.models import Room, RoomHost

AT_ONCE = 500


@dataclass(frozen=True)
class Record:
    """A file of the ZIP: ``name`` without its ending, and in words what is in it."""

    name: str
    about: str
    query: Any

    def rows(self) -> Iterator[dict[str, Any]]:
        """One after the other, however many there are."""
        found = db.session.execute(self.query.execution_options(yield_per=AT_ONCE))
        return (dict(row) for row in found.mappings())


def of(person: Person) -> list[Record]:
    """Everything, in the order in which it is read."""
    return [*_of_account(person), *_of_presence(person), *_of_rooms(person), *_of_traces(person)]


def _of_account(person: Person) -> list[Record]:
    account = _columns(
        User, "email", "name", "is_admin", "locale", "verified_at", "disabled_at", "created_at"
    )
    sessions = _columns(GuestSession, "name", "created_at", "last_seen_at")
    links = _columns(OneTimeLink, "purpose", "email", "created_at", "expires_at", "used_at")
    email = sa.select(User.email).where(User.id == user_id(person)).scalar_subquery()
    mine = sa.or_(OneTimeLink.user_id == user_id(person), OneTimeLink.email == email)
    return [
        Record("account", _("The account"), account.add_columns(User.last_seen_at).where(_is(person))),
        Record(
            "browsers",
            _("Browsers that were known by a cookie"),
            sessions.where(GuestSession.id.in_(person.guest_session_ids)),
        ),
        Record("links", _("Links that were sent by mail, without the links themselves"), links.where(mine)),
    ]


def _is(person: Person) -> sa.ColumnElement[bool]:
    return User.id == user_id(person)


def _of_presence(person: Person) -> list[Record]:
    columns = (
        Participant.name,
        Participant.role,
        Lecture.title.label("lecture"),
        Lecture.public_id.label("lecture_id"),
        Room.title.label("room"),
        Participant.admitted_at,
        Participant.first_joined_at,
        Participant.left_at,
        Participant.removed_at,
        Participant.seconds_present,
    )
    presence = sa.select(*columns).join(Lecture, Lecture.id == Participant.lecture_id).join(Lecture.room)
    waits = sa.select(Room.title.label("room"), *_of(Waiting, "name", "address", "cause", "since", "seen_at"))
    waits = waits.join(Room, Room.id == Waiting.room_id)
    passes = sa.select(Room.title.label("room"), *_of(GuardPass, "guard", "passed_at"))
    passes = passes.join(Room, Room.id == GuardPass.room_id)
    waiting = of_person(Waiting.user_id, Waiting.guest_session_id, person)
    return [
        Record(
            "lectures",
            _("Lectures in which you took part: under which name, from when to when"),
            presence.where(rows_of(person)).order_by(Participant.id),
        ),
        Record("waiting", _("Doors before which you wait now"), waits.where(waiting)),
        Record(
            "passes",
            _("Questions at doors that you have answered"),
            passes.where(GuardPass.guest_session_id.in_(person.guest_session_ids)),
        ),
    ]


def _of_rooms(person: Person) -> list[Record]:
    rooms = _columns(
        Room, "title", "description", "language", "code", "settings", "created_at", "archived_at"
    )
    hosted = sa.select(Room.title, Room.public_id, RoomHost.added_at).join(Room, Room.id == RoomHost.room_id)
    given = _columns(Lecture, "public_id", "title", "language", "started_at", "ended_at", "deleted_at")
    shares = sa.select(
        Lecture.title.label("lecture"), *_of(LectureShare, "label", "created_at", "expires_at", "revoked_at")
    ).join(Lecture, Lecture.id == LectureShare.lecture_id)
    me = user_id(person)
    return [
        Record("rooms", _("Rooms that you own"), rooms.where(Room.owner_id == me).order_by(Room.id)),
        Record("co_hosted", _("Rooms in which you are a co-host"), hosted.where(RoomHost.user_id == me)),
        Record("given", _("Lectures that you have started"), given.where(Lecture.started_by_id == me)),
        Record(
            "shares",
            _("Links by which you have shared lectures"),
            shares.where(LectureShare.created_by_id == me),
        ),
    ]


def _of_traces(person: Person) -> list[Record]:
    exports = sa.select(
        Lecture.title.label("lecture"), *_of(Export, "exporter", "options", "state", "asked_at", "over_at")
    ).join(Lecture, Lecture.id == Export.lecture_id)
    user = db.session.get(User, person.user_id) if person.user_id is not None else None
    told = mentions.entries(person, user.email if user else "", names_of(person))
    log = _columns(AuditEntry, "at", "action", "actor_name", "target", "details")
    own = _columns(PersonExport, "asked_at", "state", "over_at", "size")
    me = user_id(person)
    return [
        Record(
            "exports",
            _("Exports of lectures that you have asked for"),
            exports.where(of_person(Export.user_id, Export.guest_session_id, person)),
        ),
        Record("own_data", _("Copies of your data, such as this one"), own.where(PersonExport.user_id == me)),
        Record(
            "log",
            _("What the log of actions has by you and about you"),
            log.where(told).order_by(AuditEntry.id),
        ),
    ]


def user_id(person: Person) -> int:
    """Of the account; a number that none has, for guests."""
    return person.user_id if person.user_id is not None else -1


def files(person: Person) -> list[StoredFile]:
    """What they have sent, in the order in which it was."""
    return list(db.session.scalars(sa.select(StoredFile).where(files_of(person)).order_by(StoredFile.id)))


def _columns(model: Any, *names: str) -> sa.Select[Any]:
    return sa.select(*_of(model, *names))


def _of(model: Any, *names: str) -> list[Any]:
    return [getattr(model, name) for name in names]
