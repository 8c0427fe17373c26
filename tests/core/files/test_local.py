"""The local folder keeps every promise of a storage, and its files to itself."""

from __future__ import annotations

import errno
import os
import stat
from io import BytesIO
from pathlib import Path

import pytest

from core.errors import StorageDown
from core.files.local import LocalStorage
from core.testing import StorageContract


@pytest.fixture
def storage(tmp_path: Path) -> LocalStorage:
    return LocalStorage(tmp_path / "files")


class TestLocalFolder(StorageContract):
    """``StorageContract``, on a folder."""


def test_nobody_else_can_read_its_files(storage: LocalStorage) -> None:
    before = os.umask(0)
    try:
        storage.save("kept/one", BytesIO(b"x"), "text/plain")
        with storage.appending("incoming/two") as growing:
            growing.write(b"x")
    finally:
        os.umask(before)
    for path in (storage.folder, *storage.folder.rglob("*")):
        wanted = 0o700 if path.is_dir() else 0o600
        assert stat.S_IMODE(path.stat().st_mode) == wanted, path


@pytest.mark.parametrize(
    "key",
    [
        "",
        "/etc/passwd",
        "../x",
        "a/../../x",
        "a//b",
        "a/",
        "/a",
        ".half/x",
        "a/.x",
        "a\0b",
        "ä",
        "a b",
        "a\n",
    ],
)
def test_no_key_leads_out_of_the_folder(storage: LocalStorage, key: str) -> None:
    for attempt in (
        lambda: storage.save(key, BytesIO(b"x"), "text/plain"),
        lambda: storage.open(key),
        lambda: storage.stat(key),
        lambda: storage.delete(key),
        lambda: storage.copy(key, "a", "e"),
    ):
        with pytest.raises(ValueError, match="is no key"):
            attempt()


def test_bytes_are_added_where_the_last_ones_ended(storage: LocalStorage) -> None:
    for piece in (b"one", b"two"):
        with storage.appending("incoming/a") as growing:
            growing.write(piece)
    with storage.appending("incoming/a") as growing:
        assert growing.size == 6
        growing.cut(4)
        growing.write(b"!")
    assert storage.open("incoming/a").read() == b"onet!"


def test_one_at_a_time_adds_to_a_file(storage: LocalStorage) -> None:
    with storage.appending("incoming/a"), pytest.raises(BlockingIOError), storage.appending("incoming/a"):
        pass
    with storage.appending("incoming/a") as growing:
        assert growing.size == 0


def test_half_written_files_are_no_files(storage: LocalStorage) -> None:
    class Looking(BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            assert list(storage.list("")) == []
            return super().read(size)

    storage.save("kept/a", Looking(b"x"), "text/plain")
    assert list(storage.list("")) == ["kept/a"]
    assert list((storage.folder / ".half").iterdir()) == []


@pytest.mark.parametrize(
    ("number", "words"), [(errno.ENOSPC, "make room on its disk"), (errno.EACCES, "belong to the user")]
)
def test_a_disk_that_fails_is_a_storage_that_is_down(
    storage: LocalStorage, monkeypatch: pytest.MonkeyPatch, number: int, words: str
) -> None:
    def fail(*_args: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(StorageDown, match=words):
        storage.save("kept/a", BytesIO(b"x"), "text/plain")
    assert storage.stat("kept/a") is None
    assert list((storage.folder / ".half").iterdir()) == []


def test_what_a_killed_process_left_half_written_goes_and_what_is_written_stays(
    storage: LocalStorage,
) -> None:
    class Slow(BytesIO):
        """Long after its begin somebody sweeps."""

        def read(self, size: int | None = -1) -> bytes:
            for half in halves.iterdir():
                os.utime(half, (100, 100))
            swept.append(storage.drop_halves(200))
            return super().read(size)

    halves, swept = storage.folder / ".half", list[int]()
    assert storage.drop_halves(200) == 0, "nothing was ever written here"
    storage.save("kept/a", Slow(b"all of it"), "text/plain")
    assert set(swept) == {0} and storage.open("kept/a").read() == b"all of it"
    for name, age in (("old", 100), ("young", 300)):
        (halves / name).write_bytes(b"some of it")
        os.utime(halves / name, (age, age))
    assert storage.drop_halves(200) == 1
    assert [path.name for path in halves.iterdir()] == ["young"]
    assert list(storage.list("")) == ["kept/a"]
