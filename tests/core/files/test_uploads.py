"""Bytes that come: from whom, how many, in which order, and what becomes of them."""

from __future__ import annotations

import zipfile
from io import BytesIO
from typing import Any

import pytest
from flask import Flask

from core.db import db
from core.files import receiving, storages
from core.files.storages import PART_SIZE
from core.lectures.models import Lecture
from tests.core.files.conftest import PDF, PNG, Hall, add


def test_a_file_comes_in_pieces_and_is_ready(hall: Hall) -> None:
    grace = hall.guest()
    upload = hall.begin(grace, "slides.pdf", len(PDF))
    first = add(grace.client, upload, PDF[:20])
    assert (first.status_code, first.headers["Upload-Offset"], first.data) == (204, "20", b"")
    halfway = grace.client.get(f"/api/uploads/{upload}").json
    assert halfway == {
        "id": upload,
        "how": "stream",
        "part_size": PART_SIZE,
        "size": len(PDF),
        "state": "incoming",
        "offset": 20,
        "parts": [],
    }
    assert add(grace.client, upload, PDF[20:], 20).headers["Upload-Offset"] == str(len(PDF))
    done = grace.client.post(f"/api/uploads/{upload}/complete", json={})
    facts = {"id": upload, "name": "slides.pdf", "mime": "application/pdf", "size": len(PDF), "state": "ready",
             "scan": "off", "preview": False}  # fmt: skip
    assert (done.status_code, done.json) == (200, facts)
    assert grace.client.post(f"/api/uploads/{upload}/complete", json={}).json == facts
    after = grace.client.get(f"/api/uploads/{upload}").json
    assert (after["state"], after["offset"], after["file"]) == ("ready", len(PDF), facts)
    assert hall.keys() == [hall.row(upload).key]


def test_the_other_place_is_told_where_the_bytes_end(hall: Hall) -> None:
    grace = hall.guest()
    upload = hall.begin(grace, "slides.pdf", len(PDF))
    add(grace.client, upload, PDF[:20])
    for offset in (0, 10, 30):
        answer = add(grace.client, upload, PDF[offset:], offset)
        assert answer.status_code == 409
        assert (answer.json["code"], answer.json["offset"]) == ("wrong_offset", 20)
        assert answer.headers["Upload-Offset"] == "20"
    assert grace.client.get(f"/api/uploads/{upload}").json["offset"] == 20


@pytest.mark.parametrize("offset", ["", "-1", "x", "1.5", "٣", "9" * 40])
def test_an_offset_is_a_number(hall: Hall, offset: str) -> None:
    grace = hall.guest()
    upload = hall.begin(grace, "slides.pdf", len(PDF))
    answer = add(grace.client, upload, PDF, headers={"Upload-Offset": offset.encode().decode("latin1")})
    assert (answer.status_code, answer.json["code"]) == (400, "bad_offset")


def test_bytes_say_that_they_are_bytes(hall: Hall) -> None:
    grace = hall.guest()
    upload = hall.begin(grace, "slides.pdf", len(PDF))
    answer = add(grace.client, upload, PDF, content_type="application/json")
    assert (answer.status_code, answer.json["code"]) == (415, "not_bytes")


def test_no_byte_more_than_was_announced_is_taken(hall: Hall) -> None:
    grace = hall.guest()
    upload = hall.begin(grace, "slides.pdf", len(PDF))
    add(grace.client, upload, PDF[:20])
    answer = add(grace.client, upload, PDF[20:] + b"!", 20)
    assert (answer.status_code, answer.json["code"]) == (413, "too_many_bytes")
    assert str(len(PDF)) in answer.json["detail"]
    assert grace.client.get(f"/api/uploads/{upload}").json["offset"] == 20


