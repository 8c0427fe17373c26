"""Uploads that go past us to a storage. This one keeps its parts in a folder; S3's tests are its plugin's."""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Mapping
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest

from core.contracts import DirectUploads, SignedRequest, Stat
from core.files import jobs, storages
from core.files.local import LocalStorage
from core.files.storages import LARGEST_AT_ONCE, PART_SIZE
from tests.core.files.conftest import PDF, Hall, add, make_hall

LARGE = PDF + bytes(LARGEST_AT_ONCE)


class Bucket(LocalStorage):
    """Takes what is sent to its addresses: `key`, or `key upload number`."""

    id = "bucket"
    origins = ("https://bucket.uni.example",)

    def upload(self, key: str, size: int, mime: str, seconds: int) -> SignedRequest:
        return SignedRequest("PUT", key, {"Content-Type": mime})

    def begin_parts(self, key: str, mime: str) -> str:
        made = secrets.token_hex(4)
        self.save(f"parts/{made}/begun", BytesIO(key.encode()), mime)
        return made

    def part(self, key: str, upload: str, number: int, size: int, seconds: int) -> SignedRequest:
        return SignedRequest("PUT", f"parts/{upload}/{number}")

    def parts(self, key: str, upload: str) -> Mapping[int, Stat]:
        found = list(self.list(f"parts/{upload}/"))
        if not found:
            raise FileNotFoundError(upload)
        numbers = [one.rpartition("/")[2] for one in found]
        stats = {int(n): self.stat(f"parts/{upload}/{n}") for n in numbers if n.isdigit()}
        return {number: stat for number, stat in stats.items() if stat is not None}

    def finish_parts(self, key: str, upload: str) -> None:
        try:
            numbers = sorted(self.parts(key, upload))
        except FileNotFoundError:
            return
        whole = b"".join(self.open(f"parts/{upload}/{number}").read() for number in numbers)
        self.save(key, BytesIO(whole), "x/y")
        self.drop_parts(key, upload)

    def drop_parts(self, key: str, upload: str) -> None:
        for one in list(self.list(f"parts/{upload}/")):
            self.delete(one)

    def unfinished(self, prefix: str) -> Iterable[tuple[str, str]]:
        for one in self.list("parts/"):
            if one.endswith("/begun"):
                yield self.open(one).read().decode(), one.split("/")[1]


@pytest.fixture
def hall(make_app: Any, ada: int, make_room: Any, sign_in: Any, tmp_path: Path, monkeypatch: Any) -> Hall:
    """A lecture whose files go to the bucket."""
    from core.engine import offers

    bucket = Bucket(tmp_path / "bucket")
    joined = offers._joined

    def with_bucket(kind: str, answers: Any) -> Any:
        return {**joined(kind, answers), **({"bucket": bucket} if kind == "storages" else {})}

    monkeypatch.setattr(offers, "_joined", with_bucket)
    return make_hall(make_app(file_storage="bucket"), ada, make_room, sign_in)


@pytest.fixture
def bucket(hall: Hall) -> Bucket:
    found = hall.app.extensions["audimax_offers"]["storages"]["bucket"]
    assert isinstance(found, DirectUploads) and isinstance(found, Bucket)
    return found


def asked(client: Any, upload: str, **body: Any) -> Any:
    return client.post(f"/api/uploads/{upload}/address", json=body)


def test_a_small_file_goes_in_one_request(hall: Hall, bucket: Bucket) -> None:
    grace = hall.guest()
    upload = hall.begin(grace, "slides.pdf", len(PDF))
    assert grace.client.get(f"/api/uploads/{upload}").json["how"] == "direct"
    address = asked(grace.client, upload).json
    assert address == {
        "method": "PUT",
        "url": hall.row(upload).incoming_key,
        "headers": {"Content-Type": "x/y"},
    }
    assert grace.client.post(f"/api/uploads/{upload}/complete", json={}).json["code"] == "incomplete"
    bucket.save(address["url"], BytesIO(PDF), "x/y")
    assert grace.client.get(f"/api/uploads/{upload}").json["offset"] == len(PDF)
    assert grace.client.post(f"/api/uploads/{upload}/complete", json={}).json["state"] == "ready"
    assert list(bucket.list("")) == [hall.row(upload).key]
    assert grace.client.get(f"/files/{upload}").data == PDF
    # The address is used again: what is served doesn't change, and what came is swept.
    bucket.save(address["url"], BytesIO(b"evil"), "x/y")
    assert grace.client.get(f"/files/{upload}").data == PDF
    sweep(hall)
    assert list(bucket.list("")) == [hall.row(upload).key]


