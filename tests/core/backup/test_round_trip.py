"""What was backed up comes back: every row and every byte."""

from __future__ import annotations

import io
import json
import secrets
import tarfile
import threading
from pathlib import Path

import pytest

from core.backup import files, making, places
from core.backup.refusals import BackupError
from core.db import db
from core.files.models import StoredFile

WORDS = "correct horse battery staple"


def quietly(_said: str) -> None:
    pass


def test_every_row_and_every_byte_come_back(house, empty, tmp_path):
    filled = [name for name, rows in house.rows().items() if len(rows) > 1]
    assert len(filled) > 40, filled
    made = house.back_up(tmp_path / "b")
    restored = empty.restore(made)
    assert empty.rows() == house.rows()
    assert empty.files() == house.files() and len(house.files()) == 4
    assert "Restored" in restored.text() and restored.remarks == []


def test_every_row_and_every_byte_come_back_from_an_encrypted_backup(house, empty, tmp_path):
    made = house.back_up(tmp_path / "b", passphrase=WORDS)
    empty.restore(made, WORDS)
    assert empty.rows() == house.rows()
    assert empty.files() == house.files()


@pytest.mark.parametrize("passphrase", ["", WORDS])
def test_every_row_and_every_byte_come_back_from_a_stream(house, empty, tmp_path, passphrase):
    path = tmp_path / "b.tar"
    with path.open("wb") as stream:
        making.to_stream(house.app, stream, making.Wish(passphrase=passphrase), quietly)
    empty.restore(path, passphrase)
    assert empty.rows() == house.rows()
    assert empty.files() == house.files()


def test_nothing_of_an_encrypted_backup_can_be_read(house, tmp_path):
    key = house.add_file(b"very plain words" * 100)
    house.run("UPDATE room SET title = 'Invariants of Noether'")
    made = house.back_up(tmp_path / "b", passphrase=WORDS, with_secrets=True)
    everything = b"".join(path.read_bytes() for path in made.rglob("*") if path.is_file())
    names = " ".join(str(path) for path in made.rglob("*"))
    secret = house.app.extensions["audimax_config"].secret_key
    for plain in (b"very plain words", b"Noether", key.encode(), b"stored_file", secret.encode()):
        assert plain not in everything
    assert key.removeprefix("kept/") not in names and "room" not in names


def test_new_ids_go_on_after_the_old_ones(house, empty, tmp_path):
    highest = house.run("SELECT max(id) FROM room")[0][0]
    house.run("DELETE FROM room WHERE id = %s", highest)
    empty.restore(house.back_up(tmp_path / "b"))
    ((given,),) = empty.run("SELECT nextval(pg_get_serial_sequence('room', 'id'))")
    assert given > highest


def test_a_database_that_only_has_its_tables_counts_as_empty(house, empty, tmp_path):
    made = house.back_up(tmp_path / "b")
    empty.migrate()
    empty.restore(made)
    assert empty.rows() == house.rows()


def test_jobs_that_were_being_worked_on_wait_again(house, empty, tmp_path):
    house.run("DELETE FROM procrastinate_jobs")
    house.run("INSERT INTO procrastinate_workers (last_heartbeat) VALUES (now())")
    for status, lock in (("doing", None), ("doing", "one"), ("todo", "one"), ("failed", None)):
        house.run(
            "INSERT INTO procrastinate_jobs (task_name, queue_name, status, queueing_lock, worker_id) "
            "VALUES ('core:x', 'default', %s, %s, (SELECT max(id) FROM procrastinate_workers))",
            status,
            lock,
        )
    events = house.run("SELECT count(*) FROM procrastinate_events")
    empty.restore(house.back_up(tmp_path / "b"))
    found = empty.run("SELECT status::text, queueing_lock, worker_id FROM procrastinate_jobs ORDER BY id")
    assert found == [("todo", None, None), ("todo", "one", None), ("failed", None, None)]
    assert empty.run("SELECT count(*) FROM procrastinate_workers") == [(0,)]
    assert empty.run("SELECT count(*) FROM procrastinate_events") <= events
    # Whoever defers next is heard again.
    ((on,),) = empty.run("SELECT bool_and(tgenabled = 'O') FROM pg_trigger WHERE NOT tgisinternal")
    assert on