def test_without_a_length_no_byte_more_is_taken_either(hall: Hall) -> None:
    grace = hall.guest()
    upload = hall.begin(grace, "slides.pdf", len(PDF))
    unsaid = {"wsgi.input_terminated": True, "CONTENT_LENGTH": ""}
    answer = add(grace.client, upload, b"", input_stream=BytesIO(PDF + b"!"), environ_overrides=unsaid)
    assert (answer.status_code, answer.json["code"]) == (413, "too_many_bytes")
    assert grace.client.get(f"/api/uploads/{upload}").json["offset"] == 0


def test_one_request_brings_a_part_at_most(hall: Hall) -> None:
    grace = hall.guest()
    upload = hall.begin(grace, "slides.pdf", 3 * PART_SIZE)
    assert add(grace.client, upload, bytes(PART_SIZE + 1)).status_code == 413
    assert add(grace.client, upload, bytes(PART_SIZE)).status_code == 204
    unsaid = {"wsgi.input_terminated": True, "CONTENT_LENGTH": ""}
    body = BytesIO(bytes(PART_SIZE + 2))
    assert (
        add(grace.client, upload, b"", PART_SIZE, input_stream=body, environ_overrides=unsaid).status_code
        == 413
    )


def test_elsewhere_bodies_are_as_small_as_ever(hall: Hall) -> None:
    answer = hall.host.post("/api/rooms", data=bytes(1_100_000), content_type="application/json")
    assert answer.status_code == 413


def test_two_connections_do_not_write_at_once(hall: Hall) -> None:
    grace = hall.guest()
    upload = hall.begin(grace, "slides.pdf", len(PDF))
    with hall.app.test_request_context(), receiving.writing(hall.row(upload).incoming_key):
        answer = add(grace.client, upload, PDF)
        assert (answer.status_code, answer.json["code"]) == (423, "upload_busy")
        assert int(answer.headers["Retry-After"]) > 0
        answer = grace.client.post(f"/api/uploads/{upload}/complete", json={})
        assert answer.status_code == 423
    assert add(grace.client, upload, PDF).status_code == 204


# --- who --------------------------------------------------------------------------------


def each_route(client: Any, upload: str) -> list[Any]:
    return [
        client.get(f"/api/uploads/{upload}"),
        add(client, upload, PDF),
        client.post(f"/api/uploads/{upload}/address", json={}),
        client.post(f"/api/uploads/{upload}/complete", json={}),
        client.delete(f"/api/uploads/{upload}"),
    ]


def test_nobody_else_finds_the_upload(hall: Hall, app: Flask, make_user: Any, sign_in: Any) -> None:
    grace = hall.guest()
    upload = hall.begin(grace, "slides.pdf", len(PDF))
    admin = sign_in(make_user(is_admin=True))
    for client in (hall.guest("Eve").client, hall.host, admin, app.test_client()):
        for answer in each_route(client, upload):
            assert (answer.status_code, answer.json["code"]) == (404, "no_upload")
    assert hall.keys() == []
    assert hall.row(upload).state == "incoming"


def test_who_was_removed_is_out_at_once(hall: Hall) -> None:
    grace = hall.guest()
    upload = hall.begin(grace, "slides.pdf", len(PDF))
    add(grace.client, upload, PDF)
    hall.remove(grace)
    for answer in each_route(grace.client, upload):
        assert (answer.status_code, answer.json["code"]) == (403, "not_allowed")
    assert hall.row(upload).state == "incoming"


def test_after_the_end_only_readers_go_on(hall: Hall) -> None:
    grace = hall.guest()
    upload = hall.begin(grace, "slides.pdf", len(PDF))
    hosts = hall.begin(None, "slides.pdf", len(PDF))
    with hall.app.app_context():
        db.session.get_one(Lecture, hall.lecture).ended_at = db.session.scalar(db.select(db.func.now()))
        db.session.commit()
    assert add(grace.client, upload, PDF).status_code == 403
    assert add(hall.host, hosts, PDF).status_code == 204


def test_foreign_pages_send_nothing(hall: Hall) -> None:
    grace = hall.guest()
    upload = hall.begin(grace, "slides.pdf", len(PDF))
    answer = add(grace.client, upload, PDF, headers={"Origin": "https://evil.example"})
    assert answer.status_code == 403
    assert hall.keys() == []


