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
from functools import wraps
from typing import Any, cast

from flask import Blueprint, Flask, current_app, request
from flask_babel import gettext as _
from flask_sock import Sock
from simple_websocket import ConnectionClosed, Server
from werkzeug.exceptions import HTTPException
from wsproto.utilities import LocalProtocolError

from core.bus import subscribe
from core.config import config
from core.contracts import Role
from core.db import db
from core.errors import Refusal
from core.http.lines import Line
from core.http.views import ViewSpec, check_role, find_here, first_line, here, limited

log = logging.getLogger(__name__)
sock = Sock()
QUIET_SECONDS = 60
# Three hundred people who come in at once are one message, not three hundred.
BUNDLE_SECONDS = 0.25
PING_SECONDS = 20
LARGEST_MESSAGE = 4096
OPENINGS = "240/minute"
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


# --- sockets of plugins ---------------------------------------------------------------


def live(
    bp: Blueprint, path: str, *, roles: Iterable[Role], topics: Callable[[], Iterable[str]]
) -> Callable[[Callable[..., dict[str, Any]]], Callable[..., dict[str, Any]]]:
    """Declare a WebSocket below your mount that tells ``roles`` the state of something in a room.

    The decorated function gives the state (JSON); it is called when the socket opens and after each
    wake of a topic, and sent when it has changed. Before the handshake and before each message core
    asks what it asks before a view: the room is there, your plugin is on, the caller has a role.
    ``topics()`` gives what it depends on; the room itself and the caller's account always count.
    Nothing that the browser sends is read, but ``request.args`` has what its address carries.
    """

    def mark(state: Callable[..., dict[str, Any]]) -> Callable[..., dict[str, Any]]:
        spec = ViewSpec(frozenset(roles), None, None, None, 101, first_line(state), OPENINGS)

        @wraps(state)
        def held(socket: Server, **path: Any) -> None:
            caller = here.caller
            who = f"u{caller.user_id}" if caller.user_id else f"g{caller.guest_session_id}"
            ours = [f"room:{here.room.id}", *([f"user:{caller.user_id}"] if caller.user_id else ())]
            hold(socket, f"{request.endpoint} {who}", [*topics(), *ours], _anew(spec, state, path))

        sock.route(path, bp=Checked(bp, spec))(held)
        return state

    return mark


@dataclass
class Checked:
    """A blueprint whose callers are known before the handshake; flask-sock alone shakes hands first."""

    bp: Blueprint
    spec: ViewSpec

    def route(self, path: str, **options: Any) -> Callable[[Callable[..., Any]], None]:
        def add(view: Callable[..., Any]) -> None:
            take = limited(view, self.spec.limit)

            @wraps(view)
            def run(**path: Any) -> Any:
                take()
                _check(self.spec, path)
                if not Line(request.environ):
                    raise Refusal(426, _("This address answers to WebSockets only."), code="websocket")
                return view(**path)

            run.audimax_view = self.spec  # type: ignore[attr-defined]
            self.bp.add_url_rule(path, view.__name__, run, **options)

        return add


def _check(spec: ViewSpec, path: dict[str, Any]) -> None:
    find_here(path.pop("room_id", None), path.pop("lecture_id", None))
    check_role(spec.roles)


def _anew(spec: ViewSpec, state: Callable[..., dict[str, Any]], path: dict[str, Any]) -> State:
    """The state for who may still have it; all that is asked before a request is asked again."""

    def look() -> dict[str, Any] | None:
        try:
            if current_app.preprocess_request() is not None:
                return None
            _check(spec, dict(request.view_args or {}))
        except (Refusal, HTTPException):
            return None
        return state(**path)

    return look


def close(socket: Server, why: Closed) -> None:
    """Close it, if it isn't closed already."""
    try:
        socket.close(int(why), why.name.lower())
    except (ConnectionClosed, LocalProtocolError, OSError):
        # The last but one: somebody else closes it at this very moment.
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
