"""Who may enter a room, and with which rights: the only place that turns a join into a token.

A room's hosts always pass. Everybody else is judged by the guards: the strictest verdict wins,
and a guard that fails or is missing keeps the door shut.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from dataclasses import field as with_default
from datetime import timedelta
from functools import partial
from typing import Any, cast

import sqlalchemy as sa
from flask_babel import gettext as _
from sqlalchemy.dialects.postgresql import insert

from core.bus import waiting_changed
from core.config import config
from core.contracts import Grants, JoinRequest, Kind, Verdict
from core.db import db, inserted, new_public_id, now
from core.engine import room_plugins
from core.engine.plugins import plugins
from core.lectures.models import Lecture, Participant, live_in
from core.livekit.gate import may_connect
from core.livekit.tokens import join_token
from core.models import GuardPass, Waiting
from core.people.fingerprints import keyed
from core.rooms.models import Room
from core.rooms.settings import room_grants

__all__ = ["Answered", "Decision", "Ticket", "decide", "let_in", "may_connect", "narrow", "ticket_for"]

HOST_ABSENT = "host_absent"
UNAVAILABLE = "unavailable"
# Every right answer removes one question; more rounds than guards would mean a guard that never learns.
ROUNDS = 10
# Whose page wasn't seen for longer than this has gone, and doesn't fill the room's waiting places.
STILL_THERE = timedelta(minutes=3)
ALL = Grants()
# Into the table, not by the mapper: the hundred at nine o'clock need no unit of work.
NEW_ROWS = (
    insert(cast(sa.Table, Participant.__table__))
    .on_conflict_do_nothing()
    .returning(sa.column("id", sa.BigInteger), sa.column("identity", sa.Text))
)


@dataclass(frozen=True)
class Ticket:
    """What a browser needs to connect."""

    token: str
    livekit_url: str
    identity: str
    lecture_id: str
    name: str
    role: str


@dataclass(frozen=True)
class Decision:
    """What becomes of a join: ``admitted`` with a ticket, ``waiting``, ``asked`` or ``denied``.

    ``stream`` is where to wait, below the room's address; empty for core's own stream.
    """

    status: str
    reason: str = ""
    code: str = ""
    ticket: Ticket | None = None
    field: str = ""
    label: str = ""
    retry_after: int = 0
    info: Mapping[str, Any] = with_default(default_factory=dict)
    stream: str = ""


@dataclass(frozen=True)
class Answered:
    """An answer that came with a join: the field it is for, and what was typed."""

    field: str
    value: str


@dataclass(frozen=True)
class Known:
    """What was already found of those who join, so that it isn't looked up again.

    ``rows`` are the participant rows in force, by ``join.key``; who isn't in it has none.
    It ``is_fresh`` until something has taken its time.
    """

    rows: Mapping[str, Participant]
    waits: bool = True
    is_fresh: bool = True


def decide(
    room: Room, lecture: Lecture | None, join: JoinRequest, answer: Answered | None, known: Known
) -> Decision:
    """Judge one join that came with a request; may note a wait or a guard's pass."""
    _stand_in_line(room, lecture)
    for _round in range(ROUNDS):
        guard, verdict = _strictest(room, [join])[join.key]
        if verdict is None or verdict.kind is not Kind.ASK or not _is_for(verdict, answer):
            break
        objection = _checked(room, verdict, answer.value)  # type: ignore[union-attr]
        lecture, known = live_in(room), replace(known, is_fresh=False)
        join = replace(join, lecture_id=lecture.id if lecture else None)
        _stand_in_line(room, lecture)
        if objection is not None:
            return _act(room, lecture, join, guard, objection, known)
        _remember(room, lecture, guard, [join.guest_session_id])
        join, answer = replace(join, passes=join.passes | {guard}), None
    return _act(room, lecture, join, guard, verdict, known)


def _checked(room: Room, verdict: Verdict, value: str) -> Verdict | None:
    """A check may take its time: meanwhile nothing is locked, and no connection is held."""
    assert verdict.check is not None
    db.session.commit()
    objection = verdict.check(value)
    room_plugins.forget(room)
    return objection


