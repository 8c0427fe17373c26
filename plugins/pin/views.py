"""The PIN's JSON routes, for hosts."""

from __future__ import annotations

from flask import Blueprint
from pydantic import Field

from core.api import HOSTS, Answer, Body, here, view
from plugins.pin import pins, tries

in_room = Blueprint("pin", __name__)


class Own(Body):
    pin: str = Field(max_length=200)


class Chosen(Body):
    id: str = Field(max_length=64)


class Shown(Answer):
    """The PIN, this once; ``link`` carries it behind the #."""

    pin: str
    link: str


class Newcomer(Answer):
    """Somebody who waits; ``pin`` is right, wrong or unchecked."""

    id: str
    name: str
    since: str
    pin: str


class State(Answer):
    """``is_spent``: too many were wrong, so everybody waits for the host."""

    is_set: bool
    changed_at: str
    changed_by: str
    is_spent: bool
    waiting: list[Newcomer]


class Count(Answer):
    count: int


@in_room.get("/state")
@view(roles=HOSTS, answer=State)
def state() -> State:
    """Whether a PIN is set, when and by whom, and who waits; never the PIN."""
    found = pins.found(here.room)
    return State(
        is_set=found is not None,
        changed_at=found.changed_at.isoformat() if found else "",
        changed_by=found.changed_by.name if found and found.changed_by else "",
        is_spent=found is not None and tries.is_spent(here.room.id),
        waiting=[_shown(one) for one in pins.waiting(here.room)] if found else [],
    )


@in_room.post("/make")
@view(roles=HOSTS, answer=Shown, limit="30/minute")
def make() -> Shown:
    """Set a random PIN; this answer is the only place where it can be read."""
    pin = pins.make(here.room)
    return Shown(pin=pin, link=pins.link(here.room, pin))


@in_room.post("/choose")
@view(roles=HOSTS, body=Own, answer=Shown, limit="30/minute")
def choose(body: Own) -> Shown:
    """Set one's own PIN."""
    pin = pins.choose(here.room, body.pin)
    return Shown(pin=pin, link=pins.link(here.room, pin))


@in_room.post("/remove")
@view(roles=HOSTS, status=204, limit="30/minute")
def remove() -> None:
    """Ask for no PIN any more."""
    pins.remove(here.room)


@in_room.post("/let-in")
@view(roles=HOSTS, body=Chosen, status=204, limit="600/minute")
def let_in(body: Chosen) -> None:
    """Let somebody in who waits."""
    pins.let_in(here.room, body.id)


@in_room.post("/let-in-right")
@view(roles=HOSTS, answer=Count, limit="60/minute")
def let_in_right() -> Count:
    """Let everybody in who waits and whose PIN was right."""
    return Count(count=pins.let_in_right(here.room))


def _shown(one: pins.Waits) -> Newcomer:
    return Newcomer(id=one.id, name=one.name, since=one.since.isoformat(), pin=one.pin)
