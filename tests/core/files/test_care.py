"""`audimax files check` and `audimax files move`."""

from __future__ import annotations

import json
from datetime import timedelta
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from core import cli
from core.db import now
from core.errors import StorageDown
from core.files import care, storages
from core.files.local import LocalStorage
from tests.core.files.conftest import PDF, PNG, Hall, add

OLD_KEY = "kept/20200101-0123456789abcdef"


@pytest.fixture
def other(hall: Hall, tmp_path: Path) -> LocalStorage:
    """Another storage, offered as by a plugin."""
    made = LocalStorage(tmp_path / "other")
    made.id = "other"
    hall.app.extensions["audimax_offers"]["storages"]["other"] = made
    return made


@pytest.fixture
def run(hall: Hall, monkeypatch: pytest.MonkeyPatch) -> Any:
    """``run("files", "check")`` runs the command on the test's app."""
    monkeypatch.setattr(cli, "_app", lambda: hall.app)
    return lambda *words: CliRunner().invoke(cli.main, list(words))


def put(hall: Hall, key: str, content: bytes = b"x") -> None:
    with hall.app.app_context():
        storages.local().save(key, BytesIO(content), "x/y")


# --- check ------------------------------------------------------------------------------


def test_all_is_well(hall: Hall, run: Any) -> None:
    grace = hall.guest()
    hall.send(grace, "slides.pdf", PDF)
    add(grace.client, hall.begin(grace, "more.pdf", len(PDF)), PDF[:5])
    made = hall.send(grace, "photo.png", PNG)
    put(hall, "previews/" + hall.row(made).key.removeprefix("kept/"))
    done = run("files", "check")
    assert (done.exit_code, done.output) == (0, "Every file has its bytes, and nothing else is kept.\n")
    done = run("files", "check", "--json")
    assert json.loads(done.output) == {"unowned": [], "missing": [], "down": {}, "deleted": 0, "ok": True}


def test_bytes_without_an_owner_are_found_and_deleted_when_old(hall: Hall, run: Any) -> None:
    young = f"kept/{now():%Y%m%d}-young"
    strange = [OLD_KEY, "incoming/strange", "previews/20200101-old", young]
    for key in strange:
        put(hall, key)
    mine = hall.send(hall.guest(), "slides.pdf", PDF)
    done = run("files", "check", "--json")
    assert done.exit_code == 1
    assert sorted(one["key"] for one in json.loads(done.output)["unowned"]) == sorted(strange)
    assert len(hall.keys()) == 5
    done = run("files", "check", "--delete-unowned")
    assert (done.exit_code, "3 without an owner were deleted" in done.output) == (1, True)
    assert hall.keys() == sorted([young, hall.row(mine).key])


def test_owners_without_bytes_are_found(hall: Hall, run: Any) -> None:
    made = hall.send(hall.guest(), "slides.pdf", PDF)
    with hall.app.app_context():
        storages.local().delete(hall.row(made).key)
    done = run("files", "check")
    assert done.exit_code == 1
    assert done.output == f"no bytes: {hall.row(made).key} in local, for “slides.pdf” ({made})\n"


def test_storages_that_cannot_be_looked_at_are_named(hall: Hall, run: Any, other: LocalStorage) -> None:
    hall.change(hall.send(hall.guest(), "slides.pdf", PDF), storage="s3")
    other.folder.write_text("no folder")
    other.list = fail  # type: ignore[method-assign]
    done = run("files", "check", "--json")
    assert done.exit_code == 1
    said = json.loads(done.output)["down"]
    assert said["other"] == "it is down"
    assert "no enabled plugin offers" in said["s3"]


def fail(*_args: Any) -> Any:
    raise StorageDown("it is down")


# --- move -------------------------------------------------------------------------------


def test_files_move_with_their_previews(hall: Hall, run: Any, other: LocalStorage) -> None:
    grace = hall.guest()
    made = [hall.send(grace, f"{n}.pdf", PDF, in_use=True) for n in range(3)]
    preview = "previews/" + hall.row(made[0]).key.removeprefix("kept/")
    put(hall, preview, b"small")
    hall.change(made[0], preview_key=preview)
    begun = hall.begin(grace, "begun.pdf", len(PDF))
    done = run("files", "move", "--to", "other")
    assert done.exit_code == 0, done.output
    assert "3 of 3 files" in done.output
    assert "3 files are in other now, 0 are elsewhere." in done.output
    assert "1 uploads are under way" in done.output
    assert hall.keys() == []
    assert len(list(other.list(""))) == 4
    assert hall.host.get(f"/files/{made[0]}").data == PDF
    assert hall.host.get(f"/files/{made[0]}/preview").data == b"small"
    assert hall.row(begun).storage == "local"
    assert run("files", "check").exit_code == 0
    assert run("files", "move", "--to", "local").exit_code == 0
    assert list(other.list("")) == []


