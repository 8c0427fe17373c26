"""The line before a room's door: who stands in it, where, and what was decided about whom."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from flask_babel import gettext as _
from sqlalchemy.dialects.postgresql import insert

from core.api import (
    JoinRequest,
    Lecture,
    Participant,
    Room,
    User,
    Verdict,
    Viewer,
    Waiting,
    db,
    live_in,
    new_public_id,
    notify,
    now,
)
from plugins.lobby.models import APPROVED, PENDING, REJECTED, Door, Entry
from plugins.lobby.names import name_key

# A hint of the bus must stay far below PostgreSQL's 8,000 bytes.
MOST_IN_A_HINT = 500
MAY_ASK_AGAIN_AFTER = timedelta(minutes=1)
MOST_REJECTIONS = 2
SEEN = (
    Entry.id,
    Entry.guest_session_id,
    Entry.user_id,
    Entry.state,
    Entry.decided_at,
    Entry.words,
    Entry.rejections,
    Entry.lecture_id,
)


# --- what is known at the door --------------------------------------------------------


@dataclass(frozen=True)
class Seen:
    """All that the guard has to know, read by two queries for however many."""

    live: int | None
    ended: datetime | None
    door: Door | None = None
    rows: Mapping[str, Any] = field(default_factory=dict)

    def holds(self, lecture_id: int | None, at: datetime | None) -> bool:
        """Whether what was decided then is in force now."""
        if at is None:
            return False
        return lecture_id == self.live if lecture_id is not None else self.ended is None or at > self.ended

    @property
    def is_open(self) -> bool:
        return self.door is not None and self.holds(self.door.opened_in, self.door.opened_at)

    @property
    def message(self) -> str:
        said = self.door is not None and self.holds(self.door.said_in, self.door.said_at)
        return self.door.message if said and self.door else ""


def door_of(room: Room, live: int | None) -> Seen:
    """How the door stands now."""
    query = sa.select(Door, _last_end(room.id)).select_from(Room).where(Room.id == room.id)
    found = query.outerjoin(Door, Door.room_id == Room.id).execution_options(populate_existing=True)
    door, ended = db.session.execute(found).one()
    return Seen(live, ended, door)


def seen(room: Room, joins: Sequence[JoinRequest]) -> Seen:
    """How the door stands, and the entries of those who join, by ``join.key``."""
    standing = door_of(room, joins[0].lecture_id)
    rows = _by_key(db.session.execute(sa.select(*SEEN).where(_theirs(room.id, joins))).all(), joins)
    return Seen(standing.live, standing.ended, standing.door, rows)


def seen_where_nobody_waits(room: Room, joins: Sequence[JoinRequest]) -> Seen:
    """Only those whom a host has rejected: one query that mostly finds nothing."""
    query = sa.select(*SEEN, _last_end(room.id).label("ended"))
    found = db.session.execute(query.where(_theirs(room.id, joins), Entry.rejections > 0)).all()
    ended = found[0].ended if found else None
    return Seen(joins[0].lecture_id, ended, None, _by_key(found, joins))


def _last_end(room_id: int) -> sa.ScalarSelect[Any]:
    return sa.select(sa.func.max(Lecture.ended_at)).where(Lecture.room_id == room_id).scalar_subquery()


def _theirs(room_id: int, joins: Sequence[JoinRequest]) -> sa.ColumnElement[bool]:
    sessions = [join.guest_session_id for join in joins]
    users = [join.user_id for join in joins if join.user_id]
    mine = Entry.guest_session_id.in_(sessions)
    return sa.and_(Entry.room_id == room_id, sa.or_(mine, Entry.user_id.in_(users)) if users else mine)


def _by_key(rows: Sequence[Any], joins: Sequence[JoinRequest]) -> dict[str, Any]:
    """By account, else by guest session; who signs in while waiting is still the one who asked."""
    users = {row.user_id: row for row in rows if row.user_id}
    guests = {row.guest_session_id: row for row in rows if not row.user_id}
    found = {join.key: users.get(join.user_id) or guests.get(join.guest_session_id) for join in joins}
    return {key: row for key, row in found.items() if row is not None}


def denied(row: Any) -> Verdict | None:
    """No while the minute lasts, and for good after the second time; None when they may ask again."""
    said = _("A host didn't let you in.") + (f" “{row.words}” " if row.words else " ")
    if row.rejections >= MOST_REJECTIONS:
        return Verdict.deny(said + _("Only a host can change that: please write to them."))
    left = (row.decided_at + MAY_ASK_AGAIN_AFTER - now()).total_seconds()
    if left <= 0:
        return None
    return Verdict.deny(said + _("You may ask again in a minute."), retry_after=math.ceil(left))


def entry_of(room: Room, who: Viewer) -> Any:
    """The entry of a caller, by account, else by guest session; None for a stranger."""
    mine = sa.or_(
        Entry.guest_session_id == who.guest_session_id if who.guest_session_id else sa.false(),
        Entry.user_id == who.user_id if who.user_id else sa.false(),
    )
    query = sa.select(*SEEN).where(Entry.room_id == room.id, mine)
    return db.session.execute(query.order_by(Entry.user_id.is_(None)).limit(1)).one_or_none()


def missed(room: Room, row: Any) -> Verdict | None:
    """What somebody was told when nobody heard it: that they were sent away."""
    if row.state != REJECTED:
        return None
    lecture = live_in(room)
    known = door_of(room, lecture.id if lecture else None)
    return denied(row) if known.holds(row.lecture_id, row.decided_at) else None


def there(room_id: int) -> sa.ColumnElement[bool]:
    """The row of core by which somebody's entry stands in line."""
    return sa.and_(Waiting.room_id == room_id, Waiting.guest_session_id == Entry.guest_session_id)


