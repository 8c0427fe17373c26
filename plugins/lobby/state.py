"""What a host sees: who stands in line with what there is to know of each, and how the door stands."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import sqlalchemy as sa

from core.api import Answer, Participant, Room, User, Waiting, co_hosts, db, live_in, now, room_settings
from plugins.lobby.line import Seen, door_of, there
from plugins.lobby.models import PENDING, REJECTED, Entry, Listed
from plugins.lobby.names import name_key
from plugins.lobby.settings import RoomSettings

MOST_SHOWN = 300
MOST_REJECTED_SHOWN = 100
MOST_DECIDED_SHOWN = 10
MOST_NAMES_INSIDE = 2_000
LONGEST_SEARCH = 100
# Core notes once a minute who is there; whose worker died without a word has gone after this.
NOT_SEEN_FOR = timedelta(minutes=3)


class Person(Answer):
    """Somebody in line. ``listed`` by a verified address, ``named`` by the name they typed."""

    id: str
    name: str
    since: str
    returning: bool
    gone: bool
    account: bool
    asked_before: bool
    doubled: bool
    like_host: bool
    listed: bool
    named: bool

    @property
    def is_doubtful(self) -> bool:
        return self.like_host or (self.doubled and not self.listed)


class Past(Answer):
    """Somebody who was decided about."""

    id: str
    name: str
    state: str
    words: str
    by: str
    at: str
    times: int


class State(Answer):
    """``total`` stand in line, ``found`` match the search, ``people`` are those shown.

    ``ready`` have been let in, or needn't wait, and come in when the lecture starts.
    """

    live: bool
    who_waits: str
    open: bool
    message: str
    class_list: int
    total: int
    found: int
    ready: int
    people: list[Person]
    rejected: list[Past]
    decided: list[Past]


def of(room: Room, search: str = "") -> State:
    """The state of a room's door now."""
    lecture = live_in(room)
    standing = door_of(room, lecture.id if lecture else None)
    total = _count(room)
    wanted = _wanted(search)
    return State(
        live=lecture is not None,
        who_waits=room_settings(room, RoomSettings).who_waits,
        open=standing.is_open,
        message=standing.message,
        class_list=_listed(room),
        total=total,
        found=total if wanted is None else _count(room, wanted),
        ready=_ready(room, total),
        people=_people(room, MOST_SHOWN, wanted, standing.live),
        rejected=_past(room, standing, Entry.state == REJECTED, MOST_REJECTED_SHOWN),
        decided=_past(room, standing, Entry.state != PENDING, MOST_DECIDED_SHOWN),
    )


def on_class_list(room: Room, most: int) -> list[Person]:
    """Those in line who match the class list."""
    lecture = live_in(room)
    live = lecture.id if lecture else None
    return _people(room, most, sa.or_(_is_listed(room), _is_named(room)), live)


def _wanted(search: str) -> sa.ColumnElement[bool] | None:
    text = search.replace("\0", "").strip()[:LONGEST_SEARCH]
    return Entry.name.icontains(text, autoescape=True) if text else None


def _in_line(room: Room) -> tuple[sa.ColumnElement[bool], sa.ColumnElement[bool]]:
    return Entry.room_id == room.id, Entry.state == PENDING


def _count(room: Room, *wanted: sa.ColumnElement[bool]) -> int:
    query = sa.select(sa.func.count()).select_from(Entry).join(Waiting, there(room.id))
    return db.session.scalar(query.where(*_in_line(room), *wanted)) or 0


def _ready(room: Room, in_line: int) -> int:
    waiting = sa.select(sa.func.count()).select_from(Waiting).where(Waiting.room_id == room.id)
    return max(0, (db.session.scalar(waiting) or 0) - in_line)


def _listed(room: Room) -> int:
    query = sa.select(sa.func.count()).select_from(Listed).where(Listed.room_id == room.id)
    return db.session.scalar(query) or 0


# --- those in line --------------------------------------------------------------------


