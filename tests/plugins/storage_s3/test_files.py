"""Files of a lecture that lie on S3: through the routes, with the requests that a browser sends."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import requests
from flask import Flask

from core.contracts import SignedRequest
from core.engine import offers
from core.files.storages import PART_SIZE
from core.testing import send_signed
from tests.core.files.conftest import PDF, Hall, Sender, make_hall
from tests.fixtures.s3 import S3Server

SECONDS = 30


@pytest.fixture
def app(make_app: Callable[..., Flask], own_s3_server: S3Server, tmp_path: Path) -> Flask:
    return make_app(
        "storage_s3",
        file_storage="s3",
        instance_dir=str(tmp_path),
        plugins={"storage_s3": own_s3_server.settings},
    )


@pytest.fixture
def lecture(app: Flask, make_user: Any, make_room: Any, sign_in: Any) -> Hall:
    return make_hall(app, make_user(), make_room, sign_in)


@pytest.fixture
def grace(lecture: Hall) -> Sender:
    return lecture.guest()


@pytest.fixture
def kept(app: Flask) -> Callable[[], list[str]]:
    """All keys of the bucket."""

    def keys() -> list[str]:
        with app.app_context():
            return list(offers.storages()["s3"].list(""))

    return keys


def send(by: Sender, upload: str, content: bytes, **part: int) -> int:
    answer = by.client.post(f"/api/uploads/{upload}/address", json=part)
    assert answer.status_code == 200, answer.text
    return send_signed(SignedRequest(**answer.json), content)


def complete(by: Sender, upload: str) -> Any:
    return by.client.post(f"/api/uploads/{upload}/complete", json={})


def test_a_file_goes_straight_to_the_storage_and_comes_from_it(
    lecture: Hall, grace: Sender, kept: Callable[[], list[str]]
) -> None:
    upload = lecture.begin(grace, "Übung 1.pdf", len(PDF))
    assert grace.client.get(f"/api/uploads/{upload}").json["how"] == "direct"
    assert send(grace, upload, PDF) == 200
    done = complete(grace, upload)
    assert done.status_code == 200, done.text
    assert complete(grace, upload).json == done.json
    assert kept() == [lecture.row(upload).key], "nothing is left of what came in"
    answer = grace.client.get(f"/files/{upload}")
    assert answer.status_code == 302
    fetched = requests.get(answer.headers["Location"], timeout=SECONDS)
    assert fetched.content == PDF
    assert fetched.headers["Content-Disposition"].endswith("''%C3%9Cbung%201.pdf")


def test_a_large_file_is_resumed_in_parts_over_a_restart_of_the_server(
    lecture: Hall, grace: Sender, own_s3_server: S3Server, kept: Callable[[], list[str]]
) -> None:
    content = (PDF + b"0123456789abcdef" * (PART_SIZE // 4))[: 4 * PART_SIZE - 7]
    upload = lecture.begin(grace, "slides.pdf", len(content))
    pieces = {n: content[(n - 1) * PART_SIZE : n * PART_SIZE] for n in (1, 2, 3, 4)}
    for number in (1, 3):
        assert send(grace, upload, pieces[number], part=number) == 200
    own_s3_server.stop()
    assert grace.client.get(f"/api/uploads/{upload}").status_code == 503
    own_s3_server.start()
    halfway = grace.client.get(f"/api/uploads/{upload}").json
    assert (halfway["how"], halfway["parts"], halfway["offset"]) == ("parts", [1, 3], 2 * PART_SIZE)
    too_early = complete(grace, upload)
    assert (too_early.status_code, too_early.json["code"]) == (409, "incomplete")
    for number in (2, 4):
        assert send(grace, upload, pieces[number], part=number) == 200
    done = complete(grace, upload)
    assert done.status_code == 200, done.text
    assert kept() == [lecture.row(upload).key]
    location = grace.client.get(f"/files/{upload}").headers["Location"]
    assert requests.get(location, timeout=SECONDS).content == content


def test_a_server_that_is_away_at_the_end_is_told_and_the_retry_works(
    lecture: Hall, grace: Sender, own_s3_server: S3Server, kept: Callable[[], list[str]]
) -> None:
    upload = lecture.begin(grace, "slides.pdf", len(PDF))
    assert send(grace, upload, PDF) == 200
    own_s3_server.stop()
    away = complete(grace, upload)
    assert away.status_code == 503 and away.json["detail"]
    assert own_s3_server.url not in away.text and own_s3_server.secret not in away.text
    assert grace.client.get(f"/files/{upload}").status_code in (404, 409), "nothing half-kept is handed out"
    own_s3_server.start()
    assert complete(grace, upload).status_code == 200
    assert kept() == [lecture.row(upload).key]


def test_what_was_sent_after_completion_is_not_served(lecture: Hall, grace: Sender) -> None:
    upload = lecture.begin(grace, "slides.pdf", len(PDF))
    signed = SignedRequest(**grace.client.post(f"/api/uploads/{upload}/address", json={}).json)
    assert send_signed(signed, PDF) == 200
    assert complete(grace, upload).status_code == 200
    assert send_signed(signed, b"<html>".ljust(len(PDF))) == 200
    location = grace.client.get(f"/files/{upload}").headers["Location"]
    assert requests.get(location, timeout=SECONDS).content == PDF
