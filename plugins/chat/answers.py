"""What pages get to see of messages and of the chat."""

from __future__ import annotations

from collections.abc import Sequence

from core.api import Answer
from plugins.chat.models import Message

QUOTED = 140


class Author(Answer):
    """``identity`` is missing where the person has been erased."""

    identity: str | None = None
    name: str
    is_host: bool


class Quote(Answer):
    """The message that was answered, shortened; ``text`` is empty when it was removed."""

    id: str
    name: str
    text: str


class Shown(Answer):
    """A message. ``at`` is its place in the order, ``version`` rises with every change of it.

    ``to`` names the guest to whom a host answered in private. ``client_id`` tells the author's page
    which of its lines that is. ``mine`` and ``marks`` (own votes and reactions) are in what was asked
    for, not in packets.
    """

    id: str
    at: int
    version: int
    audience: str
    author: Author
    to: str | None = None
    text: str
    reply: Quote | None = None
    is_question: bool
    answered: bool
    pinned: bool
    edited: bool
    removed_by: str | None = None
    votes: int
    reactions: dict[str, int]
    client_id: str | None = None
    mine: bool | None = None
    marks: list[str] | None = None


class State(Answer):
    """Who may write. ``silenced``: the caller's right was taken. ``wait``: seconds left of slow mode."""

    mode: str
    slow_seconds: int
    edit_minutes: int
    silenced: bool
    wait: int
    pinned: list[Shown]


class Page(Answer):
    """Messages in order. ``more``: there are others in the direction that was asked for.

    Whoever has this knows everything up to the moment ``upto``, as far as they may see it.
    """

    messages: list[Shown]
    more: bool
    upto: int
    state: State | None = None


def describe(message: Message) -> Shown:
    """A message as everybody who may see it sees it."""
    author, recipient = message.participant, message.recipient
    return Shown(
        id=message.public_id,
        at=message.at,
        version=message.changed,
        audience=message.audience,
        author=Author(
            identity=author.identity if author else None,
            name=message.author_name,
            is_host=message.author_is_host,
        ),
        to=recipient.name if recipient else None,
        text=message.text,
        reply=_quote(message.reply_to),
        is_question=message.is_question,
        answered=message.answered,
        pinned=message.pinned,
        edited=message.edited,
        removed_by=(message.removed_by or "erasure") if message.is_removed else None,
        votes=message.votes,
        reactions={} if message.is_removed else message.reactions,
        client_id=message.client_id,
    )


def describe_for(message: Message, mine: bool, marks: Sequence[str]) -> Shown:
    """The same for one person, with what they have marked in it."""
    found = describe(message)
    found.mine, found.marks = mine, list(marks)
    if not mine:
        found.client_id = None
    return found


def _quote(message: Message | None) -> Quote | None:
    if message is None:
        return None
    text = message.text if len(message.text) <= QUOTED else f"{message.text[: QUOTED - 1]}…"
    return Quote(id=message.public_id, name=message.author_name, text=text)