@dataclass(frozen=True)
class Others:
    """Names that somebody in line may not have without being flagged."""

    hosts: frozenset[str]
    in_line: frozenset[str]
    inside: dict[str, set[tuple[int | None, int | None]]]

    def has(self, row: Any) -> bool:
        """Whether somebody else goes by this name."""
        inside = self.inside.get(row.name_key, set())
        return row.name_key in self.in_line or any(not _is_same(row, one) for one in inside)


def _is_same(row: Any, one: tuple[int | None, int | None]) -> bool:
    user, session = one
    return bool((user is not None and user == row.user_id) or session == row.guest_session_id)


def _people(room: Room, most: int, wanted: sa.ColumnElement[bool] | None, live: int | None) -> list[Person]:
    query = (
        sa.select(
            Entry.public_id,
            Entry.name,
            Entry.name_key,
            Entry.asked_at,
            Entry.returning,
            Entry.rejections,
            Entry.user_id,
            Entry.guest_session_id,
            sa.or_(Waiting.left_at.is_not(None), Waiting.seen_at < now() - NOT_SEEN_FOR).label("gone"),
            _is_listed(room).label("listed"),
            _is_named(room).label("named"),
        )
        .join(Waiting, there(room.id))
        .where(*_in_line(room), *([] if wanted is None else [wanted]))
    )
    rows = db.session.execute(query.order_by(Entry.asked_at, Entry.id).limit(most)).all()
    others = _others(room, live) if rows else Others(frozenset(), frozenset(), {})
    return [_person(row, others) for row in rows]


def _person(row: Any, others: Others) -> Person:
    return Person(
        id=row.public_id,
        name=row.name,
        since=row.asked_at.isoformat(),
        returning=row.returning,
        gone=row.gone,
        account=row.user_id is not None,
        asked_before=row.rejections > 0,
        doubled=others.has(row),
        like_host=row.name_key in others.hosts,
        listed=row.listed,
        named=row.named and not row.listed,
    )


def _is_listed(room: Room) -> sa.ColumnElement[bool]:
    mine = User.id == Entry.user_id, Listed.email == sa.func.lower(User.email)
    return sa.exists().where(Listed.room_id == room.id, Listed.email != "", *mine).correlate(Entry)


def _is_named(room: Room) -> sa.ColumnElement[bool]:
    mine = Listed.name_key != "", Listed.name_key == Entry.name_key
    return sa.exists().where(Listed.room_id == room.id, *mine).correlate(Entry)


def _others(room: Room, live: int | None) -> Others:
    hosts = frozenset(name_key(host.name) for host in (room.owner, *co_hosts(room)))
    twice = sa.select(Entry.name_key).join(Waiting, there(room.id)).where(*_in_line(room))
    in_line = db.session.scalars(twice.group_by(Entry.name_key).having(sa.func.count() > 1))
    return Others(hosts, frozenset(in_line), _inside(live))


def _inside(live: int | None) -> dict[str, set[tuple[int | None, int | None]]]:
    found: dict[str, set[tuple[int | None, int | None]]] = {}
    if live is None:
        return found
    query = sa.select(Participant.name, Participant.user_id, Participant.guest_session_id)
    mine = Participant.lecture_id == live, Participant.removed_at.is_(None), Participant.role == "guest"
    for name, user, session in db.session.execute(query.where(*mine).limit(MOST_NAMES_INSIDE)):
        found.setdefault(name_key(name), set()).add((user, session))
    return found


# --- those decided about --------------------------------------------------------------


def _past(room: Room, standing: Seen, which: sa.ColumnElement[bool], most: int) -> list[Past]:
    """The latest decisions that are in force."""
    query = (
        sa.select(Entry, User.name.label("by"))
        .outerjoin(User, User.id == Entry.decided_by_id)
        .where(Entry.room_id == room.id, which)
        .order_by(Entry.decided_at.desc())
        .limit(most)
    )
    rows = db.session.execute(query.execution_options(populate_existing=True)).all()
    return [_decided(row, by) for row, by in rows if standing.holds(row.lecture_id, row.decided_at)]


def _decided(row: Entry, by: str | None) -> Past:
    return Past(
        id=row.public_id,
        name=row.name,
        state=row.state,
        words=row.words,
        by=by or "",
        at=row.decided_at.isoformat() if row.decided_at else "",
        times=row.rejections,
    )
