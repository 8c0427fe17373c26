"""What pages are told, bundled: five hundred hands aren't five hundred packets for each page."""

from __future__ import annotations

import logging
import threading
from collections import Counter
from collections.abc import Callable
from functools import partial
from typing import Any

from flask import Flask, current_app
from sqlalchemy.exc import SQLAlchemyError

from core.api import Lecture, db, order, room_settings
from plugins.webinar.models import read_queue
from plugins.webinar.settings import RoomSettings

log = logging.getLogger(__name__)
TOPIC = "webinar"


class Pace:
    """At most one call for a key in so many seconds of this process.

    The first is made at once; those that come meanwhile become one call afterwards. Of several web
    workers each keeps its own pace: they bound the packets by their number, and lose none at a crash
    that the next one doesn't make good.
    """

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._lock = threading.Lock()
        self._waiting: dict[int, Callable[[], None] | None] = {}

    def go(self, key: int, work: Callable[[], None]) -> None:
        with self._lock:
            if key in self._waiting:
                self._waiting[key] = work
                return
            self._waiting[key] = None
        self._rest(key)
        work()

    def _rest(self, key: int) -> None:
        # A greenlet under gevent, a thread elsewhere.
        timer = threading.Timer(self.seconds, self._go_on, (key,))
        timer.daemon = True
        timer.start()

    def _go_on(self, key: int) -> None:
        with self._lock:
            work = self._waiting.pop(key)
            if work is None:
                return
            self._waiting[key] = None
        self._rest(key)
        work()


_queues, _applause = Pace(1.0), Pace(0.5)
_counted: dict[int, Counter[str]] = {}
_counting = threading.Lock()


def tell_queue(lecture: Lecture) -> None:
    """Tell everybody how the queue is now; after the commit of a host's decision."""
    _in_context(_send_queue, lecture.id)()


def tell_queue_soon(lecture: Lecture) -> None:
    """The same, bundled: for what any number of people may do at once."""
    _queues.go(lecture.id, _in_context(_send_queue, lecture.id))


def applaud(lecture: Lecture, emoji: str) -> None:
    """Count a reaction; what came within half a second is told together."""
    with _counting:
        _counted.setdefault(lecture.id, Counter())[emoji] += 1
    _applause.go(lecture.id, _in_context(_send_applause, lecture.id))


def _in_context(work: Callable[[int], None], lecture_id: int) -> Callable[[], None]:
    return partial(_run, current_app._get_current_object(), work, lecture_id)  # type: ignore[attr-defined]


def _run(app: Flask, work: Callable[[int], None], lecture_id: int) -> None:
    try:
        with app.app_context():
            work(lecture_id)
    except SQLAlchemyError as error:
        log.warning("lecture %d hears of hands with the next packet: %s", lecture_id, type(error).__name__)


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
