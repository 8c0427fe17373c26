"""One call for each action of a host; every one may run twice."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from flask import Blueprint
from flask_babel import gettext as _
from pydantic import Field
from sqlalchemy.orm import joinedload

from core.api import (
    HOSTS,
    HOSTS_AND_ADMINS,
    PEOPLE_INSIDE,
    Answer,
    Body,
    Lecture,
    Participant,
    Refusal,
    User,
    Waiting,
    db,
    here,
    keyed,
    live_in,
    notify,
    now,
    order,
    record,
    room_settings,
    rotate_code,
    running_in,
    scoped,
    view,
)
from plugins.moderation.models import Ban, LetIn, RoomState, Standing, key_of, set_standings
from plugins.moderation.settings import RoomSettings

in_room = Blueprint("moderation", __name__)
MOST_SHOWN = 500
MOST_NAMES = 50
LONGEST_REASON = 200
SOURCES = ("microphone", "camera", "screen")


class Why(Body):
    reason: str = Field(max_length=LONGEST_REASON)


class Silence(Body):
    """``on``: begin or end; ``chat``: whether a panic freezes the chat too."""

    on: bool
    chat: bool = False
    reason: str = Field("", max_length=LONGEST_REASON)


class Take(Body):
    """What is left to somebody; what isn't named stays as it is."""

    microphone: bool | None = None
    camera: bool | None = None
    screen: bool | None = None
    reason: str = Field(max_length=LONGEST_REASON)


class State(Answer):
    """``panic``: whether it holds, and for a guest whether it silences them. ``muted`` and ``co_hosts``
    (those whom the caller may mute) are identities, for hosts only."""

    locked: bool
    panic: bool
    chat_frozen: bool
    muted: list[str]
    co_hosts: list[str]


class Shown(Answer):
    """``session``, ``account``: what keeps the person out. The names of those inside with an equal
    browser or network are signals for people to judge by; they keep nobody out."""

    id: str
    name: str
    reason: str
    at: str
    by: str
    session: bool
    account: bool
    same_browser: list[str]
    same_network: list[str]


class Bans(Answer):
    bans: list[Shown]


class Match(Answer):
    """Names of others inside who share something with the one to be banned."""

    session: bool
    account: bool
    same_browser: list[str]
    same_network: list[str]


@in_room.get("/state")
@view(roles=PEOPLE_INSIDE, answer=State)
def state() -> State:
    """How the room stands."""
    lecture, room = running_in(here.room), db.session.get(RoomState, here.room.id) or RoomState()
    panic = room.panic_in == lecture.id
    people = order.people_in(lecture) if here.caller.is_host else []
    return State(
        locked=room.locked_in == lecture.id,
        panic=panic and not _has_floor(lecture),
        chat_frozen=panic and bool(room.freezes_chat),
        muted=[p.identity for p in people if not p.microphone],
        co_hosts=[p.identity for p in people if p.is_host and _why_not(p) is None],
    )


@in_room.get("/bans")
@view(roles=HOSTS_AND_ADMINS, answer=Bans)
def bans() -> Bans:
    """Who is banned from this room now, and what each ban goes by."""
    return Bans(bans=shown_bans())


@in_room.get("/people/<identity>/match")
@view(roles=HOSTS, answer=Match)
def match(identity: str) -> Match:
    """What a ban of this person would match."""
    lecture = running_in(here.room)
    person = _person(lecture, identity)
    others = _others(lecture, person)
    return Match(
        session=person.guest_session_id is not None,
        account=person.user_id is not None,
        same_browser=_sharing(person, others, "fingerprint_key"),
        same_network=_sharing(person, others, "address_key"),
    )


@in_room.post("/people/<identity>/remove")
@view(roles=HOSTS, body=Why, status=204, limit="600/minute")
def remove(identity: str, body: Why) -> None:
    """Put somebody out; they may come back through the door."""
    lecture = order.begin(here.room)
    _put_out(lecture, [_person(lecture, identity)], "removed", body.reason)


