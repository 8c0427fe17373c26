"""WebSockets of hosts and admins: told the state of things whenever it may have changed.

Authority is asked anew before each message. Nothing that a browser sends is read.
"""

from __future__ import annotations

import json
import logging
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any, cast

from flask import Flask, current_app, request
from flask_sock import Sock
from simple_websocket import ConnectionClosed, Server

from core.bus import subscribe
from core.config import config
from core.db import db

log = logging.getLogger(__name__)
sock = Sock()
QUIET_SECONDS = 60
# Three hundred people who come in at once are one message, not three hundred.
BUNDLE_SECONDS = 0.25
PING_SECONDS = 20
LARGEST_MESSAGE = 4096
State = Callable[[], dict[str, Any] | None]


class Closed(IntEnum):
    """Why a socket was closed; the page comes back by itself after all but the first two."""

    NOT_ALLOWED = 4401
    ELSEWHERE = 4408
    BUSY = 1013
    RESTART = 1012


@dataclass
class Sockets:
    """The open sockets of one worker, by whose they are."""

    open: dict[str, list[Server]] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)
    closing: bool = False

    def enter(self, owner: str, socket: Server) -> bool:
        """Count a socket in; the oldest of the same owner makes room for it."""
        with self.lock:
            if self.closing or sum(map(len, self.open.values())) >= config().streams_per_worker:
                return False
            mine = self.open.setdefault(owner, [])
            superfluous = mine[: max(0, len(mine) + 1 - config().streams_per_session)]
            mine.append(socket)
        for old in superfluous:
            close(old, Closed.ELSEWHERE)
        return True

    def leave(self, owner: str, socket: Server) -> None:
        with self.lock:
            mine = self.open.get(owner, [])
            if socket in mine:
                mine.remove(socket)
            if not mine:
                self.open.pop(owner, None)

    def close(self) -> None:
        """End them all, so that a worker that stops needn't wait; the pages come back."""
        self.closing = True
        for socket in [socket for several in list(self.open.values()) for socket in several]:
            close(socket, Closed.RESTART)


def init_app(app: Flask) -> None:
    """Let routes of ``sock`` be WebSockets, with limits."""
    app.config["SOCK_SERVER_OPTIONS"] = {"ping_interval": PING_SECONDS, "max_message_size": LARGEST_MESSAGE}
    app.extensions["audimax_sockets"] = Sockets()
    sock.init_app(app)


def sockets() -> Sockets:
    """The open sockets of this worker."""
    return cast(Sockets, current_app.extensions["audimax_sockets"])


def hold(socket: Server, owner: str, topics: Iterable[str], state: State) -> None:
    """Send ``state()`` now and after each wake of a topic, until it is None or the browser has gone.

    ``state`` runs in a request context of its own each time, so it sees the caller as they are then.
    """
    if not sockets().enter(owner, socket):
        return close(socket, Closed.BUSY)
    stops = [subscribe(topic, lambda _hint: socket.event.set()) for topic in topics]
    # No connection is held while nothing happens.
    db.session.remove()
    try:
        _tell(socket, state)
    except ConnectionClosed:
        pass
    finally:
        for stop in stops:
            stop()
        sockets().leave(owner, socket)
    return None


def close(socket: Server, why: Closed) -> None:
    """Close it, if it isn't closed already."""
    try:
        socket.close(int(why), why.name.lower())
    except (ConnectionClosed, OSError):
        return
    socket.event.set()


def _tell(socket: Server, state: State) -> None:
    said = ""
    while socket.connected:
        try:
            found = _look(state)
        except Exception:
            # The database may be away: the page comes back when it is there again.
            log.warning("a socket could not look, closing it", exc_info=True)
            return close(socket, Closed.RESTART)
        if found is None:
            return close(socket, Closed.NOT_ALLOWED)
        message = json.dumps(found, separators=(",", ":"))
        if message != said:
            socket.send(message)
            said = message
        _rest(socket)
    return None


def _look(state: State) -> dict[str, Any] | None:
    app, environ = current_app._get_current_object(), request.environ  # type: ignore[attr-defined]
    # A request context alone would share the `g` and the database session of the one it is in.
    with app.app_context(), app.request_context(environ):
        return state()


def _rest(socket: Server) -> None:
    """Until something happened: a wake, the end, or for a minute."""
    socket.event.wait(QUIET_SECONDS)
    time.sleep(BUNDLE_SECONDS)
    socket.event.clear()
    socket.input_buffer.clear()
