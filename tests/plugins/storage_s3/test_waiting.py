"""Under gunicorn, as we run it, who waits for S3 keeps nobody else waiting."""

from __future__ import annotations

import os
import socket
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import requests

from core.run.processes import spawn, stop
from tests.fixtures.livekit import until
from tests.fixtures.product import ROOT, free_ports

GUESTS = 20
SECONDS = 30


class LateS3:
    """Takes every request at once and answers all of them when it is told to."""

    def __init__(self) -> None:
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=100)
        self.waiting: list[bytes] = []
        self.answering = threading.Event()
        threading.Thread(target=self._take, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.listener.getsockname()[1]}"

    def _take(self) -> None:
        try:
            while True:
                threading.Thread(target=self._serve, args=(self.listener.accept()[0],), daemon=True).start()
        except OSError:
            # Closed by the test.
            pass

    def _serve(self, connection: socket.socket) -> None:
        with connection:
            asked = b""
            while not asked.endswith(b"\r\n\r\n") and (more := connection.recv(65536)):
                asked += more
            self.waiting.append(asked)
            self.answering.wait(SECONDS)
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello")

    def close(self) -> None:
        self.answering.set()
        self.listener.close()


@pytest.fixture
def late_s3() -> Iterator[LateS3]:
    made = LateS3()
    yield made
    made.close()


@pytest.fixture
def web(late_s3: LateS3, tmp_path: Path) -> Iterator[str]:
    """A gunicorn with one worker and our configuration."""
    port = free_ports(1)[0]
    environ = {name: value for name, value in os.environ.items() if not name.startswith("AUDIMAX_")}
    environ |= {"AUDIMAX_PORT": str(port), "AUDIMAX_INSTANCE_DIR": str(tmp_path), "SLOW_S3": late_s3.url}
    program = [sys.executable, "-m", "gunicorn", "-c", str(ROOT / "gunicorn.conf.py")]
    with (tmp_path / "web.log").open("wb") as log:
        process = spawn(
            [*program, "tests.plugins.storage_s3.slow_app:app"], env=environ, output=log, cwd=ROOT
        )
    url = f"http://127.0.0.1:{port}"

    def answers() -> bool:
        assert process.poll() is None, (tmp_path / "web.log").read_text()
        try:
            return requests.get(f"{url}/alive", timeout=5).ok
        except (requests.ConnectionError, requests.Timeout):
            return False

    until(answers)
    yield url
    stop(process, grace=5)


def test_a_late_s3_keeps_no_other_guest_waiting(web: str, late_s3: LateS3) -> None:
    with ThreadPoolExecutor(GUESTS) as pool:
        waiting = [pool.submit(requests.get, f"{web}/file", timeout=SECONDS) for _ in range(GUESTS)]
        until(lambda: len(late_s3.waiting) >= GUESTS)
        for _again in range(10):
            assert requests.get(f"{web}/alive", timeout=SECONDS).text == "yes"
        assert not any(one.done() for one in waiting)
        late_s3.answering.set()
        assert [one.result(SECONDS).text for one in waiting] == ["hello"] * GUESTS