def places(room: Room, known: Seen) -> dict[int, int]:
    """Where those stand who still wait, by their entry; the whole line is walked once, or not at all."""
    pending = [row.id for row in known.rows.values() if row.state == PENDING]
    if not pending:
        return {}
    place = sa.func.row_number().over(order_by=(Entry.asked_at, Entry.id)).label("place")
    stands = Entry.room_id == room.id, Entry.state == PENDING, Waiting.left_at.is_(None)
    line = sa.select(Entry.id, place).join(Waiting, there(room.id)).where(*stands).subquery()
    rows = db.session.execute(sa.select(line.c.id, line.c.place).where(line.c.id.in_(pending)))
    return {row.id: row.place for row in rows}


def removals_after(joins: Sequence[JoinRequest]) -> dict[str, datetime]:
    """When those who were removed from this lecture were, by ``join.key``; asks nothing for nobody."""
    removed = [join for join in joins if join.removed]
    if not removed:
        return {}
    sessions, users = {j.guest_session_id for j in removed}, {j.user_id for j in removed if j.user_id}
    query = sa.select(Participant.guest_session_id, Participant.user_id, Participant.removed_at).where(
        Participant.lecture_id == removed[0].lecture_id,
        Participant.removed_at.is_not(None),
        sa.or_(Participant.guest_session_id.in_(sessions), Participant.user_id.in_(users)),
    )
    rows = db.session.execute(query.order_by(Participant.removed_at)).all()
    by_user = {row.user_id: row.removed_at for row in rows if row.user_id}
    by_guest = {row.guest_session_id: row.removed_at for row in rows if not row.user_id}
    found = {j.key: by_user.get(j.user_id) or by_guest.get(j.guest_session_id) for j in removed}
    return {key: at for key, at in found.items() if at is not None}


# --- standing in line -----------------------------------------------------------------


