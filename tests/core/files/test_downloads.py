"""Bytes that leave: to whom, which of them, and as what."""

from __future__ import annotations

from io import BytesIO
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from core.contracts import Audience
from core.db import db, now
from core.files import storages
from core.lectures.models import Lecture
from core.rooms.models import Room
from tests.core.files.conftest import PDF, Hall

TEXT = b"0123456789" * 100


@pytest.fixture
def shared(hall: Hall) -> str:
    return hall.send(hall.guest("Alan"), "Übung „1“.txt", TEXT, in_use=True)


def test_a_file_comes_back_as_it_was(hall: Hall, shared: str) -> None:
    answer = hall.guest().client.get(f"/files/{shared}")
    assert (answer.status_code, answer.data) == (200, TEXT)
    headers = answer.headers
    assert headers["Content-Length"] == "1000"
    assert headers["Content-Type"].startswith("text/plain")
    assert headers["Content-Disposition"] == (
        "attachment; filename=\"Ubung 1.txt\"; filename*=UTF-8''%C3%9Cbung%20%E2%80%9E1%E2%80%9C.txt"
    )
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Content-Security-Policy"] == "sandbox; default-src 'none'"
    assert headers["Cross-Origin-Resource-Policy"] == "same-origin"
    assert headers["Cache-Control"] == "private, no-cache"
    assert headers["Accept-Ranges"] == "bytes"
    assert headers["ETag"]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("page.html", b"<script>alert(1)</script>"),
        ("logo.svg", b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>"),
        ("code.js", b"alert(1)"),
        ("feed.xml", b"<?xml version='1.0'?><a/>"),
        ("style.css", b"a{}"),
    ],
)
def test_what_a_browser_would_run_is_bytes(hall: Hall, name: str, content: bytes) -> None:
    made = hall.send(hall.guest(), name, content, in_use=True)
    answer = hall.host.get(f"/files/{made}")
    assert answer.headers["Content-Type"] == "application/octet-stream"
    assert answer.headers["Content-Disposition"].startswith("attachment")
    assert hall.row(made).mime != "application/octet-stream"


def test_a_film_is_sent_as_one_in_the_parts_that_a_player_asks_for(hall: Hall) -> None:
    body = b"\x1aE\xdf\xa3" + bytes(996)
    made = hall.send(hall.guest(), "lecture.webm", body, in_use=True)
    whole = hall.host.get(f"/files/{made}", headers={"Range": "bytes=0-"})
    assert (whole.status_code, whole.mimetype, whole.data) == (206, "video/webm", body)
    part = hall.host.get(f"/files/{made}?again=1", headers={"Range": "bytes=500-"})
    assert (part.status_code, part.mimetype) == (206, "video/webm")
    assert part.headers["Content-Range"] == "bytes 500-999/1000"


@pytest.mark.parametrize(
    ("asked", "part"),
    [
        ("bytes=0-9", (0, 9)),
        ("bytes=990-", (990, 999)),
        ("bytes=-10", (990, 999)),
        ("bytes=995-2000", (995, 999)),
    ],
)
def test_a_part_is_sent(hall: Hall, shared: str, asked: str, part: tuple[int, int]) -> None:
    answer = hall.host.get(f"/files/{shared}", headers={"Range": asked})
    assert (answer.status_code, answer.data) == (206, TEXT[part[0] : part[1] + 1])
    assert answer.headers["Content-Range"] == f"bytes {part[0]}-{part[1]}/1000"
    assert answer.headers["Content-Length"] == str(part[1] - part[0] + 1)


def test_a_part_behind_the_end_is_refused_in_words(hall: Hall, shared: str) -> None:
    answer = hall.host.get(f"/files/{shared}", headers={"Range": "bytes=1000-"})
    assert (answer.status_code, answer.headers["Content-Range"]) == (416, "bytes */1000")
    assert "no such part" in answer.text