@in_room.post("/people/<identity>/ban")
@view(roles=HOSTS, body=Why, answer=Shown, limit="600/minute")
def ban(identity: str, body: Why) -> Shown:
    """Put somebody out for good, by session and account."""
    lecture = order.begin(here.room)
    person = _person(lecture, identity)
    made = _banned(person) or _new_ban(lecture, person, body.reason)
    shown = _shown(made, _others(lecture, person))
    _put_out(lecture, _rows_of(lecture, person), "banned", body.reason)
    return shown


@in_room.delete("/bans/<ban_id>")
@view(roles=HOSTS, status=204, limit="600/minute")
def unban(ban_id: str) -> None:
    """Lift a ban."""
    row = scoped(here.room, Ban, ban_id)
    if row.lifted_at is None:
        row.lifted_at, row.lifted_by_id = now(), here.caller.user_id
        _record("unban", None, row.name, reason=row.reason)
    db.session.commit()


@in_room.post("/people/<identity>/take")
@view(roles=HOSTS, body=Take, status=204, limit="600/minute")
def take(identity: str, body: Take) -> None:
    """Mute somebody, stop their camera or screen, or give it back."""
    lecture = order.begin(here.room)
    person = _person(lecture, identity, may_be_host=True)
    asked = {name: value for name in SOURCES if (value := getattr(body, name)) is not None}
    if not asked:
        raise Refusal(422, _("Say what to take: microphone, camera or screen."), code="invalid")
    set_standings(lecture, [person], asked)
    _record("take", lecture, person, reason=body.reason, **asked)
    _settle(lecture, _rows_of(lecture, person), {"taken": asked, "reason": body.reason})


@in_room.post("/people/<identity>/floor")
@view(roles=HOSTS, body=Silence, status=204, limit="600/minute")
def floor(identity: str, body: Silence) -> None:
    """Give one person the floor back in a panic, or take it again."""
    lecture = order.begin(here.room)
    person = _person(lecture, identity)
    set_standings(lecture, [person], {"has_floor": body.on})
    _record("floor", lecture, person, on=body.on, reason=body.reason)
    panic = _state().panic_in == lecture.id
    _settle(lecture, _rows_of(lecture, person), {"floor": body.on, "panic": panic and not body.on})


@in_room.post("/mute-all")
@view(roles=HOSTS, body=Why, status=204, limit="600/minute")
def mute_all(body: Why) -> None:
    """Take the microphone from everybody but the hosts."""
    _take_from_all("mute_all", {"microphone": False}, body.reason)


@in_room.post("/hide-all")
@view(roles=HOSTS, body=Why, status=204, limit="600/minute")
def hide_all(body: Why) -> None:
    """Take cameras, screens and microphones from everybody but the hosts."""
    _take_from_all("hide_all", dict.fromkeys(SOURCES, False), body.reason)


@in_room.post("/give-all")
@view(roles=HOSTS, body=Why, status=204, limit="600/minute")
def give_all(body: Why) -> None:
    """Give everything back that hosts took; nobody's microphone is opened."""
    _take_from_all("give_all", dict.fromkeys(SOURCES, True), body.reason)


@in_room.post("/lock")
@view(roles=HOSTS, body=Silence, status=204, limit="600/minute")
def lock(body: Silence) -> None:
    """Let nobody new in, or open again."""
    lecture = order.begin(here.room)
    _state().locked_in = lecture.id if body.on else None
    _record("lock", lecture, on=body.on, reason=body.reason)
    notify(f"room:{here.room.id}")
    db.session.commit()
    order.tell(lecture, "moderation", {"locked": body.on})


@in_room.post("/panic")
@view(roles=HOSTS, body=Silence, status=204, limit="600/minute")
def panic(body: Silence) -> None:
    """Silence everybody but the hosts, and those who come, until the floor is given back."""
    lecture, row = order.begin(here.room), _state()
    if body.on and row.panic_in != lecture.id:
        _end_floors(lecture)
    row.panic_in = lecture.id if body.on else None
    row.freezes_chat = body.on and body.chat
    _record("panic", lecture, on=body.on, chat=body.chat, reason=body.reason)
    _settle(lecture, None, {"panic": body.on, "chat_frozen": row.freezes_chat})


