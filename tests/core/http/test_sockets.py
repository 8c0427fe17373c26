"""What is awkward about closing a WebSocket."""

from __future__ import annotations

import threading

import pytest
from simple_websocket import ConnectionClosed
from wsproto.utilities import LocalProtocolError

from core.http import sockets
from core.http.sockets import Closed, Sockets


class Closing:
    """A socket that somebody else closes at this moment."""

    def __init__(self, error: Exception | None = None) -> None:
        self.error, self.event, self.why = error, threading.Event(), 0

    def close(self, code: int, _words: str) -> None:
        if self.error is not None:
            raise self.error
        self.why = code


@pytest.mark.parametrize("error", [LocalProtocolError("LOCAL_CLOSING"), ConnectionClosed(1000), OSError()])
def test_a_socket_that_is_being_closed_keeps_no_other_open(error: Exception) -> None:
    last = Closing()
    Sockets(open={"one": [Closing(error)], "other": [last]}).close()  # type: ignore[list-item]
    assert last.why == Closed.RESTART and last.event.is_set()
    sockets.close(Closing(error), Closed.BUSY)  # type: ignore[arg-type]
