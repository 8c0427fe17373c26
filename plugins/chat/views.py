"""Routes of the chat. Who was removed is no participant at the next request; hosts read from outside too."""

from __future__ import annotations

from typing import Annotated, Literal
from uuid import UUID

from flask import Blueprint
from pydantic import Field

from core.api import (
    HOSTS,
    PEOPLE_INSIDE,
    Audience,
    Body,
    Tries,
    UploadPlan,
    db,
    files,
    here,
    running_in,
    view,
)
from plugins.chat import attachments, reading, writing
from plugins.chat.answers import Page, Shown
from plugins.chat.models import Message, Reader
from plugins.chat.settings import LONGEST_PAUSE, Mode
from plugins.chat.writing import Draft, Flag, To, Turn

in_room = Blueprint("chat", __name__)
# By person, not by address: a lecture hall sits behind one.
SENDS = Tries("chat.sends", "15 per 10 second")
CHANGES = Tries("chat.changes", "30 per 10 second")
ATTACHMENTS = Tries("chat.attachments", "60 per 10 minute")
Kind = Literal["vote", "👍", "❤️", "😂", "😮", "🎉", "🙏"]
Moment = Field(default=0, ge=0, lt=2**63)


class Part(Body):
    """Neither ``before`` nor ``after``: the newest, and how the chat stands."""

    before: int = Moment
    after: int = Moment
    limit: int = Field(default=50, ge=1, le=reading.MOST)


class Since(Body):
    """The moments that the page knows of, for everybody's messages and for private ones."""

    since: int = Moment
    private_since: int = Moment


class Written(Body):
    """``client_id`` is made by the page: the same one is never sent twice.

    ``to`` may be the author of ``reply_to``, for a host. ``files``: ids of finished uploads, which were
    begun here; a message that has some needs no text.
    """

    client_id: UUID
    text: str
    files: list[Annotated[str, Field(max_length=100)]] = Field([], max_length=attachments.MOST)
    to: To = "everyone"
    reply_to: str | None = None
    is_question: bool = False


class Announced(Body):
    """A file that is to be sent, and to whom; ``mime`` is what the browser takes it for."""

    name: str = Field(min_length=1, max_length=1000)
    size: int = Field(ge=0)
    mime: str = Field("", max_length=200)
    to: Audience = Audience.EVERYONE


class Rewritten(Body):
    text: str


class Marked(Body):
    kind: Kind
    on: bool


class Flagged(Body):
    flag: Flag
    on: bool


class Wanted(Body):
    mode: Mode
    slow_seconds: int = Field(ge=0, le=LONGEST_PAUSE)


# --- for everybody inside -------------------------------------------------------------


@in_room.get("/messages")
@view(roles=PEOPLE_INSIDE, query=Part, answer=Page)
def messages(query: Part) -> Page:
    """A part of the history, in order: the newest, those before a place, or those after it."""
    reader = _reader()
    if query.before:
        return reading.before(reader, query.before, query.limit)
    if query.after:
        return reading.after(reader, query.after, query.limit)
    return reading.newest(reader, query.limit)


@in_room.get("/changes")
@view(roles=PEOPLE_INSIDE, query=Since, answer=Page)
def changes(query: Since) -> Page:
    """What has changed since the page last knew everything, in the order of the changes."""
    return reading.changes(_reader(), query.since, query.private_since)


@in_room.get("/questions")
@view(roles=PEOPLE_INSIDE, answer=Page)
def questions() -> Page:
    """The questions: open ones first, by votes."""
    return reading.questions(_reader())


@in_room.post("/messages")
@view(roles=PEOPLE_INSIDE, body=Written, answer=Shown, status=201, also=(200,))
def send(body: Written) -> tuple[Shown, int]:
    """Send a message; a repetition is answered with the one that it has made."""
    turn = _turn(SENDS)
    draft = Draft(str(body.client_id), body.text, body.to, body.reply_to, body.is_question, body.files)
    message, is_new = writing.send(turn, draft)
    return _now(turn, message), 201 if is_new else 200


@in_room.post("/attachments")
@view(roles=PEOPLE_INSIDE, body=Announced, answer=UploadPlan, status=201)
def attach(body: Announced) -> UploadPlan:
    """Begin to send a file for a message; nobody else sees it until that is sent."""
    turn = _turn(ATTACHMENTS, alone=True)
    stored = attachments.begin(turn, body.to, name=body.name, size=body.size, mime=body.mime)
    plan = files.plan(stored)
    db.session.commit()
    return plan


@in_room.patch("/messages/<message_id>")
@view(roles=PEOPLE_INSIDE, body=Rewritten, answer=Shown)
def edit(message_id: str, body: Rewritten) -> Shown:
    """Change one's own message, for some minutes."""
    turn = _turn(CHANGES)
    return _now(turn, writing.edit(turn, message_id, body.text))


@in_room.delete("/messages/<message_id>")
@view(roles=PEOPLE_INSIDE, answer=Shown)
def remove(message_id: str) -> Shown:
    """Take back one's own message for some minutes; hosts remove any."""
    turn = _turn(CHANGES)
    return _now(turn, writing.remove(turn, message_id))


@in_room.post("/messages/<message_id>/mark")
@view(roles=PEOPLE_INSIDE, body=Marked, answer=Shown)
def mark(message_id: str, body: Marked) -> Shown:
    """Vote for a question, react to a message, or take it back."""
    turn = _turn(CHANGES)
    return _now(turn, writing.mark(turn, message_id, body.kind, body.on))


# --- for hosts ------------------------------------------------------------------------


@in_room.post("/messages/<message_id>/flag")
@view(roles=HOSTS, body=Flagged, answer=Shown)
def flag(message_id: str, body: Flagged) -> Shown:
    """Pin a message for all, mark it as a question or as answered, or take that back."""
    turn = _turn(CHANGES)
    return _now(turn, writing.flag(turn, message_id, body.flag, body.on))


@in_room.post("/mode")
@view(roles=HOSTS, body=Wanted, status=204)
def mode(body: Wanted) -> None:
    """Say who writes from now on, and how fast."""
    writing.set_mode(_turn(CHANGES), body.mode, body.slow_seconds)


# --- what they share ------------------------------------------------------------------


def _reader() -> Reader:
    return Reader(running_in(here.room), here.caller)


def _turn(tries: Tries, alone: bool = False) -> Turn:
    caller = here.caller
    tries.take(here.room.public_id, caller.identity or f"user {caller.user_id}")
    return Turn.begin(here.room, caller, alone)


def _now(turn: Turn, message: Message) -> Shown:
    return reading.one(turn.reader, message)
