"""Uploads over real connections to real gunicorn workers: cut, stalled, resumed, from two sides at once."""

from __future__ import annotations

import secrets
import shutil
import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from core.files import receiving
from core.files.storages import PART_SIZE
from core.people.guests import COOKIE
from tests.conftest import ORIGIN
from tests.core.files.conftest import PDF, Hall, Sender, add
from tests.fixtures.workers import Workers

SECONDS = 60.0
MB = 1024 * 1024


class Web(Workers):
    """gunicorn with two workers, on the test's database and folder."""

    def http(self, who: Sender | None, method: str, path: str, **more: Any) -> Any:
        headers = {**self._cookie(who), **more.pop("headers", {})}
        return self.ask(method, path, headers=headers, **more)

    def send(self, who: Sender, upload: str, body: Any, offset: int) -> Any:
        headers = {"Upload-Offset": str(offset), "Content-Type": "application/offset+octet-stream"}
        return self.http(who, "PATCH", f"/api/uploads/{upload}", data=body, headers=headers)

    def begin_to_send(self, who: Sender, upload: str, announced: int, body: bytes) -> socket.socket:
        """A request whose body isn't all there yet."""
        line = socket.create_connection(("127.0.0.1", self.port))
        head = {"Host": "localhost:8000", "Origin": ORIGIN, "Upload-Offset": "0", "Content-Length": announced,
                "Content-Type": "application/offset+octet-stream", **self._cookie(who)}  # fmt: skip
        lines = [
            f"PATCH /api/uploads/{upload} HTTP/1.1",
            *(f"{name}: {value}" for name, value in head.items()),
        ]
        line.sendall("\r\n".join([*lines, "", ""]).encode() + body)
        return line

    def offset(self, who: Sender, upload: str) -> int:
        return int(self.http(who, "GET", f"/api/uploads/{upload}").json()["offset"])

    def until(self, who: Sender, upload: str, least: int) -> int:
        """Wait until so many bytes have come; how many there are."""
        end = time.monotonic() + SECONDS
        while (come := self.offset(who, upload)) < least:
            assert time.monotonic() < end, f"{come} bytes have come"
            threading.Event().wait(0.05)
        return come

    def _cookie(self, who: Sender | None) -> dict[str, str]:
        found = who.client.get_cookie(COOKIE, domain="localhost") if who else None
        return {"Cookie": f"{COOKIE}={found.value}"} if found else {}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("instance")


@pytest.fixture(scope="module")
def web(base_settings: dict[str, Any], migrated: None, folder: Path) -> Iterator[Web]:
    made = Web({**base_settings, "instance_dir": str(folder)}, folder)
    yield made
    made.stop()


@pytest.fixture
def settings(settings: dict[str, Any], folder: Path) -> Iterator[dict[str, Any]]:
    """The folder of the workers; each test begins with an empty one."""
    yield {**settings, "instance_dir": str(folder)}
    shutil.rmtree(folder / "files", ignore_errors=True)


def test_a_cut_upload_goes_on_where_it_stopped(hall: Hall, web: Web) -> None:
    grace, content = hall.guest(), PDF + secrets.token_bytes(20 * MB)
    upload = hall.begin(grace, "slides.pdf", len(content))
    line = web.begin_to_send(grace, upload, 16 * MB, content[: 5 * MB])
    web.until(grace, upload, 5 * MB - 64 * 1024)
    line.close()
    answer = web.send(grace, upload, b"", len(content))
    while answer.status_code == 423:
        answer = web.send(grace, upload, b"", len(content))
    at = int(answer.headers["Upload-Offset"])
    assert answer.status_code == 409
    assert 5 * MB - 64 * 1024 <= at <= 5 * MB
    while at < len(content):
        answer = web.send(grace, upload, content[at : at + 16 * MB], at)
        assert answer.status_code == 204
        at = int(answer.headers["Upload-Offset"])
    done = [web.http(grace, "POST", f"/api/uploads/{upload}/complete", json={}) for _twice in range(2)]
    assert [one.status_code for one in done] == [200, 200]
    assert web.http(grace, "GET", f"/files/{upload}").content == content
    part = web.http(grace, "GET", f"/files/{upload}", headers={"Range": f"bytes={5 * MB}-{6 * MB - 1}"})
    assert (part.status_code, part.content) == (206, content[5 * MB : 6 * MB])


