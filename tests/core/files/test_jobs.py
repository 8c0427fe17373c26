"""What is done beside the requests, and again until it is done."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from PIL import Image

from core import events
from core.contracts import FileChanged
from core.db import db, now
from core.errors import StorageDown
from core.files import jobs, storages
from core.files.local import LocalStorage
from core.files.models import StoredFile
from core.rooms.models import Room
from tests.core.files.conftest import PDF, PNG, Hall, add
from tests.core.files.test_uploads import make_due

LONG_AGO = timedelta(days=2)


def sweep(hall: Hall) -> None:
    with hall.app.test_request_context():
        jobs.sweep()


def part(monkeypatch: pytest.MonkeyPatch, name: str, **functions: Any) -> None:
    """Stand in for the programs that look into files: they have tests of their own."""
    for function, stand_in in functions.items():
        monkeypatch.setattr(f"core.files.{name}.{function}", stand_in)


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[FileChanged]:
    """What plugins would be told."""
    heard: list[FileChanged] = []
    monkeypatch.setattr(events, "publish", heard.append)
    return heard


# --- previews ---------------------------------------------------------------------------


def test_pictures_get_a_preview(hall: Hall, monkeypatch: pytest.MonkeyPatch, told: list[FileChanged]) -> None:
    def make_preview(body: Any, mime: str) -> bytes:
        assert (body.read(), mime) == (PNG, "image/png")
        return b"small"

    part(monkeypatch, "previews", make_preview=make_preview)
    made = hall.send(hall.guest(), "photo.png", PNG, in_use=True)
    told.clear()
    hall.work()
    row = hall.row(made)
    assert hall.keys() == sorted([row.key, row.preview_key])
    assert hall.host.get(f"/files/{made}/preview").data == b"small"
    assert hall.host.get(f"/files/{made}").data == PNG
    assert told == [FileChanged(hall.room, hall.lecture, row.id, "files")]


def test_a_real_picture_gets_a_real_preview(hall: Hall) -> None:
    body = BytesIO()
    Image.new("RGB", (2000, 1000), "navy").save(body, "PNG")
    made = hall.send(hall.guest(), "photo.png", body.getvalue(), in_use=True)
    hall.work()
    shown = hall.host.get(f"/files/{made}/preview")
    assert (shown.status_code, shown.mimetype) == (200, "image/webp")
    small = Image.open(BytesIO(shown.data))
    assert small.format == "WEBP" and small.width == 2 * small.height < 2000


def test_what_cannot_be_shown_small_has_none(hall: Hall, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    part(monkeypatch, "previews", make_preview=lambda body, mime: asked.append(mime))
    hall.send(hall.guest(), "photo.png", PNG)
    hall.send(hall.guest(), "notes.txt", b"hello")
    hall.work()
    assert asked == ["image/png"]
    assert len(hall.keys()) == 2


def test_a_preview_of_what_was_deleted_meanwhile_is_not_left(
    hall: Hall, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = hall.send(hall.guest(), "photo.png", PNG, in_use=True)

    def make_preview(body: Any, mime: str) -> bytes:
        hall.change(made, state="gone", gone_at=now())
        return b"small"

    part(monkeypatch, "previews", make_preview=make_preview)
    hall.work()
    assert not any(key.startswith("previews/") for key in sorted(hall.keys()))


# --- scans ------------------------------------------------------------------------------


@pytest.fixture
def scanned(make_app: Callable[..., Any], ada: int, make_room: Any, sign_in: Any) -> Hall:
    app = make_app(virus_scanner="unix:/run/clamd")
    return Hall(app, make_room(ada)[0], ada, sign_in(ada))


def test_nothing_is_handed_out_before_it_is_scanned(
    scanned: Hall, monkeypatch: pytest.MonkeyPatch, told: list[FileChanged]
) -> None:
    seen: list[tuple[bytes, str]] = []
    part(monkeypatch, "scanning", scan=lambda body, address: seen.append((body.read(), address)))
    part(monkeypatch, "previews", make_preview=lambda body, mime: b"small")
    made = scanned.send(scanned.guest(), "photo.png", PNG, in_use=True)
    assert (scanned.row(made).state, scanned.row(made).scan) == ("ready", "waiting")
    assert scanned.host.get(f"/files/{made}").status_code == 409
    scanned.work()
    assert seen == [(PNG, "unix:/run/clamd")]
    assert scanned.row(made).scan == "clean"
    assert scanned.host.get(f"/files/{made}").data == PNG
    assert scanned.host.get(f"/files/{made}/preview").data == b"small"
    assert len(told) == 3


def test_what_has_a_virus_is_refused_and_removed(scanned: Hall, monkeypatch: pytest.MonkeyPatch) -> None:
    part(monkeypatch, "scanning", scan=lambda body, address: "Eicar-Test-Signature")
    made = scanned.send(scanned.guest(), "photo.png", PNG, in_use=True)
    scanned.work()
    row = scanned.row(made)
    assert (row.state, row.scan) == ("refused", "infected")
    answer = scanned.host.get(f"/files/{made}")
    assert (answer.status_code, "virus scanner found something" in answer.text) == (410, True)
    assert scanned.keys() == []


def test_a_scanner_that_is_down_is_asked_again(scanned: Hall, monkeypatch: pytest.MonkeyPatch) -> None:
    def down(body: Any, address: str) -> None:
        raise ConnectionError("the scanner is down")

    part(monkeypatch, "scanning", scan=down)
    made = scanned.send(scanned.guest(), "notes.txt", b"hello", in_use=True)
    scanned.work()
    assert (scanned.row(made).scan, waiting_jobs(scanned)) == ("waiting", {"core:scan_file"})
    assert scanned.host.get(f"/files/{made}").status_code == 409
    part(monkeypatch, "scanning", scan=lambda body, address: None)
    scanned.change(made, touched_at=now() - timedelta(minutes=11))
    sweep(scanned)
    assert scanned.row(made).scan == "clean"
    make_due(scanned)
    scanned.work()
    assert waiting_jobs(scanned) == set()


def waiting_jobs(hall: Hall) -> set[str]:
    with hall.app.app_context():
        query = "SELECT task_name FROM procrastinate_jobs WHERE status IN ('todo', 'doing')"
        return {row[0] for row in db.session.execute(sa.text(query))} - {"core:finish_upload"}


def test_when_the_scanner_is_switched_off_what_waits_is_handed_out(scanned: Hall, make_app: Any) -> None:
    made = scanned.send(scanned.guest(), "notes.txt", b"hello", in_use=True)
    scanned.app = make_app()
    scanned.change(made, touched_at=now() - timedelta(minutes=11))
    sweep(scanned)
    assert scanned.row(made).scan == "off"


# --- removal ----------------------------------------------------------------------------


def test_what_was_never_finished_or_used_is_given_up(hall: Hall, told: list[FileChanged]) -> None:
    grace = hall.guest()
    begun = hall.begin(grace, "begun.pdf", len(PDF), in_use=True)
    add(grace.client, begun, PDF[:10])
    unused, used = hall.send(grace, "unused.pdf", PDF), hall.send(grace, "used.pdf", PDF, in_use=True)
    young = hall.begin(grace, "young.pdf", len(PDF))
    told.clear()
    sweep(hall)
    assert {hall.row(one).state for one in (begun, young)} == {"incoming"}
    for one in (begun, unused, used):
        hall.change(one, touched_at=now() - LONG_AGO)
    sweep(hall)
    assert [hall.row(one).state for one in (begun, unused, used, young)] == [
        "gone",
        "gone",
        "ready",
        "incoming",
    ]
    assert hall.keys() == [hall.row(used).key]
    assert len(told) == 2


def test_who_goes_on_keeps_the_upload_alive(hall: Hall) -> None:
    grace = hall.guest()
    begun = hall.begin(grace, "begun.pdf", len(PDF))
    hall.change(begun, touched_at=now() - LONG_AGO)
    add(grace.client, begun, PDF[:10])
    sweep(hall)
    assert hall.row(begun).state == "incoming"


def test_rows_stay_until_nobody_can_send_to_them(hall: Hall) -> None:
    made = hall.send(hall.guest(), "slides.pdf", PDF, in_use=True)
    hall.change(made, state="gone", gone_at=now())
    incoming = hall.row(made).incoming_key
    for gone, left in ((now(), True), (now() - timedelta(hours=2), False)):
        hall.change(made, gone_at=gone)
        with hall.app.app_context():
            storages.local().save(incoming, BytesIO(b"late"), "x/y")
        sweep(hall)
        assert hall.keys() == []
        assert (hall.row(made) is not None) == left
    with hall.app.app_context():
        storages.local().save(incoming, BytesIO(b"later still"), "x/y")
    sweep(hall)
    assert hall.keys() == []


def test_an_address_used_again_changes_nothing_and_is_swept(hall: Hall) -> None:
    made = hall.send(hall.guest(), "slides.pdf", PDF, in_use=True)
    with hall.app.app_context():
        storages.local().save(hall.row(made).incoming_key, BytesIO(b"evil"), "x/y")
    assert hall.host.get(f"/files/{made}").data == PDF
    sweep(hall)
    assert hall.keys() == [hall.row(made).key]
    assert hall.host.get(f"/files/{made}").data == PDF


@contextmanager
def nothing_is_deleted(hall: Hall) -> Iterator[None]:
    """The folder's disk fails meanwhile."""

    class Down(LocalStorage):
        def delete(self, key: str) -> None:
            raise StorageDown("the disk is on fire: wait")

    offers = hall.app.extensions["audimax_offers"]["storages"]
    before, offers["local"] = offers["local"], Down(offers["local"].folder)
    try:
        yield
    finally:
        offers["local"] = before