def stand(room: Room, join: JoinRequest, row: Any, *, holds: bool) -> None:
    """Somebody begins to wait, or goes on; ``row`` is what the guard saw of them.

    A host who decides meanwhile wins: only what is still as it was seen is changed.
    """
    who = {
        "name": join.name,
        "name_key": name_key(join.name),
        "guest_session_id": join.guest_session_id,
        "user_id": join.user_id,
    }
    if row is None:
        _insert(room, who)
    elif row.state == PENDING:
        stays = sa.exists().where(there(room.id))
        asked = sa.case((stays, Entry.asked_at), else_=now())
        _update(sa.update(Entry).where(Entry.id == row.id).values(**who, asked_at=asked))
    else:
        again = {"state": PENDING, "asked_at": now(), "words": ""}
        forgotten = {} if holds else {"rejections": 0, "decided_at": None, "lecture_id": None}
        same = Entry.id == row.id, Entry.state == row.state, Entry.decided_at == row.decided_at
        _update(sa.update(Entry).where(*same).values(**who, **again, **forgotten))


def _insert(room: Room, who: dict[str, Any]) -> None:
    mine = Participant.guest_session_id == who["guest_session_id"]
    if who["user_id"]:
        mine = sa.or_(mine, Participant.user_id == who["user_id"])
    before = sa.exists().where(Participant.lecture_id == Lecture.id, Lecture.room_id == room.id, mine)
    values = {
        **who,
        "public_id": new_public_id(),
        "room_id": room.id,
        "state": PENDING,
        "asked_at": now(),
        "words": "",
        "rejections": 0,
        "returning": sa.select(before).scalar_subquery(),
    }
    db.session.execute(insert(Entry).values(values).on_conflict_do_nothing())


def _update(statement: Any) -> None:
    db.session.execute(statement.execution_options(synchronize_session=False))


# --- deciding -------------------------------------------------------------------------


def decide(
    room: Room, chosen: sa.ColumnElement[bool], state: str, by: int, words: str, live: int | None
) -> Sequence[Any]:
    """Approve or reject those of the chosen about whom nobody has decided yet; who they are."""
    made = (
        sa.update(Entry)
        .where(Entry.room_id == room.id, chosen)
        .values(
            state=state,
            decided_at=now(),
            decided_by_id=by,
            words=words,
            lecture_id=live,
            rejections=Entry.rejections + int(state == REJECTED),
        )
        .returning(Entry.public_id, Entry.name, Entry.guest_session_id, Entry.user_id)
        .execution_options(synchronize_session=False)
    )
    return db.session.execute(made).all()


def tell(room: Room, decided: Sequence[Any]) -> None:
    """Wake those who were decided about, at whatever device they wait, and the hosts."""
    users = [row.user_id for row in decided if row.user_id]
    sessions = {row.guest_session_id for row in decided if row.guest_session_id}
    if users:
        other = Waiting.room_id == room.id, Waiting.user_id.in_(users)
        sessions.update(db.session.scalars(sa.select(Waiting.guest_session_id).where(*other)))
    for part in _parts(sorted(sessions)):
        # The others move up in the line; a thousand looks at every click would be a load for nothing.
        notify(f"room:{room.id}", sessions=part, soon=True)
    tell_hosts(room)


def _parts(sessions: list[int]) -> Iterable[list[int]]:
    return (sessions[n : n + MOST_IN_A_HINT] for n in range(0, len(sessions), MOST_IN_A_HINT))


def tell_hosts(room: Room) -> None:
    """Wake the hosts' pages when this commits."""
    notify(f"lobby:{room.id}")


def clear_after(room_id: int, lecture: Lecture) -> None:
    """What was decided for a lecture goes with its end; so do those who asked and left."""
    over = sa.or_(
        Entry.lecture_id == lecture.id,
        sa.and_(Entry.lecture_id.is_(None), Entry.decided_at <= lecture.ended_at),
    )
    left = sa.and_(Entry.asked_at <= lecture.ended_at, ~sa.exists().where(there(room_id)))
    decided = Entry.state.in_((APPROVED, REJECTED)), over
    mine = sa.and_(Entry.room_id == room_id, sa.or_(sa.and_(*decided), sa.and_(Entry.state == PENDING, left)))
    _update(sa.delete(Entry).where(mine))


def user_of(user_id: int | None) -> User | None:
    return db.session.get(User, user_id) if user_id else None
