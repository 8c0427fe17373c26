"""What somebody may see: history backwards and forwards, what has changed, the questions."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from core.api import Audience, Lecture, Viewer, db, microseconds, order, room_settings
from plugins.chat.answers import Page, Shown, State, describe_all, describe_for
from plugins.chat.models import VOTE, Chat, Message, Reader, chat_of
from plugins.chat.settings import RoomSettings

MOST = 200
MOST_QUESTIONS = 100
MOST_PINNED = 3
Found = Sequence[Any]


def newest(reader: Reader, limit: int) -> Page:
    """The last messages, and how the chat stands: what a page begins with."""
    chat = chat_of(reader.lecture)
    found = _some(reader, reader.messages().order_by(Message.at.desc()), limit)
    return _page(found[:limit][::-1], len(found) > limit, _known(reader, chat), state_of(reader, chat))


def before(reader: Reader, at: int, limit: int) -> Page:
    """The messages before a place, newest first among those that are left out."""
    found = _some(reader, reader.messages().where(Message.at < at).order_by(Message.at.desc()), limit)
    return _page(found[:limit][::-1], len(found) > limit)


def after(reader: Reader, at: int, limit: int) -> Page:
    """The messages after a place."""
    found = _some(reader, reader.messages().where(Message.at > at).order_by(Message.at), limit)
    return _page(found[:limit], len(found) > limit)


def changes(reader: Reader, since: int, private_since: int) -> Page:
    """What has changed after two moments, in the order of the changes, and how the chat stands.

    ``since`` counts for what everybody sees: packets tell of that, so a page may know more of it
    than of what is private.
    """
    chat = chat_of(reader.lecture)
    is_public = Message.audience == Audience.EVERYONE
    new = sa.or_(
        sa.and_(is_public, Message.changed > since),
        sa.and_(sa.not_(is_public), Message.changed > private_since),
    )
    # Both moments once more, for the index.
    new = sa.and_(new, Message.changed > min(since, private_since))
    found = _some(reader, reader.messages().where(new).order_by(Message.changed), MOST)
    more = len(found) > MOST
    upto = found[MOST - 1].changed if more else _known(reader, chat)
    return _page(found[:MOST], more, upto, state_of(reader, chat))


def questions(reader: Reader) -> Page:
    """The questions: open ones first, by votes; what isn't public too, for those who may see it."""
    votes = sa.func.coalesce(Message.marks[VOTE].as_integer(), 0)
    wanted = reader.messages().where(Message.is_question, Message.is_there())
    found = _some(reader, wanted.order_by(Message.answered, votes.desc(), Message.at), MOST_QUESTIONS)
    return _page(found[:MOST_QUESTIONS], len(found) > MOST_QUESTIONS)


def one(reader: Reader, message: Message) -> Shown:
    """A message as this person sees it now."""
    return describe_all(_some(reader, reader.messages().where(Message.id == message.id), 1), describe_for)[0]


def state_of(reader: Reader, chat: Chat) -> State:
    """Who may write now, and what is pinned."""
    kept = settings_of(reader.lecture, chat)
    me = order.person(reader.lecture, reader.viewer.identity)
    return State(
        mode=kept.mode,
        slow_seconds=kept.slow_seconds,
        edit_minutes=kept.edit_minutes,
        silenced=me is not None and not me.chat,
        may_attach=may_attach(reader.viewer, kept),
        wait=0 if reader.viewer.is_host else seconds_to_wait(reader, kept),
        pinned=describe_all(pinned(reader), describe_for),
    )


def settings_of(lecture: Lecture, chat: Chat) -> RoomSettings:
    """The room's settings with what the hosts have changed in this lecture."""
    kept = room_settings(lecture.room, RoomSettings)
    return RoomSettings(
        mode=kept.mode if chat.mode is None else chat.mode,  # type: ignore[arg-type]
        slow_seconds=kept.slow_seconds if chat.slow_seconds is None else chat.slow_seconds,
        edit_minutes=kept.edit_minutes,
        attachments=kept.attachments,
    )


def may_attach(viewer: Viewer, kept: RoomSettings) -> bool:
    """Whether this person's messages may have files."""
    return viewer.is_host or kept.attachments == "everyone"


def seconds_to_wait(reader: Reader, kept: RoomSettings) -> int:
    """How long slow mode keeps this person from writing; removed messages count too."""
    if not kept.slow_seconds:
        return 0
    query = sa.select(sa.func.max(Message.at)).where(
        Message.lecture_id == reader.lecture.id, Message.participant_id.in_(reader.rows)
    )
    last = db.session.scalar(query) or 0
    return max(0, math.ceil(kept.slow_seconds - (microseconds() - last) / 1e6))


def pinned(reader: Reader) -> Found:
    """What hosts have pinned, in its order."""
    wanted = reader.messages().where(Message.pinned, Message.is_there())
    return _some(reader, wanted.order_by(Message.at), MOST_PINNED)


def _known(reader: Reader, chat: Chat) -> int:
    """Up to which moment somebody knows all who reads now.

    Moments are in the order of commits, so nothing private before the last public one is missing;
    a later one would tell guests that something private has happened.
    """
    return chat.last if reader.viewer.is_host else chat.everyone_at


def _some(reader: Reader, query: Any, limit: int) -> Found:
    """One more than asked for, which tells whether there is more."""
    return db.session.execute(query.limit(limit + 1), reader.values).all()


def _page(found: Found, more: bool, upto: int = 0, state: State | None = None) -> Page:
    return Page(messages=describe_all(found, describe_for), more=more, upto=upto, state=state)