def look_again(
    room: Room, lecture: Lecture | None, joins: Sequence[JoinRequest], causes: Mapping[int, str]
) -> dict[str, Decision]:
    """Judge everybody who waits, at once; by ``join.key``.

    ``causes`` says, by guest session, what each was waiting for so far.
    """
    _stand_in_line(room, lecture)
    verdicts = _strictest(room, joins)
    free = [join for join in joins if verdicts[join.key][1] is None]
    made = let_in(room, lecture, free) if lecture else {}
    _wait_for_others(room, verdicts, [join for join in joins if join.key not in made], causes)
    return {
        join.key: made[join.key]
        if join.key in made
        else _said(*verdicts[join.key])
        for join in joins
    }  # fmt: skip


def _stand_in_line(room: Room, lecture: Lecture | None) -> None:
    """Who decides about everybody inside (``core.order``) waits for joins, and joins wait for them.

    Else somebody who was judged before a ban or a panic could come in behind it.
    """
    if lecture is None or not (plugins.users_of("admit") or plugins.users_of("narrow_grants")):
        return
    waits = sa.select(Lecture.id).where(Lecture.id == lecture.id)
    db.session.execute(waits.with_for_update(key_share=True, read=True))
    # Switches that were read before may be older than the decision that was waited for.
    room_plugins.forget(room)


# --- verdicts -------------------------------------------------------------------------


def _strictest(room: Room, joins: Sequence[JoinRequest]) -> dict[str, tuple[str, Verdict | None]]:
    """The winning guard and its verdict for each join; no verdict where nobody objects."""
    won: dict[str, tuple[str, Verdict | None]] = {join.key: ("", None) for join in joins}
    if not joins:
        return won
    if missing := room_plugins.missing_guards(room):
        return dict.fromkeys(won, (sorted(missing)[0], _refusal()))
    for plugin, answers in plugins.ask("admit", room=room, joins=joins):
        for key, verdict in answers.items():
            if key in won and _stricter(verdict, won[key][1]):
                won[key] = (plugin, verdict)
    return won


def _stricter(one: Verdict, other: Verdict | None) -> bool:
    return other is None or one.kind > other.kind


def _refusal() -> Verdict:
    return Verdict.deny(_("This room can't be entered right now. The host has been told what to do."))


def _is_for(verdict: Verdict, answer: Answered | None) -> bool:
    return answer is not None and verdict.check is not None and answer.field == verdict.field


def remember_pass(room: Room, guard: str, guest_session_ids: Sequence[int]) -> None:
    """Let these people pass a guard's question until the lecture, or the next one, has ended.

    As if they had answered rightly; effective with the commit. Wake them with ``notify``.
    """
    if guest_session_ids:
        _remember(room, live_in(room), guard, guest_session_ids)


def _remember(
    room: Room, lecture: Lecture | None, guard: str, guest_session_ids: Sequence[int | None]
) -> None:
    lecture_id = lecture.id if lecture else None
    rows = [
        {"room_id": room.id, "guest_session_id": session, "guard": guard, "lecture_id": lecture_id}
        for session in guest_session_ids
    ]
    unique = ["room_id", "guest_session_id", "guard"]
    made = insert(GuardPass).values(rows)
    db.session.execute(made.on_conflict_do_update(index_elements=unique, set_={"lecture_id": lecture_id}))


# --- what becomes of it ---------------------------------------------------------------


def _act(
    room: Room,
    lecture: Lecture | None,
    join: JoinRequest,
    guard: str,
    verdict: Verdict | None,
    known: Known,
) -> Decision:
    if verdict is None and lecture is not None:
        return let_in(room, lecture, [join], known)[join.key]
    if verdict is None or verdict.kind is Kind.WAIT:
        if _too_many(room, join):
            return Decision("denied", _("Too many people are waiting already. Try again later."), "full")
        if verdict is not None and verdict.start is not None:
            verdict.start(join)
        _note_waiting(room, join, guard or HOST_ABSENT)
    return _said(guard, verdict)