@pytest.mark.parametrize("asked", ["bytes=0-1,5-6", "lines=1-2", "bytes=x-y", "bytes=5-1"])
def test_what_cannot_be_read_as_one_part_is_the_whole(hall: Hall, shared: str, asked: str) -> None:
    answer = hall.host.get(f"/files/{shared}", headers={"Range": asked})
    assert (answer.status_code, answer.data) == (200, TEXT)


def test_a_part_of_something_else_is_the_whole(hall: Hall, shared: str) -> None:
    etag = hall.host.head(f"/files/{shared}").headers["ETag"]
    for said, status in ((etag, 206), ('"other"', 200)):
        headers = {"Range": "bytes=0-9", "If-Range": said}
        assert hall.host.get(f"/files/{shared}", headers=headers).status_code == status


def test_what_the_browser_has_is_not_sent_again(hall: Hall, shared: str) -> None:
    etag = hall.host.get(f"/files/{shared}").headers["ETag"]
    answer = hall.host.get(f"/files/{shared}", headers={"If-None-Match": etag})
    assert (answer.status_code, answer.data) == (304, b"")


def test_head_says_what_get_would(hall: Hall, shared: str) -> None:
    head, get = hall.host.head(f"/files/{shared}"), hall.host.get(f"/files/{shared}")
    assert head.data == b""
    for name in ("Content-Length", "Content-Type", "Content-Disposition", "ETag", "Accept-Ranges"):
        assert head.headers[name] == get.headers[name]


# --- to whom ----------------------------------------------------------------------------


def statuses(shared: str, *clients: FlaskClient) -> list[int]:
    return [
        client.get(f"/files/{shared}{what}").status_code for client in clients for what in ("", "/preview")
    ]


def test_who_is_inside_may_have_it_and_nobody_else(
    hall: Hall, shared: str, app: Flask, make_user: Any, sign_in: Any
) -> None:
    with app.test_request_context():
        storages.local().save("previews/x", BytesIO(b"webp"), "image/webp")
    hall.change(shared, preview_key="previews/x")
    admin, other = sign_in(make_user(is_admin=True)), sign_in(make_user())
    assert statuses(shared, hall.host, admin, hall.guest().client) == [200] * 6
    assert statuses(shared, other, app.test_client()) == [404] * 4


def test_who_was_removed_gets_nothing_from_that_moment(hall: Hall, shared: str) -> None:
    grace = hall.guest()
    mine = hall.send(grace, "mine.txt", TEXT, in_use=True)
    assert statuses(shared, grace.client)[0] == 200
    hall.remove(grace)
    assert statuses(shared, grace.client) == statuses(mine, grace.client) == [404, 404]


def test_what_is_for_hosts_is_for_them_and_its_sender(hall: Hall) -> None:
    grace = hall.guest()
    made = hall.send(grace, "question.txt", TEXT, in_use=True, audience=Audience.HOSTS)
    assert [c.get(f"/files/{made}").status_code for c in (hall.host, grace.client)] == [200, 200]
    assert hall.guest("Eve").client.get(f"/files/{made}").status_code == 404


def test_after_the_end_it_is_for_those_who_may_read_the_lecture(hall: Hall, shared: str) -> None:
    grace = hall.guest()
    with hall.app.app_context():
        db.session.get_one(Lecture, hall.lecture).ended_at = now()
        db.session.commit()
    assert grace.client.get(f"/files/{shared}").status_code == 404
    assert hall.host.get(f"/files/{shared}").status_code == 200
    with hall.app.app_context():
        room = db.session.get_one(Room, hall.room)
        room.settings = {**room.settings, "participants_read": True}
        db.session.commit()
    assert grace.client.get(f"/files/{shared}").status_code == 200


@pytest.mark.parametrize(
    ("values", "status", "words"),
    [
        ({"state": "incoming"}, 409, "t there yet"),
        ({"state": "checking"}, 409, "t there yet"),
        ({"scan": "waiting"}, 409, "being checked for viruses"),
        ({"scan": "failed"}, 409, "could not be checked"),
        ({"state": "refused", "refused_because": "It had a virus."}, 410, "It had a virus."),
        ({"state": "gone"}, 404, "no such file"),
        ({"lecture_id": None}, 404, "no such file"),
    ],
)
def test_what_is_not_handed_out_is_said_in_words(
    hall: Hall, shared: str, values: dict[str, Any], status: int, words: str
) -> None:
    hall.change(shared, **values)
    answer = hall.host.get(f"/files/{shared}")
    assert answer.status_code == status
    assert words in answer.text
    assert TEXT not in answer.data


