"""What hosts do: set a PIN, remove it, let people in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import sqlalchemy as sa
from flask_babel import gettext as _
from sqlalchemy.dialects.postgresql import insert

from core.api import (
    Refusal,
    Room,
    User,
    Waiting,
    db,
    here,
    keyed,
    live_in,
    new_public_id,
    notify,
    now,
    record,
    remember_pass,
    room_link,
)
from plugins.pin import tries
from plugins.pin.memory import memory, queue
from plugins.pin.models import Held, Pin
from plugins.pin.words import cleaned, new_pin, weakness

MOST_SHOWN = 500


@dataclass(frozen=True)
class Waits:
    """Somebody who waits for the host. ``id`` is good in this room only."""

    id: str
    name: str
    since: Any
    pin: str
    guest_session_id: int


# --- the PIN --------------------------------------------------------------------------


def found(room: Room) -> Pin | None:
    """The room's PIN, if one is set."""
    return db.session.get(Pin, room.id)


def make(room: Room) -> str:
    """Set a random PIN. It is given back once, to be shown, and is nowhere else."""
    pin = new_pin()
    _put(room, pin, "pin.make")
    return pin


def choose(room: Room, typed: str) -> str:
    """Set the host's own PIN; a ``Refusal`` that names the field says why it won't do."""
    if words := weakness(cleaned(typed)):
        raise Refusal(422, words, code="invalid", errors=[{"field": "pin", "message": words}])
    _put(room, cleaned(typed), "pin.choose")
    return typed.strip()


def remove(room: Room) -> None:
    """Ask for no PIN any more; who waits for it isn't held any more. May be repeated."""
    if db.session.execute(sa.delete(Pin).where(Pin.room_id == room.id)).rowcount:  # type: ignore[attr-defined]
        tries.forget(room.id)
        db.session.execute(sa.delete(Held).where(Held.room_id == room.id))
        _record(room, "pin.remove")
        notify(f"room:{room.id}")
    db.session.commit()


def link(room: Room, pin: str) -> str:
    """The room's link with the PIN behind the #, which browsers send to no server."""
    return f"{room_link(room)}#pin={quote(pin, safe='')}"


def _put(room: Room, pin: str, action: str) -> None:
    """Who is inside, or passed in this lecture, isn't asked again: core keeps their pass."""
    version = new_public_id()
    row = {
        "hash": queue.hash(pin),
        "version": version,
        "changed_at": now(),
        "changed_by_id": here.caller.user_id,
    }
    made = insert(Pin).values(room_id=room.id, **row)
    db.session.execute(made.on_conflict_do_update(index_elements=["room_id"], set_=row))
    tries.forget(room.id)
    _record(room, action)
    db.session.commit()
    memory().remember(room.id, version, pin)


# --- who waits ------------------------------------------------------------------------


def waiting(room: Room) -> list[Waits]:
    """Who waits because too many PINs were wrong, in the order they came."""
    query = (
        sa.select(Waiting, Held.was_right)
        .join(
            Held, sa.and_(Held.room_id == Waiting.room_id, Held.guest_session_id == Waiting.guest_session_id)
        )
        .where(Waiting.room_id == room.id)
        .order_by(Waiting.since, Waiting.id)
        .limit(MOST_SHOWN)
    )
    return [_waits(room, row, was_right) for row, was_right in db.session.execute(query)]


def _waits(room: Room, row: Waiting, was_right: bool | None) -> Waits:
    pin = {True: "right", False: "wrong", None: "unchecked"}[was_right]
    return Waits(keyed(room, f"waiting {row.id}"), row.name, row.since, pin, row.guest_session_id)


def let_in(room: Room, handle: str) -> str:
    """Let one of them pass; the name."""
    one = next((one for one in waiting(room) if one.id == handle), None)
    if one is None:
        raise Refusal(404, _("This person doesn't wait any more."), code="not_waiting")
    _pass(room, [one])
    return one.name


def let_in_right(room: Room) -> int:
    """Let all of them pass whose PIN was right; how many."""
    chosen = [one for one in waiting(room) if one.pin == "right"]
    _pass(room, chosen)
    return len(chosen)


def _pass(room: Room, people: list[Waits]) -> None:
    sessions = [one.guest_session_id for one in people]
    remember_pass(room, "pin", sessions)
    theirs = Held.room_id == room.id, Held.guest_session_id.in_(sessions)
    db.session.execute(sa.delete(Held).where(*theirs))
    for one in people:
        _record(room, "pin.let_in", one.name, pin=one.pin)
    notify(f"room:{room.id}", sessions=sessions)
    db.session.commit()


def _record(room: Room, action: str, target: str = "", **details: Any) -> None:
    actor, lecture = db.session.get(User, here.caller.user_id), live_in(room)
    record(
        action,
        actor=actor,
        room_id=room.id,
        lecture_id=lecture.id if lecture else None,
        target=target,
        **details,
    )
