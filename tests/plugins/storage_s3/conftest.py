"""A storage on a real S3 server; a stand-in only where that server can't be made to answer so."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from plugins.storage_s3.settings import Settings
from plugins.storage_s3.storage import S3Storage
from tests.fixtures.s3 import S3Server


@pytest.fixture
def make_storage(s3_server: S3Server) -> Callable[..., S3Storage]:
    """``make_storage(prefix="a")``: a storage on the server, with these settings."""
    return lambda **changed: S3Storage(Settings(**{**s3_server.settings, **changed}))


@pytest.fixture
def storage(make_storage: Callable[..., S3Storage]) -> S3Storage:
    return make_storage()


def refusal(code: str, message: str = "") -> bytes:
    """As S3 words it."""
    return f"<Error><Code>{code}</Code><Message>{message}</Message></Error>".encode()


@dataclass
class StandIn:
    """Writes requests down and gives one answer to all of them, but for some queries another."""

    url: str = ""
    status: int = 200
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    asked: list[tuple[str, str, dict[str, str]]] = field(default_factory=list)
    answers: dict[str, tuple[int, bytes]] = field(default_factory=dict)

    def refuses(self, status: int, code: str, message: str = "") -> None:
        self.status, self.body = status, refusal(code, message)

    def answer_to(self, query: str) -> tuple[int, bytes]:
        return self.answers.get(query.partition("&")[0], (self.status, self.body))

    @property
    def last(self) -> dict[str, str]:
        """The headers of the last request, by lower-case names."""
        return {name.lower(): value for name, value in self.asked[-1][2].items()}


@pytest.fixture
def stand_in() -> Iterator[StandIn]:
    """For what versitygw doesn't do: encryption, quotas, answers of other makers."""
    said = StandIn()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def answer(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            said.asked.append((self.command, self.path, dict(self.headers)))
            status, body = said.answer_to(self.path.partition("?")[2])
            self.send_response(status)
            for name, value in said.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body)

        do_GET = do_PUT = do_POST = do_HEAD = do_DELETE = do_OPTIONS = answer

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    said.url = f"http://127.0.0.1:{server.server_port}"
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    yield said
    server.shutdown()
    server.server_close()


@pytest.fixture
def on_stand_in(stand_in: StandIn) -> Callable[..., S3Storage]:
    """A storage on the stand-in, with these settings."""
    keys = {"access_key": "key", "secret_key": "topsecret", "bucket": "lectures"}
    return lambda **changed: S3Storage(Settings(**{**keys, "endpoint": stand_in.url, **changed}))
