"""What people do in the chat. Each call runs in one transaction, under the row of ``chat__lecture``.

Locks are taken in one order: the lecture (shared, so that no decision about people falls between the
look at somebody's rights and the commit; alone by who begins a file, which core counts), then its chat,
then files.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal

import sqlalchemy as sa
from flask_babel import gettext as _
from flask_babel import ngettext
from sqlalchemy.dialects.postgresql import insert

from core.api import (
    Audience,
    Lecture,
    Participant,
    Refusal,
    Room,
    User,
    Viewer,
    clean_message,
    db,
    microseconds,
    order,
    record,
    running_in,
)
from plugins.chat import attachments, news, reading
from plugins.chat.models import Chat, Mark, Message, Reader, locked
from plugins.chat.settings import Mode, RoomSettings

To = Literal["everyone", "hosts", "author"]
Flag = Literal["pinned", "answered", "is_question"]
MOST_PINNED = reading.MOST_PINNED


@dataclass(frozen=True)
class Turn:
    """Somebody's turn to change something, alone in this chat until the commit."""

    lecture: Lecture
    chat: Chat
    viewer: Viewer

    @classmethod
    def begin(cls, room: Room, viewer: Viewer, alone: bool = False) -> Turn:
        live = sa.select(Lecture).where(Lecture.room_id == room.id, Lecture.ended_at.is_(None))
        lecture = db.session.scalar(live.with_for_update(read=not alone)) or running_in(room)
        return cls(lecture, locked(lecture), viewer)

    @property
    def is_host(self) -> bool:
        return self.viewer.is_host

    @cached_property
    def reader(self) -> Reader:
        return Reader(self.lecture, self.viewer)

    @cached_property
    def kept(self) -> RoomSettings:
        return reading.settings_of(self.lecture, self.chat)

    @cached_property
    def me(self) -> Participant:
        """Who acts, as the database says now; who was removed a moment ago isn't there any more."""
        found = order.person(self.lecture, self.viewer.identity)
        if found is None:
            raise Refusal(409, _("Join the lecture first."), code="not_inside")
        return found

    def message(self, public_id: str) -> Message:
        """A message of this chat that the person may see; a 404 for every other."""
        query = sa.select(Message).where(self.reader.may_see(), Message.public_id == public_id)
        found: Message | None = db.session.scalar(query.execution_options(populate_existing=True))
        if found is None or found.is_removed:
            raise Refusal(404, _("This message doesn't exist any more."), code="no_message")
        return found

    def is_mine(self, message: Message) -> bool:
        return message.participant_id in self.reader.rows

    def may_write(self, audience: str) -> None:
        """A ``Refusal`` with words unless the person may write to that audience now."""
        if self.kept.mode == "off":
            raise Refusal(409, _("The chat is switched off."), code="chat_off")
        if not self.me.chat:
            raise Refusal(409, _("A host has stopped the chat for you for now."), code="silenced")
        if self.is_host:
            return
        if self.kept.mode == "hosts":
            raise Refusal(409, _("Only the hosts write now."), code="hosts_write")
        if self.kept.mode == "questions" and audience == Audience.EVERYONE:
            raise Refusal(409, _("You can write to the hosts only now."), code="to_hosts")

    def may_act(self) -> None:
        """The same for reactions and votes, which only an end of the chat stops."""
        if self.kept.mode == "off" or not self.me.chat:
            self.may_write(Audience.HOSTS)


@dataclass(frozen=True)
class Draft:
    """What somebody wants to send."""

    client_id: str
    text: str
    to: To = "everyone"
    reply_to: str | None = None
    is_question: bool = False
    files: list[str] = field(default_factory=list)


# --- what everybody does --------------------------------------------------------------


