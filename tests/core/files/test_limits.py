"""What may be begun: names, types, sizes, how many; and what plugins do with files."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from core.contracts import Audience, FileEntry
from core.db import db
from core.errors import Refusal, StorageDown
from core.files import stored as files
from core.files.models import StoredFile
from core.lectures.models import Participant
from core.people.models import User
from core.text import clean_file_name, file_name_of
from tests.core.files.conftest import OURS, PDF, Hall

NAMES = {
    "slides.pdf": "slides.pdf",
    "../../etc/passwd.txt": "passwd.txt",
    "C:\\Users\\ada\\thesis.docx": "thesis.docx",
    "a/b/": "b",
    "sli\0des.pdf": "sli des.pdf",
    "a\r\nSet-Cookie: x.txt": "a Set-Cookie_ x.txt",
    "cod\u202efdp.exe": "codfdp.exe",
    "\u2066\u200f.png": "file.png",
    "": "file",
    "...": "file",
    ".pdf": "file.pdf",
    'con<>:"|?*.txt': "con_______.txt",
    "e\u0301tude.pdf": "étude.pdf",
    "name .pdf": "name.pdf",
    "Übung 1 — Lösung.tar.gz": "Übung 1 — Lösung.tar.gz",
    "x" * 500 + ".pdf": "x" * 196 + ".pdf",
    "x" * 1_000_000: "x" * 200,
    "\ud800.pdf": "file.pdf",
}


@pytest.mark.parametrize("typed", NAMES, ids=lambda typed: ascii(typed)[:20])
def test_names_are_cleaned_and_never_empty(typed: str) -> None:
    assert clean_file_name(typed) == NAMES[typed]
    assert 1 <= len(NAMES[typed]) <= 200


def test_all_of_a_title_is_in_the_name_of_its_file() -> None:
    assert file_name_of("Analysis I/II \\ 3", ".pdf") == "Analysis I II 3.pdf"
    assert file_name_of("/", ".pdf") == "file.pdf"
    assert len(file_name_of("a" * 900, ".pdf")) == 200 and file_name_of("a" * 900, ".pdf").endswith("a.pdf")


def refusal(hall: Hall, name: str = "slides.pdf", size: int = 10, by: Any = None, **more: Any) -> Refusal:
    with hall.app.test_request_context(), pytest.raises(Refusal) as raised:
        hall.begin(by, name, size, **more)
    return raised.value


@pytest.mark.parametrize("name", ["run.exe", "slides", "cod\u202efdp.exe", "slides.pdf\0.exe", "a.p df"])
def test_types_that_are_not_allowed_are_refused_with_those_that_are(hall: Hall, name: str) -> None:
    said = refusal(hall, name)
    assert (said.status, said.code) == (415, "file_type")
    assert "docx, epub" in said.detail


def test_types_are_set(make_app: Callable[..., Any], ada: int, make_room: Any, sign_in: Any) -> None:
    hall = Hall(make_app(file_types=[".STL", "pdf"]), make_room(ada)[0], ada, sign_in(ada))
    assert "pdf, stl" in refusal(hall, "a.txt").detail
    assert hall.row(hall.begin(None, "part.Stl", 5)).extension == "stl"


def test_sizes_are_bounded_and_the_bound_is_said(hall: Hall) -> None:
    assert refusal(hall, size=0).code == "file_empty"
    said = refusal(hall, size=500 * files.MB + 1)
    assert (said.status, said.code) == (413, "file_too_large")
    assert "at most 500 MB" in said.detail


@pytest.fixture
def small(make_app: Callable[..., Any], ada: int, make_room: Any, sign_in: Any) -> Hall:
    app = make_app(files_per_lecture=3, lecture_files_mb=2)
    return Hall(app, make_room(ada)[0], ada, sign_in(ada))


def test_a_lecture_has_so_many_files(small: Hall) -> None:
    kept = [small.begin(None, "slides.pdf", 10) for _n in range(3)]
    said = refusal(small)
    assert (said.status, said.code) == (409, "too_many_files")
    assert "3 files" in said.detail
    small.change(kept[0], state="refused")
    small.begin(None, "slides.pdf", 10)
    small.change(kept[1], state="gone")
    small.begin(None, "slides.pdf", 10)


def test_a_lecture_has_so_many_bytes(small: Hall) -> None:
    small.begin(None, "slides.pdf", files.MB)
    said = refusal(small, size=files.MB + 1)
    assert (said.status, said.code) == (409, "files_too_large")
    assert "2 MB" in said.detail
    small.begin(None, "slides.pdf", files.MB)


def test_many_who_begin_at_once_do_not_pass_the_limit(small: Hall) -> None:
    guests = [small.guest(f"Guest {n}") for n in range(8)]

    def begin(guest: Any) -> bool:
        with small.app.test_request_context():
            try:
                return bool(small.begin(guest, "slides.pdf", 10))
            except Refusal:
                return False

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(begin, guests)) == 3


def test_one_person_begins_so_many(hall: Hall) -> None:
    grace = hall.guest()
    begun = [hall.begin(grace, "slides.pdf", 10) for _n in range(files.MOST_UNFINISHED)]
    said = refusal(hall, by=grace)
    assert (said.status, said.code) == (429, "too_many_uploads")
    assert "20 uploads" in said.detail
    hall.begin(hall.guest("Alan"), "slides.pdf", 10)
    hall.change(begun[0], state="ready", in_use=True)
    hall.begin(grace, "slides.pdf", 10)
    hall.change(begun[1], state="ready", in_use=False)
    assert refusal(hall, by=grace).code == "too_many_uploads"


def test_a_storage_that_is_not_enabled_takes_nothing(hall: Hall) -> None:
    hall.app.extensions["audimax_offers"]["storages"].pop("local")
    with hall.app.test_request_context(), pytest.raises(StorageDown, match="no enabled plugin offers"):
        hall.begin(None, "slides.pdf", 10)


def test_an_unknown_storage_stops_the_start(make_app: Callable[..., Any]) -> None:
    from core.errors import ConfigError

    with pytest.raises(ConfigError, match="file_storage is 's3', which no enabled plugin offers"):
        make_app(file_storage="s3")


# --- what plugins do --------------------------------------------------------------------


def claimed(hall: Hall, by: Any, *ids: str) -> list[str]:
    from core.lectures.models import Lecture

    with hall.app.test_request_context():
        lecture = db.session.get_one(Lecture, hall.lecture)
        person = db.session.get_one(Participant, by.participant)
        found = files.claim(lecture, OURS, ids, person)
        db.session.commit()
        return [stored.public_id for stored in found]


def test_what_somebody_has_sent_is_claimed_once(hall: Hall) -> None:
    grace = hall.guest()
    one, two = hall.send(grace, "one.pdf", PDF), hall.send(grace, "two.pdf", PDF)
    assert claimed(hall, grace, two, one, two) == [two, one]
    assert hall.row(one).in_use and hall.row(two).in_use
    with pytest.raises(Refusal) as raised:
        claimed(hall, grace, one)
    assert raised.value.code == "file_used"


def test_what_is_not_theirs_or_not_ready_is_not_claimed(hall: Hall) -> None:
    grace, eve = hall.guest(), hall.guest("Eve")
    ready, coming = hall.send(grace, "one.pdf", PDF), hall.begin(grace, "two.pdf", 10)
    for by, wanted, code in (
        (eve, [ready], "no_file"),
        (grace, [ready, "unknown"], "no_file"),
        (grace, [ready, coming], "file_not_ready"),
        (grace, ["x" + str(n) for n in range(101)], "too_many_files"),
    ):
        with pytest.raises(Refusal) as raised:
            claimed(hall, by, *wanted)
        assert raised.value.code == code
    hall.change(ready, plugin="chat")
    with pytest.raises(Refusal):
        claimed(hall, grace, ready)
    assert not hall.row(ready).in_use


def test_a_plugin_sees_its_own_files(hall: Hall, in_lecture: Callable[[], Any]) -> None:
    grace = hall.guest()
    ours, gone, others = (hall.begin(grace, f"{n}.pdf", 10) for n in range(3))
    hall.change(gone, state="gone")
    hall.change(others, plugin="chat")
    assert [stored.public_id for stored in files.of(in_lecture(), OURS)] == [ours]


def test_a_file_is_an_entry_of_a_section(hall: Hall) -> None:
    made = hall.send(hall.guest(), "slides.pdf", PDF, audience=Audience.HOSTS)
    with hall.app.app_context():
        stored = db.session.scalars(db.select(StoredFile)).one()
        wanted = FileEntry("slides.pdf", "application/pdf", len(PDF), f"/files/{made}")
        assert files.entry(stored) == wanted
        stored.preview_key = "previews/x"
        assert files.entry(stored).preview == f"/files/{made}/preview"
        assert stored.audience == "hosts"
        assert stored.uploader_name == "Grace"


@pytest.mark.parametrize("said", ["", "pdf", "a/b\r\nX-Evil: 1", "a/b\0", "a/b; charset=x", "x" * 500 + "/y"])
def test_a_media_type_that_is_none_is_not_passed_on(
    in_lecture: Callable[[], Any], ada: int, said: str
) -> None:
    user = db.session.get_one(User, ada)
    made = files.begin(in_lecture(), OURS, name="a.pdf", size=1, mime=said, user=user)
    assert made.mime == "application/octet-stream"


def test_somebody_must_have_sent_it(in_lecture: Callable[[], Any]) -> None:
    with pytest.raises(ValueError, match="who sends"):
        files.begin(in_lecture(), OURS, name="a.pdf", size=1, mime="x/y")