def _wait_for_others(
    room: Room,
    verdicts: Mapping[str, tuple[str, Verdict | None]],
    joins: Sequence[JoinRequest],
    causes: Mapping[int, str],
) -> None:
    """Who waits for another guard from now on begins to wait for it: a host can switch guards meanwhile."""
    for join in joins:
        guard, verdict = verdicts[join.key]
        before, cause = causes.get(join.guest_session_id or 0), guard or HOST_ABSENT
        waits = verdict is None or verdict.kind is Kind.WAIT
        if waits and before not in (None, cause):
            _begin(guard, partial(_change_cause, room, verdict, join, before, cause))


def _change_cause(
    room: Room, verdict: Verdict | None, join: JoinRequest, before: str | None, cause: str
) -> None:
    """Only who changed it begins: another worker may hold a stream of the same person."""
    mine = (Waiting.room_id == room.id, Waiting.guest_session_id == join.guest_session_id)
    changed = sa.update(Waiting).where(*mine, Waiting.cause == before).values(cause=cause)
    if db.session.scalar(changed.returning(Waiting.id)) is None:
        return
    if verdict is not None and verdict.start is not None:
        verdict.start(join)
    waiting_changed(room.id)


def _begin(guard: str, work: Callable[[], None]) -> None:
    """A plugin that fails here must not keep a hall from being told; it is asked at the next wake."""
    try:
        with db.session.begin_nested():
            work()
    except Exception as error:
        plugins.note(guard, "admit", error)


def _said(guard: str, verdict: Verdict | None) -> Decision:
    if verdict is None:
        reason = _("The host isn't here yet. You'll be let in when the lecture starts.")
        return Decision("waiting", reason, HOST_ABSENT)
    status = {Kind.DENY: "denied", Kind.ASK: "asked", Kind.WAIT: "waiting"}[verdict.kind]
    return Decision(
        status,
        verdict.reason,
        guard,
        field=verdict.field,
        label=verdict.label,
        retry_after=verdict.retry_after,
        info=verdict.info,
        stream=f"{guard}{verdict.stream}" if verdict.stream else "",
    )


def _too_many(room: Room, join: JoinRequest) -> bool:
    waiting = sa.select(sa.func.count()).select_from(Waiting).where(
        Waiting.room_id == room.id,
        Waiting.guest_session_id != join.guest_session_id,
        Waiting.seen_at > now() - STILL_THERE,
    )  # fmt: skip
    return (db.session.scalar(waiting) or 0) >= config().waiting_per_room


def _note_waiting(room: Room, join: JoinRequest, cause: str) -> None:
    row = {
        "room_id": room.id,
        "guest_session_id": join.guest_session_id,
        "user_id": join.user_id,
        "name": join.name,
        "fingerprint": join.fingerprint,
        "address": join.address,
        "cause": cause,
        "code": join.code,
        "seen_at": now(),
        "left_at": None,
    }
    kept = ("room_id", "guest_session_id")
    changed = {name: value for name, value in row.items() if name not in kept}
    unique = ["room_id", "guest_session_id"]
    db.session.execute(insert(Waiting).values(row).on_conflict_do_update(index_elements=unique, set_=changed))
    waiting_changed(room.id)


# --- letting in -----------------------------------------------------------------------


def let_in(
    room: Room,
    lecture: Lecture,
    joins: Sequence[JoinRequest],
    known: Known | None = None,
    role: str = "guest",
) -> dict[str, Decision]:
    """Give each join its participant row, with the rights all plugins leave, and a ticket."""
    if not joins:
        return {}
    found = (
        dict(known.rows) if known and known.is_fresh else _current_rows(lecture, _may_have_rows(joins, known))
    )
    if new := [join for join in joins if join.key not in found]:
        found |= _make_rows(room, lecture, new, role)
    _refresh(found, joins, role)
    narrow(room, list(found.values()))
    if known is None or known.waits or not known.is_fresh:
        _stop_waiting(room, joins)
    tickets = {key: ticket_for(lecture, participant) for key, participant in found.items()}
    return {key: Decision("admitted", ticket=ticket) for key, ticket in tickets.items()}