def send(turn: Turn, draft: Draft) -> tuple[Message, bool]:
    """The new message, or the one that an earlier try of the same page has made, and whether it is new."""
    known = _sent_before(turn, draft.client_id)
    if known is not None:
        db.session.commit()
        return known, False
    audience = Audience.EVERYONE if draft.to == "everyone" else Audience.HOSTS
    turn.may_write(audience)
    _keep_the_pace(turn)
    replied = turn.message(draft.reply_to) if draft.reply_to else None
    text = cleaned(draft.text, may_be_empty=bool(draft.files))
    claimed = attachments.claim(turn, draft.files, audience, to_one=draft.to == "author")
    moment_before = turn.chat.everyone_at
    at = turn.chat.next(audience)
    made = Message(
        lecture_id=turn.lecture.id,
        audience=str(audience),
        at=at,
        changed=at,
        client_id=draft.client_id,
        participant_id=turn.me.id,
        recipient_id=_recipient(turn, draft, replied),
        author_name=turn.me.name,
        author_is_host=turn.is_host,
        text=text,
        has_files=bool(claimed),
        reply_to_id=_answered(audience, replied),
        is_question=draft.is_question,
        marks={},
    )
    db.session.add(made)
    db.session.flush()
    attachments.attach(made, claimed)
    _commit(turn, made, moment_before)
    return made, True


def _sent_before(turn: Turn, client_id: str) -> Message | None:
    mine = Message.participant_id.in_(turn.reader.rows), Message.client_id == client_id
    return db.session.scalar(sa.select(Message).where(Message.lecture_id == turn.lecture.id, *mine))


def _keep_the_pace(turn: Turn) -> None:
    wait = 0 if turn.is_host else reading.seconds_to_wait(turn.reader, turn.kept)
    if wait > 0:
        words = ngettext(
            "Slow mode: you can write again in a second.",
            "Slow mode: you can write again in %(num)s seconds.",
            wait,
        )
        raise Refusal(429, words, code="slow_mode", retry_after=wait)


def _recipient(turn: Turn, draft: Draft, replied: Message | None) -> int | None:
    """Whom a host answers in private, beside the hosts."""
    if draft.to != "author":
        return None
    if not turn.is_host or replied is None or replied.author_is_host or replied.participant_id is None:
        raise Refusal(422, _("Only a host can answer a guest in private."), code="no_recipient")
    return replied.participant_id


def _answered(audience: Audience, replied: Message | None) -> int | None:
    if replied is None:
        return None
    if audience == Audience.EVERYONE and replied.audience != Audience.EVERYONE:
        words = _("This message was for the hosts only: an answer to everybody would show it.")
        raise Refusal(409, words, code="would_show")
    return replied.id


def cleaned(text: str, may_be_empty: bool = False) -> str:
    """The text as it is kept; a ``Refusal`` that names the field when there is none or too much."""
    if may_be_empty and not text.strip():
        return ""
    try:
        return clean_message(text)
    except ValueError as error:
        errors = [{"field": "text", "message": str(error)}]
        raise Refusal(422, str(error), code="invalid", errors=errors) from error


def edit(turn: Turn, public_id: str, text: str) -> Message:
    """Change one's own message, for some minutes, where one might write it now."""
    message = turn.message(public_id)
    turn.may_write(message.audience)
    _must_be_mine(turn, message)
    _in_time(turn, message)
    new = cleaned(text, may_be_empty=message.has_files)
    return _change(turn, message, text=new, edited=True) if new != message.text else message


def remove(turn: Turn, public_id: str) -> Message:
    """Take back one's own message for some minutes, as a host any at any time: text and files are gone."""
    message = turn.message(public_id)
    if turn.is_mine(message) and turn.viewer.identity:
        if not turn.is_host:
            _in_time(turn, message)
        return _empty(turn, message, "author")
    if not turn.is_host:
        raise _not_yours()
    _record(turn, "remove", target=message.author_name, message=message.public_id)
    return _empty(turn, message, "host")


