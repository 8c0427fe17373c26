"""What pages get to see of messages and of the chat."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from core.api import Answer, StoredFile, StoredFileAnswer, files
from plugins.chat.models import QUOTED, VOTE, attached_to

Attached = Sequence[StoredFile]


class Author(Answer):
    """``identity`` is missing where the person has been erased."""

    identity: str | None = None
    name: str
    is_host: bool


class Quote(Answer):
    """The message that was answered, shortened; it was removed if it has neither ``text`` nor files."""

    id: str
    name: str
    text: str
    has_files: bool | None = None


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
    files: list[StoredFileAnswer] | None = None
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
    """Who may write. ``silenced``: the caller's right was taken. ``wait``: seconds left of slow mode.

    ``may_attach``: the caller may send files where they may write.
    """

    mode: str
    slow_seconds: int
    edit_minutes: int
    silenced: bool
    may_attach: bool
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


def describe_all(rows: Iterable[Any], describe_one: Callable[[Any, Attached], Shown]) -> list[Shown]:
    """Messages with their files, in the same order; one look for the files of all."""
    found = list(rows)
    attached = attached_to([row.id for row in found if row.has_files])
    return [describe_one(row, attached.get(row.id, ())) for row in found]


def describe(row: Any, attached: Attached) -> Shown:
    """A message as everybody who may see it sees it; ``row`` is what ``models`` says is shown."""
    return Shown.model_validate(_about(row, attached))


def describe_for(row: Any, attached: Attached) -> Shown:
    """The same for the one who has asked."""
    about = _about(row, attached)
    about["mine"], about["marks"] = row.mine, row.own
    if not row.mine:
        about["client_id"] = None
    return Shown.model_validate(about)


def _about(row: Any, attached: Attached) -> dict[str, Any]:
    # Plain, for ``model_validate``: what is made of models one by one takes five times as long.
    is_there = bool(row.text or attached)
    return {
        "id": row.public_id,
        "at": row.at,
        "version": row.changed,
        "audience": row.audience,
        "author": {"identity": row.identity, "name": row.author_name, "is_host": row.author_is_host},
        "to": row.recipient,
        "text": row.text,
        "files": [files.describe(stored) for stored in attached] or None,
        "reply": _quote(row) if row.quoted_id else None,
        "is_question": row.is_question,
        "answered": row.answered,
        "pinned": row.pinned,
        "edited": row.edited,
        "removed_by": None if is_there else row.removed_by or "erasure",
        "votes": row.marks.get(VOTE, 0),
        "reactions": {kind: count for kind, count in row.marks.items() if kind != VOTE and is_there},
        "client_id": row.client_id,
    }


def _quote(row: Any) -> dict[str, Any]:
    text = row.quoted_text if len(row.quoted_text) <= QUOTED else f"{row.quoted_text[: QUOTED - 1]}…"
    has_files = row.quoted_has_files or None
    return {"id": row.quoted_id, "name": row.quoted_name, "text": text, "has_files": has_files}
