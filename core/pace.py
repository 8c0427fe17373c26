"""News, bundled: what five hundred people do at once isn't five hundred packets for each page."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from functools import partial
from typing import Any

from flask import Flask, current_app
from sqlalchemy.exc import SQLAlchemyError

log = logging.getLogger(__name__)


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


def in_context(work: Callable[..., None], *given: Any) -> Callable[[], None]:
    """``work(*given)`` in this app's context and a session of its own, whoever calls it.

    A database that is away costs this piece of news and nothing else.
    """
    return partial(_run, current_app._get_current_object(), work, given)  # type: ignore[attr-defined]


def _run(app: Flask, work: Callable[..., None], given: tuple[Any, ...]) -> None:
    try:
        with app.app_context():
            work(*given)
    except SQLAlchemyError as error:
        log.warning(
            "pages hear with the next packet what %s didn't tell: %s", work.__name__, type(error).__name__
        )
