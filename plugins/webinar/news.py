"""What pages are told, bundled: five hundred hands aren't five hundred packets for each page."""

from __future__ import annotations

import threading
from collections import Counter
from typing import Any

from core.api import Lecture, Pace, db, in_context, order, room_settings
from plugins.webinar.models import read_queue
from plugins.webinar.settings import RoomSettings

TOPIC = "webinar"
_queues, _applause = Pace(1.0), Pace(0.5)
_counted: dict[int, Counter[str]] = {}
_counting = threading.Lock()


def tell_queue(lecture: Lecture) -> None:
    """Tell everybody how the queue is now; after the commit of a host's decision."""
    in_context(_send_queue, lecture.id)()


def tell_queue_soon(lecture: Lecture) -> None:
    """The same, bundled: for what any number of people may do at once."""
    _queues.go(lecture.id, in_context(_send_queue, lecture.id))


def applaud(lecture: Lecture, emoji: str) -> None:
    """Count a reaction; what came within half a second is told together."""
    with _counting:
        _counted.setdefault(lecture.id, Counter())[emoji] += 1
    _applause.go(lecture.id, in_context(_send_applause, lecture.id))


def _send_queue(lecture_id: int) -> None:
    lecture = _live(lecture_id)
    if lecture is not None:
        _tell(lecture, public(lecture))


def _send_applause(lecture_id: int) -> None:
    with _counting:
        counted = _counted.pop(lecture_id, None)
    lecture = _live(lecture_id)
    if lecture is not None and counted:
        _tell(lecture, {"reactions": counted})


def _tell(lecture: Lecture, news: dict[str, Any]) -> None:
    # LiveKit may take its time; no database connection waits for it.
    db.session.expunge(lecture)
    db.session.commit()
    order.tell(lecture, TOPIC, news)


def _live(lecture_id: int) -> Lecture | None:
    lecture = db.session.get(Lecture, lecture_id)
    return lecture if lecture is not None and lecture.is_live else None


def public(lecture: Lecture) -> dict[str, Any]:
    """What everybody in the room may know, small enough for a packet: names are at hand in every page."""
    queue = read_queue(lecture)
    kept = room_settings(lecture.room, RoomSettings)
    return {
        "at": queue.at,
        "on": kept.webinar_mode,
        "may_react": kept.reactions,
        "hands": [_unnamed(hand) for hand in queue.hands],
        "count": queue.count,
        "floors": [_unnamed(floor) for floor in queue.floors],
        "floors_count": queue.floors_count,
    }


def _unnamed(one: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in one.items() if name != "name"}
