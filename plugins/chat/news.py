"""What pages are told after a commit, bundled: what is public rides in the packet, the rest is fetched.

A packet says ``after`` and ``upto``: who knows everything up to the first moment knows, with it,
everything up to the second. Who doesn't fetches what has changed. ``messages`` is missing where they
are too large. ``private`` says to those whom it concerns that there is something to fetch.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa

from core.api import Audience, Lecture, Pace, Participant, db, in_context, order
from plugins.chat.answers import Shown, describe, describe_all
from plugins.chat.models import Message, chat_of, of_everybody
from plugins.chat.reading import settings_of

TOPIC = "chat"
# Of LiveKit's 15 KiB, less what stands around the messages.
LARGEST = 12_000
MOST = 100
PACE = Pace(0.05)


@dataclass
class Pending:
    """What has been committed and not been told: since when in public, and who is concerned in private."""

    after: int | None = None
    people: set[int] = field(default_factory=set)


_pending: dict[int, Pending] = {}
_noting = threading.Lock()


def tell(lecture: Lecture, message: Message, before: int) -> None:
    """Those who may see the message hear of its change; ``before``: the last public moment till then."""
    if message.audience == Audience.EVERYONE:
        tell_public(lecture, before)
    else:
        tell_private(lecture, message)


def tell_public(lecture: Lecture, after: int) -> None:
    """Everybody hears what has changed after that moment."""
    with _noting:
        pending = _pending.setdefault(lecture.id, Pending())
        pending.after = after if pending.after is None else min(after, pending.after)
    PACE.go(lecture.id, in_context(_send, lecture.id))


def tell_private(lecture: Lecture, message: Message) -> None:
    """The hosts, the author and whom it is for hear that there is something."""
    concerned = {key for key in (message.participant_id, message.recipient_id) if key is not None}
    with _noting:
        _pending.setdefault(lecture.id, Pending()).people |= concerned
    PACE.go(lecture.id, in_context(_send, lecture.id))


def _send(lecture_id: int) -> None:
    with _noting:
        pending = _pending.pop(lecture_id, None)
    lecture = db.session.get(Lecture, lecture_id)
    if pending is None or lecture is None or not lecture.is_live:
        return
    packets = [] if pending.after is None else list(_packets(lecture, pending.after))
    people = _concerned(lecture, pending.people) if pending.people else []
    # LiveKit may take its time; no database connection waits for it.
    db.session.expunge_all()
    db.session.commit()
    for packet in packets:
        order.tell(lecture, TOPIC, packet)
    if people:
        order.tell(lecture, TOPIC, {"private": True}, to=people)


def _concerned(lecture: Lecture, people: set[int]) -> Sequence[Participant]:
    theirs = sa.or_(Participant.role == "host", Participant.id.in_(people))
    inside = Participant.lecture_id == lecture.id, Participant.removed_at.is_(None)
    return db.session.scalars(sa.select(Participant).where(*inside, theirs)).all()


def _packets(lecture: Lecture, after: int) -> Iterator[dict[str, Any]]:
    """What has changed after that moment, in as many packets as it needs."""
    chat = chat_of(lecture)
    kept, upto = settings_of(lecture, chat), chat.everyone_at
    state = {"mode": kept.mode, "slow_seconds": kept.slow_seconds}
    changed = of_everybody(lecture).where(Message.changed > after, Message.changed <= upto)
    rows = db.session.execute(changed.order_by(Message.changed).limit(MOST + 1)).all()
    if len(rows) > MOST:
        yield {"after": after, "upto": upto, "state": state}
        return
    for messages, last in _portions(describe_all(rows, describe)):
        yield {"after": after, "upto": last, **({"messages": messages} if messages else {})}
        after = last
    if after < upto or not rows:
        yield {"after": after, "upto": upto, "messages": [], "state": state}


def _portions(found: Sequence[Shown]) -> Iterator[tuple[list[Any], int]]:
    """Messages that fit into one packet, and the moment of the last; none where one alone doesn't."""
    portion: list[Any] = []
    size, last = 0, 0
    for message in found:
        shown = message.model_dump(mode="json", exclude_none=True)
        weight = len(json.dumps(shown))
        if portion and size + weight > LARGEST:
            yield portion, last
            portion, size = [], 0
        if weight > LARGEST:
            yield [], message.version
            continue
        portion.append(shown)
        size, last = size + weight, message.version
    if portion:
        yield portion, last