def test_while_one_connection_sends_no_other_does(hall: Hall, web: Web) -> None:
    grace = hall.guest()
    upload = hall.begin(grace, "slides.pdf", MB)
    line = web.begin_to_send(grace, upload, MB, bytes(128 * 1024))
    web.until(grace, upload, 64 * 1024)
    busy = [web.send(grace, upload, b"x", 0) for _n in range(6)]
    assert {one.status_code for one in busy} == {423}
    assert web.http(grace, "POST", f"/api/uploads/{upload}/complete", json={}).status_code == 423
    # Another app on the same folder and database is no way round.
    assert add(grace.client, upload, b"x").status_code == 423
    line.sendall(bytes(MB - 128 * 1024))
    assert line.recv(100).startswith(b"HTTP/1.1 204")
    line.close()
    assert web.offset(grace, upload) == MB


def test_a_chunked_body_without_length_is_read_and_bounded(hall: Hall, web: Web) -> None:
    grace, content = hall.guest(), PDF + bytes(MB)
    upload = hall.begin(grace, "slides.pdf", len(content))
    assert web.send(grace, upload, iter([content[:1000], content[1000:], b"!"]), 0).status_code == 413
    assert web.offset(grace, upload) == 0
    assert web.send(grace, upload, iter([content[:1000], content[1000:]]), 0).status_code == 204
    assert web.offset(grace, upload) == len(content)


def test_a_whole_part_fits_with_and_without_its_length(hall: Hall, web: Web) -> None:
    grace = hall.guest()
    upload = hall.begin(grace, "slides.pdf", 4 * PART_SIZE)
    part = bytes(PART_SIZE)
    assert web.send(grace, upload, part, 0).status_code == 204
    assert web.send(grace, upload, iter([part[:MB], part[MB:]]), PART_SIZE).status_code == 204
    for body in (part + b"!", iter([part, b"!!"])):
        assert web.send(grace, upload, body, 2 * PART_SIZE).status_code == 413


def test_a_body_that_is_far_too_long_is_refused_before_it_comes(hall: Hall, web: Web) -> None:
    grace = hall.guest()
    upload = hall.begin(grace, "slides.pdf", MB)
    for announced in (2 * MB, 10_000 * MB):
        line = web.begin_to_send(grace, upload, announced, b"")
        assert line.recv(100).startswith(b"HTTP/1.1 413")
        line.close()
    assert web.offset(grace, upload) == 0


def test_who_is_removed_in_the_middle_sends_no_more(hall: Hall, web: Web) -> None:
    grace = hall.guest()
    upload = hall.begin(grace, "slides.pdf", len(PDF))
    assert web.send(grace, upload, PDF[:10], 0).status_code == 204
    hall.remove(grace)
    assert [web.send(grace, upload, PDF[10:], 10).status_code for _n in range(4)] == [403] * 4
    assert web.http(grace, "POST", f"/api/uploads/{upload}/complete", json={}).status_code == 403


def test_many_who_complete_at_once_get_the_same_answer(hall: Hall, web: Web) -> None:
    grace, content = hall.guest(), PDF + bytes(8 * MB)
    upload = hall.begin(grace, "slides.pdf", len(content))
    web.send(grace, upload, content, 0)
    with ThreadPoolExecutor(6) as pool:
        answers = list(
            pool.map(lambda _n: web.http(grace, "POST", f"/api/uploads/{upload}/complete", json={}), range(6))
        )
    assert {one.status_code for one in answers} <= {200, 423}
    assert len({one.text for one in answers if one.status_code == 200}) == 1
    assert hall.keys() == [hall.row(upload).key]
    assert web.http(grace, "GET", f"/files/{upload}").content == content


def test_a_line_that_stalls_is_ended(hall: Hall, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(receiving, "STALLED_SECONDS", 0.05)
    grace = hall.guest()
    upload = hall.begin(grace, "slides.pdf", len(PDF))
    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.sendall(PDF[:10])
        facts = {
            "gunicorn.socket": ours,
            "CONTENT_LENGTH": str(len(PDF)),
            "wsgi.input": ours.makefile("rb", 0),
        }
        answer = add(grace.client, upload, b"", environ_overrides=facts)
        assert (answer.status_code, answer.json["code"]) == (408, "upload_cut")
        assert answer.headers["Connection"] == "close"
        assert ours.gettimeout() is None
    assert grace.client.get(f"/api/uploads/{upload}").json["offset"] == 10
    assert add(grace.client, upload, PDF[10:], 10).status_code == 204
