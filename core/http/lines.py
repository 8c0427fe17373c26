"""The TCP line below a request that stays open: whether the other end is still there.

The first write to a line whose other end has gone succeeds, so writing tells too late.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping
from typing import Any

SERVERS = ("gunicorn.socket", "werkzeug.socket")
# For lines that went dead without a word: what was written must be confirmed within this time.
CONFIRMED_MS = 10_000


def _plain_sockets() -> Any:
    """Python's own class: gevent's would wait where we only want to look."""
    try:
        from gevent.monkey import get_original
    except ImportError:
        return socket.socket
    return get_original("socket", "socket")


class Line:
    """The line of one request; of a server that doesn't show it nothing is known."""

    __slots__ = ("_socket",)

    def __init__(self, environ: Mapping[str, Any]) -> None:
        self._socket: socket.socket | None = next((environ[s] for s in SERVERS if environ.get(s)), None)

    def __bool__(self) -> bool:
        return self._socket is not None

    def dies_soon_unheard(self) -> None:
        """Let the system give up a line on which nothing is confirmed any more."""
        if self._socket is not None and hasattr(socket, "TCP_USER_TIMEOUT"):
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, CONFIRMED_MS)

    def is_cut(self) -> bool:
        """Whether the other end has closed; costs a look, reads nothing."""
        if self._socket is None:
            return False
        try:
            with _plain_sockets()(fileno=os.dup(self._socket.fileno())) as copy:
                return copy.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT) == b""
        except BlockingIOError:
            return False
        except OSError:
            return True