def test_a_deleted_room_takes_its_bytes_along_however_long_that_takes(hall: Hall) -> None:
    grace = hall.guest()
    made, begun = hall.send(grace, "slides.pdf", PDF, in_use=True), hall.begin(grace, "more.pdf", len(PDF))
    add(grace.client, begun, PDF[:10])
    with hall.app.app_context():
        from core.lectures.models import Lecture

        db.session.get_one(Lecture, hall.lecture).ended_at = now()
        db.session.commit()
        room = db.session.get_one(Room, hall.room).public_id
    with nothing_is_deleted(hall):
        assert hall.host.delete(f"/api/rooms/{room}").status_code == 204
        assert hall.host.get(f"/files/{made}").status_code == 404
        hall.work()
        sweep(hall)
    assert {hall.row(one).state for one in (made, begun)} == {"gone"}
    assert len(hall.keys()) == 2
    sweep(hall)
    assert hall.keys() == []
    for one in (made, begun):
        hall.change(one, gone_at=now() - LONG_AGO)
    sweep(hall)
    assert hall.row(made) is hall.row(begun) is None
    make_due(hall)
    hall.work()


def test_a_deleted_lecture_takes_its_files_along(hall: Hall) -> None:
    from core.lectures.models import Lecture

    made = hall.send(hall.guest(), "slides.pdf", PDF, in_use=True)
    with hall.app.app_context():
        db.session.execute(sa.delete(Lecture).where(Lecture.id == hall.lecture))
        db.session.commit()
    sweep(hall)
    assert (hall.row(made).state, hall.keys()) == ("gone", [])