def _make_rows(
    room: Room, lecture: Lecture, joins: Sequence[JoinRequest], role: str
) -> dict[str, Participant]:
    rights = vars(room_grants(room) if role == "guest" else ALL)
    rows = [{**_row(room, lecture, join, role), **rights} for join in joins]
    keys = {row.identity: row.id for row in db.session.execute(NEW_ROWS, rows)}
    made = [inserted(Participant(id=keys[r["identity"]], **r)) for r in rows if r["identity"] in keys]
    found = _by_key(made, joins)
    missing = [join for join in joins if join.key not in found]
    # Another tab of the same person was faster: its row is theirs too.
    return {**found, **_current_rows(lecture, missing)} if missing else found


def narrow(room: Room, participants: Sequence[Participant]) -> None:
    """Set each row's grants to what the room and every plugin leave; the owner keeps all."""
    asked = [p for p in participants if not _is_owner(room, p)]
    rights = room_grants(room)
    left = {p.id: ALL if p.is_host else rights for p in asked}
    for plugin, answers in plugins.ask("narrow_grants", room=room, participants=asked) if asked else ():
        for participant in asked:
            if not participant.is_host or plugins.loaded[plugin].manifest.narrows_co_hosts:
                left[participant.id] &= answers.get(participant.id, ALL)
    for participant in participants:
        wanted = left.get(participant.id, ALL)
        if participant.grants != wanted:
            participant.grants = wanted


def _is_owner(room: Room, participant: Participant) -> bool:
    return participant.is_host and participant.user_id == room.owner_id


def ticket_for(lecture: Lecture, participant: Participant) -> Ticket:
    """A token minted now from the participant's row, and where to go with it."""
    return Ticket(
        token=join_token(lecture, participant),
        livekit_url=config().livekit_url,
        identity=participant.identity,
        lecture_id=lecture.public_id,
        name=participant.name,
        role=participant.role,
    )


def _may_have_rows(joins: Sequence[JoinRequest], known: Known | None) -> Sequence[JoinRequest]:
    """Who waits and was never here has none; if they came in meanwhile, making one finds it."""
    return joins if known else [join for join in joins if join.returning]


def _current_rows(lecture: Lecture, joins: Sequence[JoinRequest]) -> dict[str, Participant]:
    if not joins:
        return {}
    mine = sa.or_(
        Participant.user_id.in_({j.user_id for j in joins if j.user_id}),
        sa.and_(
            Participant.user_id.is_(None),
            Participant.guest_session_id.in_({j.guest_session_id for j in joins if not j.user_id}),
        ),
    )
    query = sa.select(Participant).where(
        Participant.lecture_id == lecture.id, Participant.removed_at.is_(None), mine
    )
    return _by_key(db.session.scalars(query).all(), joins)


def _by_key(rows: Sequence[Participant], joins: Sequence[JoinRequest]) -> dict[str, Participant]:
    users = {j.user_id: j.key for j in joins if j.user_id}
    guests = {j.guest_session_id: j.key for j in joins if not j.user_id}
    return {users[p.user_id] if p.user_id else guests[p.guest_session_id]: p for p in rows}


def _row(room: Room, lecture: Lecture, join: JoinRequest, role: str) -> dict[str, Any]:
    return {
        "public_id": new_public_id(),
        "identity": new_public_id(),
        "lecture_id": lecture.id,
        "guest_session_id": join.guest_session_id,
        "user_id": join.user_id,
        "name": join.name,
        "role": role,
        "admitted_at": now(),
        "removed_at": None,
        "fingerprint_key": keyed(room, join.fingerprint),
        "address_key": keyed(room, join.address),
    }


def _refresh(found: Mapping[str, Participant], joins: Sequence[JoinRequest], role: str) -> None:
    for join in joins:
        row = found[join.key]
        for name, value in (("name", join.name), ("role", role)):
            if getattr(row, name) != value:
                setattr(row, name, value)


def _stop_waiting(room: Room, joins: Sequence[JoinRequest]) -> None:
    sessions = [join.guest_session_id for join in joins]
    db.session.execute(
        sa.delete(Waiting)
        .where(Waiting.room_id == room.id, Waiting.guest_session_id.in_(sessions))
        .execution_options(synchronize_session=False)
    )
    waiting_changed(room.id)