def sweep(hall: Hall) -> None:
    with hall.app.test_request_context():
        jobs.sweep()


def test_a_large_file_goes_in_parts(hall: Hall, bucket: Bucket) -> None:
    grace = hall.guest()
    upload = hall.begin(grace, "film.pdf", len(LARGE))
    pieces = {n + 1: LARGE[at : at + PART_SIZE] for n, at in enumerate(range(0, len(LARGE), PART_SIZE))}
    assert grace.client.post(f"/api/uploads/{upload}/complete", json={}).json["code"] == "incomplete"
    for number in (1, 3):
        bucket.save(asked(grace.client, upload, part=number).json["url"], BytesIO(pieces[number]), "x/y")
    state = grace.client.get(f"/api/uploads/{upload}").json
    assert (state["how"], state["parts"], state["offset"]) == ("parts", [1, 3], 2 * PART_SIZE)
    answer = grace.client.post(f"/api/uploads/{upload}/complete", json={})
    assert (answer.status_code, answer.json["offset"]) == (409, 2 * PART_SIZE)
    for number in (2, 4):
        bucket.save(asked(grace.client, upload, part=number).json["url"], BytesIO(pieces[number]), "x/y")
    assert grace.client.post(f"/api/uploads/{upload}/complete", json={}).json["state"] == "ready"
    assert grace.client.get(f"/files/{upload}").data == LARGE
    assert list(bucket.list("")) == [hall.row(upload).key]


def test_parts_that_were_joined_by_who_died_are_enough(hall: Hall, bucket: Bucket) -> None:
    grace = hall.guest()
    upload = hall.begin(grace, "film.pdf", len(LARGE))
    asked(grace.client, upload, part=1)
    row = hall.row(upload)
    bucket.drop_parts(row.incoming_key, row.parts_id)
    bucket.save(row.incoming_key, BytesIO(LARGE), "x/y")
    assert grace.client.get(f"/api/uploads/{upload}").json["offset"] == len(LARGE)
    assert grace.client.post(f"/api/uploads/{upload}/complete", json={}).json["state"] == "ready"


@pytest.mark.parametrize("part", [0, -1, 5, 10_001, "x", None])
def test_there_are_only_so_many_parts(hall: Hall, part: Any) -> None:
    grace = hall.guest()
    upload = hall.begin(grace, "film.pdf", len(LARGE))
    assert asked(grace.client, upload, **({} if part is None else {"part": part})).status_code == 422


def test_the_last_part_is_as_long_as_what_is_left(hall: Hall, bucket: Bucket, monkeypatch: Any) -> None:
    sizes: list[int] = []
    part = bucket.part
    monkeypatch.setattr(
        bucket, "part", lambda key, up, n, size, s: sizes.append(size) or part(key, up, n, size, s)
    )
    grace = hall.guest()
    upload = hall.begin(grace, "film.pdf", len(LARGE))
    for number in (1, 4):
        asked(grace.client, upload, part=number)
    assert sizes == [PART_SIZE, len(LARGE) - 3 * PART_SIZE]


def test_each_way_has_its_own_routes(hall: Hall) -> None:
    grace = hall.guest()
    upload = hall.begin(grace, "slides.pdf", len(PDF))
    answer = add(grace.client, upload, PDF)
    assert (answer.status_code, answer.json["code"]) == (409, "other_way")


def test_content_that_does_not_fit_is_refused_here_too(hall: Hall, bucket: Bucket) -> None:
    grace = hall.guest()
    upload = hall.begin(grace, "photo.png", len(PDF))
    bucket.save(asked(grace.client, upload).json["url"], BytesIO(PDF), "x/y")
    assert grace.client.post(f"/api/uploads/{upload}/complete", json={}).status_code == 422
    assert list(bucket.list("")) == []


