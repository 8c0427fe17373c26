"""What pages are told: the whole state of one poll, small enough for a packet, without who chose what."""

from __future__ import annotations

from typing import Any

from audimax_poll import polls
from audimax_poll.models import Poll
from core.api import Lecture, Pace, db, in_context, order

TOPIC = "poll"
# Five hundred votes within a second are one packet for each page.
_votes = Pace(1.0)


def public(poll: Poll, counts: list[int], *, for_host: bool = False) -> dict[str, Any]:
    """A poll as everybody may see it; hosts see the counts of a hidden one too."""
    shown = not poll.is_open or not poll.hidden or for_host
    return {
        "id": poll.public_id,
        "question": poll.question,
        "options": poll.options,
        "hidden": poll.hidden,
        "is_open": poll.is_open,
        "votes": sum(counts),
        "counts": counts if shown else None,
    }


def tell(poll: Poll) -> None:
    """Tell everybody how it is; after the commit of what a host did."""
    in_context(_send, poll.id)()


def tell_soon(poll: Poll) -> None:
    """The same, bundled: for votes."""
    _votes.go(poll.id, in_context(_send, poll.id))


def _send(poll_id: int) -> None:
    poll = db.session.get(Poll, poll_id)
    lecture = db.session.get(Lecture, poll.lecture_id) if poll else None
    if poll is None or lecture is None or not lecture.is_live:
        return
    packet = {"poll": public(poll, polls.counts([poll])[poll.id])}
    # LiveKit may take its time; no database connection waits for it.
    db.session.expunge_all()
    db.session.commit()
    order.tell(lecture, TOPIC, packet)