@in_room.post("/change-locks")
@view(roles=HOSTS, body=Why, status=204, limit="600/minute")
def change_locks(body: Why) -> None:
    """A new link; who isn't inside needs it. Those who wait are told so by the look that this wakes."""
    user = db.session.get_one(User, here.caller.user_id)
    lecture = live_in(here.room)
    if lecture is not None:
        order.lock(lecture)
    rotate_code(here.room, user)
    _state().needs_code = True
    _record("change_locks", lecture, reason=body.reason)
    notify(f"room:{here.room.id}")
    db.session.commit()


class Newcomer(Answer):
    """``id`` is good for ``let-in`` in this room only."""

    id: str
    name: str
    since: str


class Newcomers(Answer):
    newcomers: list[Newcomer]


class Chosen(Body):
    id: str = Field(max_length=64)


@in_room.get("/newcomers")
@view(roles=HOSTS, answer=Newcomers)
def newcomers() -> Newcomers:
    """Who waits because somebody from their network was banned."""
    return Newcomers(
        newcomers=[
            Newcomer(id=_handle(row), name=row.name, since=row.since.isoformat()) for row in _waiting()
        ]
    )


@in_room.post("/let-in")
@view(roles=HOSTS, body=Chosen, status=204, limit="600/minute")
def let_in(body: Chosen) -> None:
    """Let somebody in who waits because of their network."""
    lecture = order.begin(here.room)
    row = next((row for row in _waiting() if _handle(row) == body.id), None)
    if row is None:
        raise Refusal(404, _("This person doesn't wait any more."), code="not_waiting")
    db.session.merge(LetIn(lecture_id=lecture.id, guest_session_id=row.guest_session_id))
    _record("let_in", lecture, row.name)
    notify(f"room:{here.room.id}", sessions=[row.guest_session_id])
    db.session.commit()


def _waiting() -> list[Waiting]:
    mine = sa.select(Waiting).where(Waiting.room_id == here.room.id, Waiting.cause == "moderation")
    return list(db.session.scalars(mine.order_by(Waiting.since).limit(MOST_SHOWN)))


def _handle(row: Waiting) -> str:
    return keyed(here.room, f"waiting {row.id}")


# --- what they share ------------------------------------------------------------------


def _person(lecture: Lecture, identity: str, may_be_host: bool = False) -> Participant:
    mine = sa.select(Participant).where(
        Participant.lecture_id == lecture.id, Participant.identity == identity
    )
    found = db.session.scalar(mine.execution_options(populate_existing=True))
    if found is None:
        raise Refusal(404, _("This person isn't in this lecture."), code="not_inside")
    if found.is_host and not may_be_host:
        raise Refusal(403, _("Hosts can't be put out. The owner can end their being host."), code="host")
    if found.is_host and (words := _why_not(found)):
        raise Refusal(403, words, code="host")
    return found


def _why_not(host: Participant) -> str | None:
    """Why the caller can't mute that host; None where they can."""
    caller, owner = here.caller.user_id, here.room.owner_id
    if host.user_id == owner:
        return str(_("Nobody can mute the owner of the room."))
    if host.user_id == caller:
        return str(_("This is you. Use the buttons below the pictures."))
    if caller != owner and not room_settings(here.room, RoomSettings).cohosts_moderated:
        return str(_("Only the owner of the room can mute co-hosts."))
    return None


def _rows_of(lecture: Lecture, person: Participant) -> list[Participant]:
    """Who was removed and came back is here under another identity than the one that was named."""
    theirs = [one for one in order.people_in(lecture) if key_of(one) == key_of(person)]
    return theirs or [person]


def _others(lecture: Lecture, person: Participant) -> list[Participant]:
    return [one for one in order.people_in(lecture) if key_of(one) != key_of(person)]


def _has_floor(lecture: Lecture) -> bool:
    if here.caller.is_host:
        return False
    mine = (
        Standing.user_id == here.caller.user_id
        if here.caller.user_id
        else sa.and_(Standing.user_id.is_(None), Standing.guest_session_id == here.caller.guest_session_id)
    )
    return bool(
        db.session.scalar(sa.select(Standing.has_floor).where(Standing.lecture_id == lecture.id, mine))
    )