# --- previews, failures, other storages -------------------------------------------------


def test_a_preview_is_a_picture_of_ours(hall: Hall, shared: str) -> None:
    assert hall.host.get(f"/files/{shared}/preview").status_code == 404
    with hall.app.test_request_context():
        storages.local().save("previews/x", BytesIO(b"a picture"), "image/webp")
    hall.change(shared, preview_key="previews/x")
    answer = hall.host.get(f"/files/{shared}/preview")
    assert (answer.status_code, answer.data, answer.mimetype) == (200, b"a picture", "image/webp")
    assert answer.headers["Content-Security-Policy"] == "sandbox; default-src 'none'"
    assert "Content-Disposition" not in answer.headers


def test_bytes_that_are_missing_are_no_crash(hall: Hall, shared: str) -> None:
    with hall.app.app_context():
        storages.local().delete(hall.row(shared).key)
    answer = hall.host.get(f"/files/{shared}")
    assert (answer.status_code, "no such file" in answer.text) == (404, True)


def test_a_storage_that_is_down_or_off_is_said_in_words(hall: Hall, shared: str) -> None:
    hall.change(shared, storage="s3")
    answer = hall.host.get(f"/files/{shared}")
    assert (answer.status_code, "can&#39;t be reached" in answer.text) == (503, True)
    assert int(answer.headers["Retry-After"]) > 0


def test_no_database_connection_is_held_while_bytes_flow(hall: Hall, shared: str) -> None:
    with hall.app.app_context():
        pool = db.engine.pool
    answer = hall.host.get(f"/files/{shared}", buffered=False)
    assert pool.checkedout() == 0  # type: ignore[attr-defined]
    assert b"".join(answer.iter_encoded()) == TEXT


def test_a_file_may_be_elsewhere(hall: Hall, shared: str) -> None:
    """A storage with addresses of its own sends the browser there."""

    class Elsewhere(type(storages_of(hall))):  # type: ignore[misc]
        id = "elsewhere"

        def url(self, key: str, name: str, mime: str, seconds: int) -> str:
            return f"https://files.uni.example/{key}?name={name}&mime={mime}&seconds={seconds}"

    hall.app.extensions["audimax_offers"]["storages"]["elsewhere"] = Elsewhere(storages_of(hall).folder)
    hall.change(shared, storage="elsewhere", mime="text/html")
    answer = hall.host.get(f"/files/{shared}")
    assert (answer.status_code, answer.headers["Cache-Control"]) == (302, "no-store")
    assert answer.location.endswith("mime=application/octet-stream&seconds=60")


def storages_of(hall: Hall) -> Any:
    with hall.app.app_context():
        return storages.local()


def test_pages_may_send_to_the_storage_of_new_files_only(app: Flask) -> None:
    policy = app.test_client().get("/sign-in").headers["Content-Security-Policy"]
    assert "connect-src 'self' ws://localhost:8001 http://localhost:8001; " in policy
    app.extensions["audimax_upload_origins"] = ("https://s3.uni.example",)
    policy = app.test_client().get("/sign-in").headers["Content-Security-Policy"]
    assert "connect-src 'self' ws://localhost:8001 http://localhost:8001 https://s3.uni.example; " in policy


def test_a_large_file_flows_through_in_pieces(hall: Hall) -> None:
    body = PDF + bytes(3_000_000)
    made = hall.send(hall.guest(), "large.pdf", body, in_use=True)
    answer = hall.host.get(f"/files/{made}", buffered=False)
    pieces = list(answer.iter_encoded())
    assert max(map(len, pieces)) <= 128 * 1024
    assert b"".join(pieces) == body
