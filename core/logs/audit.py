"""The audit log for admins: who did what to whom, filtered, page by page, and as a table to take along."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from core.db import db
from core.lectures.models import Lecture
from core.lectures.tables import BEGINNING, csv_rows
from core.lists import Order
from core.models import AuditEntry
from core.people.models import User
from core.rooms.models import Room

PAGE, ROWS_AT_ONCE = 50, 1000
LONGEST_WORD = 200
NEWEST_FIRST = Order(AuditEntry.at, AuditEntry.id, down=True)
COLUMNS = ("Time", "Who", "Action", "To whom", "Room", "Lecture", "Details")


@dataclass(frozen=True)
class Wanted:
    """What an admin looks for; empty fields ask for nothing.

    ``who``: part of a name, or a whole mail address. ``action``: a whole one, or with a dot at its end all of
    its family: ``room.``. ``room``: its public id. ``text``: part of whom or what it was done to. ``before``:
    where the last page ended, ``Page.older``.
    """

    who: str = ""
    action: str = ""
    room: str = ""
    since: datetime | None = None
    until: datetime | None = None
    text: str = ""
    before: str = ""


@dataclass(frozen=True)
class Deed:
    """One entry, with the names of today; the ids of room and lecture are public ones, empty when deleted."""

    id: int
    at: datetime
    action: str
    who: str
    target: str
    details: dict[str, Any]
    room: str = ""
    room_id: str = ""
    lecture: str = ""
    lecture_id: str = ""


@dataclass(frozen=True)
class Page:
    """Newest first; ``older`` goes into ``Wanted.before`` and is empty on the last page."""

    deeds: list[Deed]
    older: str


def page(wanted: Wanted, size: int = PAGE) -> Page:
    """One page, in one query."""
    size = max(1, min(size, ROWS_AT_ONCE))
    part = NEWEST_FIRST.part(_query(wanted), {"after": wanted.before}, size)
    return Page([_deed(row) for row in part.items], part.later)


def actions() -> list[str]:
    """All actions that were ever recorded, for a choice. Asks the index for one after the other."""
    first = sa.select(sa.func.min(AuditEntry.action).label("action")).cte("seen", recursive=True)
    following = sa.select(sa.func.min(AuditEntry.action)).where(AuditEntry.action > first.c.action)
    seen = first.union_all(sa.select(following.scalar_subquery()).where(first.c.action.is_not(None)))
    return [name for name in db.session.scalars(sa.select(seen.c.action)) if name is not None]


def as_csv(wanted: Wanted) -> Iterator[str]:
    """All of it as CSV, in pieces; each piece is a query of its own, so that none takes long."""
    yield BEGINNING + csv_rows([COLUMNS])
    while True:
        found = page(wanted, ROWS_AT_ONCE)
        # Nobody else shall wait for this connection while the browser reads.
        db.session.rollback()
        yield csv_rows(map(_cells, found.deeds))
        if not found.older:
            return
        wanted = replace(wanted, before=found.older)


def _query(wanted: Wanted) -> Any:
    query = (
        sa.select(AuditEntry, User.name, Room.title, Room.public_id, Lecture.title, Lecture.public_id)
        .outerjoin(User, User.id == AuditEntry.actor_id)
        .outerjoin(Room, Room.id == AuditEntry.room_id)
        .outerjoin(Lecture, sa.and_(Lecture.id == AuditEntry.lecture_id, Lecture.deleted_at.is_(None)))
    )
    return query.where(*_conditions(wanted))


def _conditions(wanted: Wanted) -> Iterator[sa.ColumnElement[bool]]:
    if wanted.who:
        yield _by(wanted.who)
    if wanted.action.endswith("."):
        yield AuditEntry.action.startswith(wanted.action[:LONGEST_WORD], autoescape=True)
    elif wanted.action:
        yield AuditEntry.action == wanted.action
    if wanted.room:
        room = sa.select(Room.id).where(Room.public_id == wanted.room)
        yield AuditEntry.room_id == room.scalar_subquery()
    if wanted.since is not None:
        yield AuditEntry.at >= wanted.since
    if wanted.until is not None:
        yield AuditEntry.at < wanted.until
    if wanted.text:
        yield AuditEntry.target.icontains(wanted.text[:LONGEST_WORD], autoescape=True)


def _by(who: str) -> sa.ColumnElement[bool]:
    if "@" in who:
        account = sa.select(User.id).where(User.email == who.strip().lower())
        return AuditEntry.actor_id == account.scalar_subquery()
    return AuditEntry.actor_name.icontains(who[:LONGEST_WORD], autoescape=True)


def _deed(row: Any) -> Deed:
    entry, name, room, room_id, lecture, lecture_id = row
    return Deed(
        id=entry.id,
        at=entry.at,
        action=entry.action,
        who=name or entry.actor_name,
        target=entry.target,
        details=entry.details,
        room=room or "",
        room_id=room_id or "",
        lecture=lecture or "",
        lecture_id=lecture_id or "",
    )


def _cells(deed: Deed) -> tuple[str, ...]:
    details = json.dumps(deed.details, ensure_ascii=False) if deed.details else ""
    return (deed.at.isoformat(), deed.who, deed.action, deed.target, deed.room, deed.lecture, details)