def _state() -> RoomState:
    row = db.session.get(RoomState, here.room.id)
    if row is None:
        row = RoomState(room_id=here.room.id, needs_code=False, freezes_chat=False)
        db.session.add(row)
    return row


def _take_from_all(action: str, values: dict[str, bool], reason: str) -> None:
    lecture = order.begin(here.room)
    set_standings(lecture, [person for person in order.people_in(lecture) if not person.is_host], values)
    _record(action, lecture, reason=reason)
    _settle(lecture, None, {"taken": values, "all": True, "reason": reason})


def _end_floors(lecture: Lecture) -> None:
    db.session.execute(sa.update(Standing).where(Standing.lecture_id == lecture.id).values(has_floor=False))


def _settle(lecture: Lecture, people: list[Participant] | None, news: dict[str, Any]) -> None:
    """The rows first, then LiveKit, then words to those concerned."""
    order.narrow(lecture, people)
    db.session.commit()
    order.keep(lecture)
    order.tell(lecture, "moderation", news, to=people or ())
    if people:
        _tell_hosts(lecture)


def _tell_hosts(lecture: Lecture) -> None:
    """Each sees what another did to one person."""
    if hosts := [one for one in order.people_in(lecture) if one.is_host]:
        order.tell(lecture, "moderation", {"changed": True}, to=hosts)


def _put_out(lecture: Lecture, people: list[Participant], how: str, reason: str) -> None:
    order.remove(people)
    _record(how, lecture, people[0], reason=reason)
    db.session.commit()
    # Told while they can still hear it.
    news = {how: True, "reason": reason, "ask": here.room.owner.name}
    order.tell(lecture, "moderation", news, to=people)
    order.keep(lecture)
    _tell_hosts(lecture)


def _banned(person: Participant) -> Ban | None:
    mine = Ban.guest_session_id == person.guest_session_id if not person.user_id else (
        Ban.user_id == person.user_id
    )  # fmt: skip
    return db.session.scalar(sa.select(Ban).where(Ban.room_id == here.room.id, Ban.lifted_at.is_(None), mine))


def _new_ban(lecture: Lecture, person: Participant, reason: str) -> Ban:
    row = Ban(
        room_id=here.room.id,
        lecture_id=lecture.id,
        guest_session_id=person.guest_session_id,
        user_id=person.user_id,
        fingerprint_key=person.fingerprint_key,
        address_key=person.address_key,
        name=person.name,
        reason=reason,
        by_id=here.caller.user_id,
    )
    db.session.add(row)
    db.session.flush()
    return row


def shown_bans() -> list[Shown]:
    """The bans of this room that are in force, newest first."""
    mine = (
        sa.select(Ban).where(Ban.room_id == here.room.id, Ban.lifted_at.is_(None)).options(joinedload(Ban.by))
    )
    lecture = live_in(here.room)
    people = order.people_in(lecture) if lecture else []
    return [_shown(row, people) for row in db.session.scalars(mine.order_by(Ban.id.desc()).limit(MOST_SHOWN))]


def _shown(row: Ban, others: Sequence[Participant]) -> Shown:
    return Shown(
        id=row.public_id,
        name=row.name,
        reason=row.reason,
        at=row.at.isoformat(),
        by=row.by.name if row.by else "",
        session=row.guest_session_id is not None,
        account=row.user_id is not None,
        same_browser=_sharing(row, others, "fingerprint_key"),
        same_network=_sharing(row, others, "address_key"),
    )


def _sharing(person: Participant | Ban, others: Sequence[Participant], key: str) -> list[str]:
    value = getattr(person, key)
    return [p.name for p in others if value and getattr(p, key) == value][:MOST_NAMES]


def _record(action: str, lecture: Lecture | None, target: Participant | str = "", **details: Any) -> None:
    if isinstance(target, Participant):
        details["identity"], target = target.identity, target.name
    record(
        f"moderation.{action}",
        actor=db.session.get(User, here.caller.user_id),
        room_id=here.room.id,
        lecture_id=lecture.id if lecture else None,
        target=target,
        **details,
    )
