"""Files that lie on S3 are in a backup, and go back there or elsewhere."""

from __future__ import annotations

import secrets
from pathlib import Path
from typing import Any

import pytest

from core.backup.refusals import BackupError
from core.errors import StorageDown
from plugins.storage_s3.storage import S3Storage
from tests.core.backup.conftest import furnished, house, make_house  # noqa: F401
from tests.fixtures.s3 import S3Server

WORDS = "correct horse battery staple"


@pytest.fixture
def on_s3(own_s3_server: S3Server, make_house: Any) -> Any:  # noqa: F811
    """``on_s3("a")``: an installation whose files are in that bucket."""

    def make(bucket: str) -> Any:
        own_s3_server.make_bucket(bucket)
        settings = {**own_s3_server.settings, "bucket": bucket}
        return make_house("storage_s3", file_storage="s3", plugins={"storage_s3": settings})

    return make


@pytest.fixture
def old(on_s3: Any) -> Any:
    made = on_s3("old").migrate()
    for size in (0, 1, 20_000_000):
        made.add_file(secrets.token_bytes(size), "s3")
    made.add_file(b"kept here before", "local")
    return made


@pytest.mark.parametrize("passphrase", ["", WORDS])
def test_files_on_s3_come_back_into_another_bucket(
    old: Any, on_s3: Any, tmp_path: Path, passphrase: str
) -> None:
    made = old.back_up(tmp_path / "b", passphrase=passphrase)
    new = on_s3("new")
    new.restore(made, passphrase)
    assert new.files("s3") == old.files("s3") and len(new.files("s3")) == 3
    assert new.files("local") == old.files("local")
    assert new.rows() == old.rows()


def test_a_bucket_that_is_still_there_is_not_filled_again(old: Any, on_s3: Any, tmp_path: Path) -> None:
    made = old.back_up(tmp_path / "b")
    restored = on_s3("old").restore(made)
    assert restored.there == 3 and restored.files == 4


def test_files_go_where_files_go_when_there_is_no_s3_any_more(
    old: Any,
    make_house: Any,  # noqa: F811
    tmp_path: Path,
) -> None:
    made = old.back_up(tmp_path / "b")
    new = make_house()
    (said,) = new.restore(made).remarks
    assert said == "Files that were in s3 are in local now: no enabled plugin offers s3 here."
    assert new.files("local") == {**old.files("s3"), **old.files("local")}
    assert new.run("SELECT DISTINCT storage FROM stored_file") == [("local",)]


def test_a_file_that_moves_meanwhile_is_found_where_it_is(old: Any, on_s3: Any, tmp_path: Path) -> None:
    key = old.run("SELECT key FROM stored_file WHERE storage = 's3' AND size = 1")[0][0]
    content = old.files("s3")[key]
    # The snapshot still says s3.
    old.delete_bytes(key, "s3")
    path = old.folder / "files" / key
    path.write_bytes(content)
    new = on_s3("new")
    new.restore(old.back_up(tmp_path / "b"))
    assert new.files("s3")[key] == content


def test_a_backup_goes_on_when_s3_is_back(
    old: Any, on_s3: Any, own_s3_server: S3Server, tmp_path: Path
) -> None:
    own_s3_server.stop()
    with pytest.raises(StorageDown):
        old.back_up(tmp_path / "b")
    own_s3_server.start()
    new = on_s3("new")
    with pytest.raises(BackupError, match="isn't whole"):
        new.restore(tmp_path / "b")
    old.back_up(tmp_path / "b", resume=True)
    new.restore(tmp_path / "b")
    assert new.files("s3") == old.files("s3")


def test_a_connection_that_breaks_off_is_made_again(
    old: Any, on_s3: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened, starts = S3Storage.open, []

    class Breaking:
        def __init__(self, body: Any) -> None:
            self.body, self.left = body, 3

        def read(self, size: int) -> bytes:
            self.left -= 1
            if self.left < 0:
                raise StorageDown("the cable was pulled; plug it in")
            return bytes(self.body.read(size))

        def close(self) -> None:
            self.body.close()

    def open_breaking(self: S3Storage, key: str, start: int = 0, length: int | None = None) -> Any:
        starts.append(start)
        body = opened(self, key, start, length)
        return Breaking(body) if start == 0 else body

    with monkeypatch.context() as patched:
        patched.setattr(S3Storage, "open", open_breaking)
        made = old.back_up(tmp_path / "b")
    assert max(starts) > 0
    new = on_s3("new")
    new.restore(made)
    assert new.files("s3") == old.files("s3")