# --- the end ----------------------------------------------------------------------------


def test_nothing_is_complete_before_all_has_come(hall: Hall) -> None:
    grace = hall.guest()
    upload = hall.begin(grace, "slides.pdf", len(PDF))
    for come in (0, 20):
        add(grace.client, upload, PDF[:come])
        answer = grace.client.post(f"/api/uploads/{upload}/complete", json={})
        assert (answer.status_code, answer.json["code"], answer.json["offset"]) == (409, "incomplete", come)
    assert hall.row(upload).state == "incoming"


def test_a_completed_upload_takes_nothing_more(hall: Hall) -> None:
    grace = hall.guest()
    upload = hall.send(grace, "slides.pdf", PDF)
    for offset in (0, len(PDF)):
        answer = add(grace.client, upload, b"", offset)
        assert (answer.status_code, answer.json["code"]) == (409, "upload_over")
    assert grace.client.post(f"/api/uploads/{upload}/address", json={}).status_code == 409
    assert grace.client.get(f"/files/{upload}").data == PDF


def test_a_cancelled_upload_is_gone_with_its_bytes(hall: Hall) -> None:
    grace = hall.guest()
    upload = hall.begin(grace, "slides.pdf", len(PDF))
    add(grace.client, upload, PDF)
    assert grace.client.delete(f"/api/uploads/{upload}").status_code == 204
    assert [a.status_code for a in each_route(grace.client, upload)] == [404] * 5
    hall.work()
    assert hall.keys() == []


def test_what_is_shared_is_not_cancelled(hall: Hall) -> None:
    grace = hall.guest()
    upload = hall.send(grace, "slides.pdf", PDF, in_use=True)
    answer = grace.client.delete(f"/api/uploads/{upload}")
    assert (answer.status_code, answer.json["code"]) == (409, "file_used")
    assert hall.row(upload).state == "ready"


# --- what it is -------------------------------------------------------------------------