def test_what_people_do_meanwhile_leaves_the_backup_consistent(house, empty, tmp_path):
    """Somebody adds and deletes files all the time; each row that comes back has its bytes."""
    stop, kept = threading.Event(), []

    def work() -> None:
        while not stop.is_set():
            kept.append(house.add_file(secrets.token_bytes(20_000)))
            if len(kept) > 3:
                key = kept.pop(0)
                house.run("UPDATE stored_file SET state = 'gone', gone_at = now() WHERE key = %s", key)
                house.delete_bytes(key)

    writer = threading.Thread(target=work)
    writer.start()
    try:
        for _ in range(3):
            while len(kept) < 3:
                stop.wait(0.01)
            made = house.back_up(tmp_path / f"b{_}")
    finally:
        stop.set()
        writer.join()
    empty.restore(made)
    ready = {key for (key,) in empty.run("SELECT key FROM stored_file WHERE state = 'ready'")}
    assert ready and ready <= set(empty.files())


def test_a_file_that_is_deleted_meanwhile_is_told_and_is_deleted_after_the_restore(
    house, empty, tmp_path, monkeypatch
):
    key = house.add_file(b"soon gone")
    lost = house.add_file(b"lost long ago")
    house.delete_bytes(lost)
    save = files.save

    def delete_first(*given):
        house.run("UPDATE stored_file SET state = 'gone' WHERE key = %s", key)
        house.delete_bytes(key)
        return save(*given)

    monkeypatch.setattr(files, "save", delete_first)
    made = making.to_folder(house.app, making.Wish(tmp_path / "b"), quietly)
    assert {(one.key, one.deleted) for one in made.gone} == {(key, True), (lost, False)}
    assert "1 files were deleted meanwhile" in made.text() and lost in made.text()
    said = empty.restore(tmp_path / "b").text()
    assert "1 files had no bytes when the backup was made" in said
    assert empty.run("SELECT state FROM stored_file WHERE key = %s", key) == [("gone",)]
    assert empty.run("SELECT state FROM stored_file WHERE key = %s", lost) == [("ready",)]


def test_uploads_that_are_checked_come_with_their_bytes_and_unfinished_ones_without(house, empty, tmp_path):
    with house.app.app_context():
        for state in ("checking", "incoming"):
            file = StoredFile(plugin="files", storage="local", name="a", extension="a", mime="", size=3,
                              state=state, uploader_name="A", incoming_key=f"incoming/{state}")  # fmt: skip
            db.session.add(file)
            files.storages.local().save(file.incoming_key, io.BytesIO(b"abc"), "")
        db.session.commit()
    empty.restore(house.back_up(tmp_path / "b"))
    with empty.app.app_context():
        assert list(files.storages.local().list("incoming/")) == ["incoming/checking"]


# --- broken off, and taken up again ---------------------------------------------------------


def broken_off(house, folder: Path, monkeypatch, after: int, **wish) -> None:
    """A backup that ends in the middle of the files."""
    put, count = places.FolderTarget.put, 0

    def put_or_break(self, name, size, pieces):
        nonlocal count
        count += name.startswith(("files/", "parts/"))
        if count > after:
            raise KeyboardInterrupt
        return put(self, name, size, pieces)

    with monkeypatch.context() as patched:
        patched.setattr(places.FolderTarget, "put", put_or_break)
        with pytest.raises(KeyboardInterrupt):
            house.back_up(folder, **wish)


def test_a_backup_that_broke_off_is_not_taken_for_a_whole_one(house, empty, tmp_path, monkeypatch):
    broken_off(house, tmp_path / "b", monkeypatch, 2)
    with pytest.raises(BackupError, match=r"it isn't whole.*--resume"):
        empty.restore(tmp_path / "b")
    with pytest.raises(BackupError, match=r"there is something in .*--resume"):
        house.back_up(tmp_path / "b")
    assert empty.tables() == set()


def test_a_backup_that_broke_off_is_taken_up_without_copying_again(house, empty, tmp_path, monkeypatch):
    broken_off(house, tmp_path / "b", monkeypatch, 2)
    gone = house.add_file(b"deleted between the two")
    made = making.to_folder(house.app, making.Wish(tmp_path / "b", resume=True), quietly)
    assert made.reused == 2 and made.files == 5
    assert gone in house.files()
    empty.restore(tmp_path / "b")
    assert empty.rows() == house.rows() and empty.files() == house.files()
    with pytest.raises(BackupError, match="has a whole backup already"):
        house.back_up(tmp_path / "b", resume=True)