def _empty(turn: Turn, message: Message, by: str) -> Message:
    db.session.execute(sa.delete(Mark).where(Mark.message_id == message.id))
    attachments.remove(message)
    return _change(turn, message, text="", removed_by=by, pinned=False, marks={})


def mark(turn: Turn, public_id: str, kind: str, on: bool) -> Message:
    """Vote, react, or take it back; a second time changes nothing."""
    message = turn.message(public_id)
    turn.may_act()
    if kind == "vote" and not message.is_question:
        raise Refusal(409, _("Votes are for questions."), code="no_question")
    theirs = Mark.message_id == message.id, Mark.kind == kind, Mark.participant_id.in_(turn.reader.rows)
    has = db.session.scalar(sa.select(Mark.kind).where(*theirs)) is not None
    if has == on:
        return message
    if on:
        row = {"message_id": message.id, "participant_id": turn.me.id, "kind": kind}
        db.session.execute(insert(Mark).values(row))
    else:
        db.session.execute(sa.delete(Mark).where(*theirs))
    count = int(message.marks.get(kind, 0)) + (1 if on else -1)
    others = {name: number for name, number in message.marks.items() if name != kind}
    return _change(turn, message, marks={**others, **({kind: count} if count > 0 else {})})


# --- what hosts do --------------------------------------------------------------------


def flag(turn: Turn, public_id: str, name: Flag, on: bool) -> Message:
    """Pin a message for all, mark it as a question or as answered."""
    message = turn.message(public_id)
    if getattr(message, name) == on:
        return message
    if name == "pinned" and on:
        _may_pin(turn, message)
    return _change(turn, message, **{name: on})


def _may_pin(turn: Turn, message: Message) -> None:
    if message.audience != Audience.EVERYONE:
        raise Refusal(409, _("Only what everybody may read can be pinned."), code="would_show")
    if len(reading.pinned(turn.reader)) >= MOST_PINNED:
        words = _("Three messages are pinned already: unpin one of them first.")
        raise Refusal(409, words, code="too_many_pinned")


def set_mode(turn: Turn, mode: Mode, slow_seconds: int) -> None:
    """Who writes from now on, in this lecture."""
    before, kept = turn.chat.everyone_at, turn.kept
    if (kept.mode, kept.slow_seconds) == (mode, slow_seconds):
        return
    turn.chat.mode, turn.chat.slow_seconds = mode, slow_seconds
    turn.chat.next(Audience.EVERYONE)
    _record(turn, "mode", mode=mode, slow_seconds=slow_seconds)
    db.session.commit()
    news.tell_public(turn.lecture, before)


# --- what they share ------------------------------------------------------------------


def _must_be_mine(turn: Turn, message: Message) -> None:
    if not turn.is_mine(message):
        raise _not_yours()


def _not_yours() -> Refusal:
    return Refusal(403, _("This is somebody else's message."), code="not_yours")


def _in_time(turn: Turn, message: Message) -> None:
    minutes = turn.kept.edit_minutes
    if microseconds() - message.at > minutes * 60e6:
        words = ngettext(
            "A message can be changed for a minute after it was sent.",
            "A message can be changed for %(num)s minutes after it was sent.",
            minutes,
        )
        raise Refusal(409, words, code="too_late")


def _change(turn: Turn, message: Message, **values: Any) -> Message:
    before = turn.chat.everyone_at
    for name, value in values.items():
        setattr(message, name, value)
    message.changed = turn.chat.next(message.audience)
    _commit(turn, message, before)
    return message


def _commit(turn: Turn, message: Message, before: int) -> None:
    db.session.commit()
    news.tell(turn.lecture, message, before)


def _record(turn: Turn, action: str, target: str = "", **details: Any) -> None:
    actor = db.session.get(User, turn.viewer.user_id)
    lecture = turn.lecture
    record(
        f"chat.{action}",
        actor=actor,
        room_id=lecture.room_id,
        lecture_id=lecture.id,
        target=target,
        **details,
    )