def test_a_move_is_stopped_and_goes_on(hall: Hall, other: LocalStorage) -> None:
    made = [hall.send(hall.guest(), f"{n}.pdf", PDF, in_use=True) for n in range(3)]
    told: list[int] = []
    with hall.app.app_context():
        care.move("other", lambda so_far: told.append(so_far.files), lambda: len(told) == 1)
        assert (told, care.to_move("other")) == ([1], 2)
    assert [hall.host.get(f"/files/{one}").data for one in made] == [PDF] * 3
    with hall.app.app_context():
        assert care.move("other", lambda _so_far: None, lambda: False).files == 2
        assert care.to_move("other") == 0


def test_ctrl_c_stops_between_two_files(hall: Hall) -> None:
    import signal

    before = signal.getsignal(signal.SIGINT)
    with cli._until_interrupted() as stopped:
        assert not stopped()
        signal.raise_signal(signal.SIGINT)
        assert stopped()
    assert signal.getsignal(signal.SIGINT) is before


def test_an_unknown_storage_is_said_in_words(hall: Hall, run: Any) -> None:
    hall.send(hall.guest(), "slides.pdf", PDF)
    done = run("files", "move", "--to", "s3")
    assert (done.exit_code, "no enabled plugin offers the storage 's3'" in done.output) == (1, True)
    assert "Traceback" not in done.output


def test_a_file_that_came_through_cut_stays_where_it_is(hall: Hall, run: Any, other: LocalStorage) -> None:
    made = hall.send(hall.guest(), "slides.pdf", PDF, in_use=True)
    save = other.save
    other.save = lambda key, body, mime: save(key, BytesIO(body.read()[:5]), mime)  # type: ignore[method-assign]
    done = run("files", "move", "--to", "other")
    assert (done.exit_code, "1 are elsewhere" in done.output) == (1, True)
    assert (hall.row(made).storage, hall.host.get(f"/files/{made}").data) == ("local", PDF)


def test_what_is_deleted_during_its_move_is_gone_everywhere(
    hall: Hall, other: LocalStorage, run: Any
) -> None:
    made = hall.send(hall.guest(), "slides.pdf", PDF, in_use=True)
    save = other.save

    def save_late(key: str, body: Any, mime: str) -> None:
        save(key, body, mime)
        hall.change(made, state="gone", gone_at=now() - timedelta(hours=2))

    other.save = save_late  # type: ignore[method-assign]
    assert run("files", "move", "--to", "other").exit_code == 0
    assert list(other.list("")) == []


def test_a_download_meets_a_file_that_moves(hall: Hall, other: LocalStorage) -> None:
    made = hall.send(hall.guest(), "slides.pdf", PDF, in_use=True)
    storage = hall.app.extensions["audimax_offers"]["storages"]["local"]
    opened = storage.open

    def open_late(key: str, *part: Any) -> Any:
        # The move is faster than our second look.
        storage.open = opened
        with hall.app.app_context():
            assert care.move("other", lambda _so_far: None, lambda: False).files == 1
        return opened(key, *part)

    storage.open = open_late
    assert hall.host.get(f"/files/{made}", follow_redirects=True).data == PDF


def test_what_a_move_left_behind_is_deleted_and_what_it_brought_is_not(
    hall: Hall, other: LocalStorage, run: Any
) -> None:
    made = hall.send(hall.guest(), "slides.pdf", PDF, in_use=True)
    key = hall.row(made).key
    other.save(key, BytesIO(PDF), "x/y")
    hall.change(made, storage="other")
    done = run("files", "check", "--delete-unowned", "--json")
    assert json.loads(done.output)["unowned"] == [{"storage": "local", "key": key}]
    assert (hall.keys(), list(other.list(""))) == ([], [key])
    assert hall.host.get(f"/files/{made}").data == PDF
