"""The drill's one address for several webs: the next one each time, and past one that is gone."""

from __future__ import annotations

import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress

from tests.fixtures.livekit import until
from tests.fixtures.product import ROOT, free_ports


@contextmanager
def saying(words: bytes) -> Iterator[int]:
    """A server that says something to everybody and hangs up; gives its port."""
    with socket.create_server(("127.0.0.1", 0)) as door:

        def serve() -> None:
            with suppress(OSError):
                while True:
                    line, _from = door.accept()
                    with line:
                        line.sendall(words)

        threading.Thread(target=serve, daemon=True).start()
        yield door.getsockname()[1]


def heard(port: int) -> bytes:
    with closing(socket.create_connection(("127.0.0.1", port), 20)) as line:
        said = b""
        while piece := line.recv(100):
            said += piece
        return said


def test_it_goes_from_one_to_the_next_and_past_one_that_is_gone() -> None:
    front, gone = free_ports(2)
    with saying(b"a") as a, saying(b"b") as b:
        argv = [sys.executable, "-m", "bench.drill.balancer", *map(str, (front, a, gone, b))]
        process = subprocess.Popen(argv, cwd=ROOT)
        try:
            until(lambda: _answers(front), what="the balancer answers")
            found = [heard(front) for _ in range(9)]
        finally:
            process.terminate()
            process.wait(20)
    assert found.count(b"") == 0
    assert {b"a", b"b"} == set(found)


def _answers(port: int) -> bool:
    with suppress(OSError):
        return bool(heard(port))
    return False