def test_a_deleted_person_leaves_the_lectures_files(hall: Hall) -> None:
    from core.lectures.models import Participant

    grace = hall.guest()
    made = hall.send(grace, "slides.pdf", PDF, in_use=True)
    with hall.app.app_context():
        db.session.execute(sa.delete(Participant).where(Participant.id == grace.participant))
        db.session.commit()
    sweep(hall)
    assert hall.host.get(f"/files/{made}").data == PDF


def test_one_storage_that_is_down_does_not_stop_the_others(hall: Hall, tmp_path: Path) -> None:
    offers = hall.app.extensions["audimax_offers"]["storages"]
    other = LocalStorage(tmp_path / "other")
    other.id = "other"
    offers["other"] = other
    here, there = (hall.send(hall.guest(), "slides.pdf", PDF, in_use=True) for _n in range(2))
    with hall.app.app_context():
        other.save(hall.row(there).key, BytesIO(PDF), "x/y")
        storages.local().delete(hall.row(there).key)
    for one, storage in ((here, "local"), (there, "other")):
        hall.change(one, storage=storage, state="gone", gone_at=now())
    with nothing_is_deleted(hall):
        sweep(hall)
    assert list(other.list("")) == []
    assert len(hall.keys()) == 1


def test_what_hangs_in_the_middle_is_ended_by_the_sweep(hall: Hall) -> None:
    from core.files import finishing

    grace = hall.guest()
    upload = hall.begin(grace, "slides.pdf", len(PDF))
    add(grace.client, upload, PDF)
    with hall.app.test_request_context():
        finishing._seal(db.session.get_one(StoredFile, hall.row(upload).id))
    sweep(hall)
    assert hall.row(upload).state == "checking"
    hall.change(upload, touched_at=now() - timedelta(minutes=11))
    sweep(hall)
    assert hall.row(upload).state == "ready"


# --- news -------------------------------------------------------------------------------


def test_plugins_are_told_in_the_same_transaction(hall: Hall, told: list[FileChanged]) -> None:
    grace = hall.guest()
    made = hall.send(grace, "slides.pdf", PDF)
    assert told == [FileChanged(hall.room, hall.lecture, hall.row(made).id, "files")]
    refused = hall.begin(grace, "photo.png", len(PDF))
    add(grace.client, refused, PDF)
    grace.client.post(f"/api/uploads/{refused}/complete", json={})
    assert told[1:] == [FileChanged(hall.room, hall.lecture, hall.row(refused).id, "files")]


def test_what_a_killed_process_had_half_written_is_swept_after_an_hour(
    hall: Hall, caplog: pytest.LogCaptureFixture
) -> None:
    made = hall.send(hall.guest(), "slides.pdf", PDF, in_use=True)
    with hall.app.app_context():
        folder = storages.local().folder / ".half"
    for minutes in (50, 70):
        left = folder / f"{minutes}"
        left.write_bytes(b"some of it")
        then = (now() - timedelta(minutes=minutes)).timestamp()
        os.utime(left, (then, then))
    sweep(hall)
    assert [path.name for path in folder.iterdir()] == ["50"]
    assert "1 half-written files" in caplog.text
    assert hall.keys() == [hall.row(made).key]