def test_more_bytes_than_announced_are_refused_even_if_the_storage_took_them(
    hall: Hall, bucket: Bucket
) -> None:
    grace = hall.guest()
    upload = hall.begin(grace, "slides.pdf", len(PDF))
    bucket.save(asked(grace.client, upload).json["url"], BytesIO(PDF + b"!"), "x/y")
    answer = grace.client.post(f"/api/uploads/{upload}/complete", json={})
    assert (answer.status_code, "another size" in answer.json["detail"]) == (422, True)
    assert list(bucket.list("")) == []


def test_parts_of_what_was_cancelled_are_dropped(hall: Hall, bucket: Bucket) -> None:
    grace = hall.guest()
    upload = hall.begin(grace, "film.pdf", len(LARGE))
    bucket.save(asked(grace.client, upload, part=1).json["url"], BytesIO(b"x"), "x/y")
    assert grace.client.delete(f"/api/uploads/{upload}").status_code == 204
    hall.work()
    assert list(bucket.list("")) == []


def test_parts_that_nobody_knows_are_swept(hall: Hall, bucket: Bucket) -> None:
    grace = hall.guest()
    upload = hall.begin(grace, "film.pdf", len(LARGE))
    asked(grace.client, upload, part=1)
    row = hall.row(upload)
    # A worker died between beginning them and its commit; and others are of an upload that is gone.
    bucket.begin_parts(row.incoming_key, "x/y")
    bucket.begin_parts("incoming/strange", "x/y")
    sweep(hall)
    assert list(bucket.unfinished("incoming/")) == [(row.incoming_key, row.parts_id)]


def test_two_who_ask_for_parts_at_once_get_the_same(hall: Hall, bucket: Bucket) -> None:
    grace = hall.guest()
    upload = hall.begin(grace, "film.pdf", len(LARGE))
    begin_parts = bucket.begin_parts

    def slow(key: str, mime: str) -> str:
        made = begin_parts(key, mime)
        bucket.begin_parts = begin_parts  # type: ignore[method-assign]
        asked(grace.client, upload, part=2)
        return made

    bucket.begin_parts = slow  # type: ignore[method-assign]
    first = asked(grace.client, upload, part=1).json["url"]
    assert first == f"parts/{hall.row(upload).parts_id}/1"
    assert len(list(bucket.unfinished("incoming/"))) == 1


def test_pages_may_send_there(hall: Hall) -> None:
    policy = hall.app.test_client().get("/sign-in").headers["Content-Security-Policy"]
    assert "https://bucket.uni.example; worker-src" in policy


def test_the_lectures_page_may_show_what_is_there_though_new_files_are_kept_elsewhere(hall: Hall) -> None:
    extensions = hall.app.extensions
    extensions["audimax_config"] = replace(extensions["audimax_config"], file_storage="local")
    storages.init_app(hall.app)
    assert extensions["audimax_upload_origins"] == ()
    assert extensions["audimax_storage_origins"] == ("https://bucket.uni.example",)


def test_where_browsers_send_nothing_what_comes_is_kept_by_core_until_it_is_complete(
    hall: Hall, tmp_path: Path
) -> None:
    """A storage of a plugin that has no addresses: like the local folder, but the last step is a save."""
    plain = LocalStorage(tmp_path / "plain")
    plain.id = "plain"
    hall.app.extensions["audimax_offers"]["storages"]["plain"] = plain
    grace = hall.guest()
    upload = hall.begin(grace, "slides.pdf", len(PDF))
    hall.change(upload, storage="plain")
    assert grace.client.get(f"/api/uploads/{upload}").json["how"] == "stream"
    assert add(grace.client, upload, PDF).status_code == 204
    assert grace.client.post(f"/api/uploads/{upload}/complete", json={}).json["state"] == "ready"
    assert list(plain.list("")) == [hall.row(upload).key]
    assert grace.client.get(f"/files/{upload}").data == PDF
    with hall.app.app_context():
        assert list(storages.local().list("")) == []