def zipped(*names: str, sizes: int = 1) -> bytes:
    body = BytesIO()
    with zipfile.ZipFile(body, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in names:
            archive.writestr(name, bytes(sizes))
    return body.getvalue()


WRONG = {
    "a ZIP archive": ("bomb.png", zipped("zeros", sizes=10_000_000)),
    "a PNG picture": ("photo.jpg", PNG),
    "a PDF document": ("table.xlsx", PDF),
    "text": ("photo.png", b"<script>alert(1)</script>"),
    "something else": ("notes.txt", bytes(range(32)) * 10),
}


@pytest.mark.parametrize("what", WRONG)
def test_content_that_does_not_fit_its_name_is_refused_and_removed(hall: Hall, what: str) -> None:
    grace, (name, content) = hall.guest(), WRONG[what]
    upload = hall.begin(grace, name, len(content))
    add(grace.client, upload, content)
    for _twice in range(2):
        answer = grace.client.post(f"/api/uploads/{upload}/complete", json={})
        assert (answer.status_code, answer.json["code"]) == (422, "file_refused")
        said = f"The name says {name.rpartition('.')[2].upper()}, the content is {what}."
        assert answer.json["detail"].startswith(said)
    assert hall.keys() == []
    assert hall.row(upload).state == "refused"
    assert grace.client.get(f"/files/{upload}").status_code == 410


def test_an_archive_that_is_no_office_document_is_told_apart(hall: Hall) -> None:
    grace = hall.guest()
    content = zipped("word.txt", "[Content_Types].xml")
    upload = hall.begin(grace, "thesis.docx", len(content))
    add(grace.client, upload, content)
    assert "a ZIP archive" in grace.client.post(f"/api/uploads/{upload}/complete", json={}).json["detail"]
    hall.send(grace, "thesis.docx", zipped("[Content_Types].xml", "word/document.xml"))


def test_the_kind_that_was_found_is_kept(hall: Hall) -> None:
    grace = hall.guest()
    assert hall.row(hall.send(grace, "photo.PNG", PNG)).mime == "image/png"
    assert hall.row(hall.send(grace, "notes.txt", "Größe µ".encode("cp1252"))).mime == "text/plain"


# --- failures ---------------------------------------------------------------------------


def test_a_storage_that_is_down_is_said_in_words_and_tried_again(hall: Hall) -> None:
    grace = hall.guest()
    upload = hall.begin(grace, "slides.pdf", len(PDF))
    (folder := folder_of(hall)).write_text("no folder")
    answer = add(grace.client, upload, PDF)
    assert (answer.status_code, answer.json["code"]) == (503, "storage_down")
    assert int(answer.headers["Retry-After"]) > 0
    assert str(folder) not in answer.text
    folder.unlink()
    assert add(grace.client, upload, PDF).status_code == 204
    # The folder for finished files can't be made.
    (blocked := folder / "kept").write_text("no folder")
    assert grace.client.post(f"/api/uploads/{upload}/complete", json={}).status_code == 503
    assert grace.client.get(f"/api/uploads/{upload}").json["state"] == "checking"
    blocked.unlink()
    assert grace.client.post(f"/api/uploads/{upload}/complete", json={}).json["state"] == "ready"


def folder_of(hall: Hall) -> Any:
    with hall.app.app_context():
        return storages.local().folder


def test_a_worker_that_died_after_the_seal_is_finished_by_a_job(hall: Hall) -> None:
    from core.files import finishing
    from core.files.models import StoredFile

    grace = hall.guest()
    upload = hall.begin(grace, "slides.pdf", len(PDF))
    add(grace.client, upload, PDF)
    with hall.app.test_request_context():
        finishing._seal(db.session.get_one(StoredFile, hall.row(upload).id))
    assert hall.row(upload).state == "checking"
    make_due(hall)
    hall.work()
    assert hall.row(upload).state == "ready"
    assert hall.keys() == [hall.row(upload).key]


def make_due(hall: Hall) -> None:
    """As if the time had come for every job."""
    with hall.app.app_context():
        db.session.execute(db.text("UPDATE procrastinate_jobs SET scheduled_at = NULL"))
        db.session.commit()


def test_what_is_exchanged_after_the_seal_is_never_shown(hall: Hall) -> None:
    from core.files import finishing
    from core.files.models import StoredFile

    grace = hall.guest()
    upload = hall.begin(grace, "slides.pdf", len(PDF))
    add(grace.client, upload, PDF)
    with hall.app.test_request_context():
        finishing._seal(db.session.get_one(StoredFile, hall.row(upload).id))
        storages.local().save(hall.row(upload).incoming_key, BytesIO(PDF), "x/y")
    answer = grace.client.post(f"/api/uploads/{upload}/complete", json={})
    assert (answer.status_code, answer.json["code"]) == (422, "file_refused")
    assert "changed while it was checked" in answer.json["detail"]
    assert hall.keys() == []


def test_two_who_finish_at_once_agree(hall: Hall) -> None:
    """The second has copied, too, when the first has already said what becomes of it."""
    from core.files import finishing
    from core.files.models import StoredFile

    grace = hall.guest()
    for name, content, state in (("a.pdf", PDF, "ready"), ("a.png", PDF, "refused")):
        upload = hall.begin(grace, name, len(content))
        add(grace.client, upload, content)
        with hall.app.test_request_context():
            stored = db.session.get_one(StoredFile, hall.row(upload).id)
            finishing._seal(stored)
            facts = finishing.Facts.of(stored)
            db.session.commit()
            finishing._copy(facts)
        grace.client.post(f"/api/uploads/{upload}/complete", json={})
        with hall.app.test_request_context():
            storages.local().save(facts.key, BytesIO(content), "x/y")
            finishing._settle(stored_of(facts.id), facts, finishing._ready("application/pdf"))
        assert hall.row(upload).state == state
        assert (hall.keys() == [facts.key]) == (state == "ready")


def stored_of(file_id: int) -> Any:
    from core.files.models import StoredFile

    return db.session.get_one(StoredFile, file_id)