def test_an_encrypted_one_is_taken_up_with_the_same_passphrase_only(house, empty, tmp_path, monkeypatch):
    tables = len([name for name in house.rows() if not name.endswith("alembic_version")])
    broken_off(house, tmp_path / "b", monkeypatch, tables + 3, passphrase=WORDS)
    with pytest.raises(BackupError, match="passphrase is wrong"):
        house.back_up(tmp_path / "b", resume=True, passphrase="another passphrase")
    with pytest.raises(BackupError, match="was begun with --encrypt"):
        house.back_up(tmp_path / "b", resume=True)
    made = making.to_folder(house.app, making.Wish(tmp_path / "b", resume=True, passphrase=WORDS), quietly)
    assert made.reused
    empty.restore(tmp_path / "b", WORDS)
    assert empty.rows() == house.rows() and empty.files() == house.files()


def test_a_damaged_part_is_copied_again_and_a_deleted_file_leaves_the_backup(
    house, empty, tmp_path, monkeypatch
):
    broken_off(house, tmp_path / "b", monkeypatch, 3)
    first, second, *_ = sorted(path for path in (tmp_path / "b/files/kept").iterdir() if path.stat().st_size)
    first.write_bytes(bytes(first.stat().st_size))
    key = f"kept/{second.name}"
    house.run("DELETE FROM stored_file WHERE key = %s", key)
    house.delete_bytes(key)
    made = making.to_folder(house.app, making.Wish(tmp_path / "b", resume=True), quietly)
    assert made.reused < made.files
    assert not second.exists()
    empty.restore(tmp_path / "b")
    assert empty.files() == house.files()


def test_the_newest_one_that_broke_off_is_found(house, monkeypatch):
    with pytest.raises(BackupError, match="has broken off: leave out --resume"):
        house.back_up(resume=True)
    broken_off(house, house.folder / "backups" / "2026-01-01", monkeypatch, 1)
    assert house.back_up(resume=True) == house.folder / "backups" / "2026-01-01"


def test_two_backups_into_one_folder_take_turns(house, tmp_path):
    target = places.FolderTarget(tmp_path / "b", resume=False)
    (tmp_path / "b" / "head.json").write_text("{}")
    with pytest.raises(BackupError, match="another `audimax backup` writes to"):
        places.FolderTarget(tmp_path / "b", resume=True)
    target.close()


# --- no room, nobody who reads ---------------------------------------------------------------


def test_a_disk_that_is_too_full_is_asked_first(house, tmp_path, monkeypatch):
    class Full:
        free = 1000

    with monkeypatch.context() as patched:
        patched.setattr(places.shutil, "disk_usage", lambda _path: Full)
        with pytest.raises(BackupError, match=r"is too full: the backup needs up to .* Make room"):
            house.back_up(tmp_path / "b")
    assert not (tmp_path / "b").exists()


def test_a_disk_that_fills_up_meanwhile_is_told_in_words(house):
    with pytest.raises(BackupError, match="No space left on device; make room there, or name another"):
        making.to_stream(house.app, Path("/dev/full").open("wb", 0), making.Wish(), quietly)  # noqa: SIM115


def test_a_pipe_that_nobody_reads_is_told_in_words(house, monkeypatch):
    class Closed(io.RawIOBase):
        def writable(self):
            return True

        def write(self, _piece):
            raise BrokenPipeError(32, "Broken pipe")

    with pytest.raises(BackupError, match="nobody takes the backup any more"):
        making.to_stream(house.app, Closed(), making.Wish(), quietly)


def test_a_folder_that_can_not_be_made_is_told_in_words(house, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(BackupError, match="Not a directory; let the user that runs audimax"):
        house.back_up(tmp_path / "file" / "b")


def test_only_we_can_read_a_backup(house, tmp_path):
    made = house.back_up(tmp_path / "b")
    assert all(path.stat().st_mode & 0o077 == 0 for path in [made, *made.rglob("*")])


def test_the_head_tells_nothing_but_when_and_with_what(house, tmp_path):
    made = house.back_up(tmp_path / "b", passphrase=WORDS)
    head = json.loads((made / "head.json").read_text())
    assert set(head) == {"id", "made_at", "key", "version", "format"}
    assert set(head["key"]) == {"salt", "n", "r", "p", "check"}


def test_a_tar_begins_with_its_head_and_ends_with_its_manifest(house, tmp_path):
    with (tmp_path / "b.tar").open("wb") as stream:
        making.to_stream(house.app, stream, making.Wish(), quietly)
    with tarfile.open(tmp_path / "b.tar") as tar:
        names = tar.getnames()
    assert names[0] == "head.json" and names[-1] == "manifest"
