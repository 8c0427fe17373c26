"""What can't be restored is refused with its remedy, and leaves the installation empty."""

from __future__ import annotations

import json
import os
import shutil

import pytest

from core.backup import loading, making, places, restoring, sealing
from core.backup.manifest import Manifest
from core.backup.refusals import BackupError

WORDS = "correct horse battery staple"


def quietly(_said: str) -> None:
    pass


@pytest.fixture
def made(house, tmp_path):
    """A backup in a folder, unencrypted."""
    return house.back_up(tmp_path / "b")


def rewrite(folder, **changed) -> None:
    """Another manifest, in order as far as it says itself."""
    path = folder / "manifest"
    manifest = Manifest.read(path.read_bytes())
    for name, value in changed.items():
        setattr(manifest, name, value)
    path.write_bytes(manifest.as_bytes())


def is_untouched(house) -> bool:
    return house.tables() == set() and house.files() == {}


def test_a_changed_byte_is_noticed_before_anything_is_restored(made, empty):
    part = next(path for path in sorted((made / "files/kept").iterdir()) if path.stat().st_size > 1000)
    content = bytearray(part.read_bytes())
    content[500] ^= 1
    part.write_bytes(content)
    with pytest.raises(BackupError, match=f"{part.name} isn't what was written.*Take another copy"):
        empty.restore(made)
    assert is_untouched(empty)


@pytest.mark.parametrize("how", ["cut off", "missing"])
def test_a_part_that_is_not_whole_is_noticed(made, empty, how):
    part = made / "database/room/000001.gz"
    if how == "missing":
        part.unlink()
    else:
        os.truncate(part, part.stat().st_size - 1)
    with pytest.raises(BackupError, match=r"take another copy|Take another copy"):
        empty.restore(made)
    assert is_untouched(empty)


def test_a_damaged_manifest_is_noticed(made, empty):
    path = made / "manifest"
    path.write_bytes(path.read_bytes().replace(b"room", b"rood", 1))
    with pytest.raises(BackupError, match="its manifest is damaged"):
        empty.restore(made)


def test_head_and_manifest_of_two_backups_are_noticed(house, made, empty, tmp_path):
    shutil.copy(house.back_up(tmp_path / "other") / "head.json", made / "head.json")
    with pytest.raises(BackupError, match="are of different backups"):
        empty.restore(made)


@pytest.mark.parametrize("size", [0.2, 0.9])
def test_a_tar_that_broke_off_is_noticed(house, empty, tmp_path, size):
    path = tmp_path / "b.tar"
    with path.open("wb") as stream:
        making.to_stream(house.app, stream, making.Wish(), quietly)
    os.truncate(path, int(path.stat().st_size * size))
    with pytest.raises(BackupError, match=r"isn't whole|can't be read as a tar"):
        empty.restore(path)
    assert is_untouched(empty)


def test_other_files_are_no_backups(empty, tmp_path):
    (tmp_path / "text").write_text("hello " * 1000)
    (tmp_path / "folder").mkdir()
    with pytest.raises(BackupError, match="can't be read as a tar: it is damaged, or still compressed"):
        empty.restore(tmp_path / "text")
    with pytest.raises(BackupError, match=r"is no backup of Audimax: it has no head\.json"):
        empty.restore(tmp_path / "folder")
    with pytest.raises(BackupError, match="doesn't exist: name a backup's folder, or its tar"):
        empty.restore(tmp_path / "nowhere")


def test_a_wrong_passphrase_is_said_in_plain_words(house, empty, tmp_path):
    made = house.back_up(tmp_path / "b", passphrase=WORDS)
    with pytest.raises(BackupError, match="the passphrase is wrong"):
        empty.restore(made, "wrong horse battery staple")
    with pytest.raises(BackupError, match=r"is encrypted: give its passphrase with --passphrase-file, or in"):
        empty.restore(made)
    assert is_untouched(empty)


def test_an_installation_that_is_not_empty_is_left_as_it_is(house, made):
    before = house.rows()
    with pytest.raises(BackupError, match=r"isn't empty: it has 2 accounts, 2 rooms, .* make a new database"):
        house.restore(made)
    assert house.rows() == before


def test_a_database_with_tables_of_others_is_left_as_it_is(made, empty):
    empty.run("CREATE TABLE payroll (id int)")
    with pytest.raises(BackupError, match=r"tables that aren't Audimax's \(payroll\)"):
        empty.restore(made)
    assert empty.tables() == {"payroll"}


def test_a_worker_at_work_must_be_stopped_first(made, empty):
    empty.migrate()
    empty.run("INSERT INTO procrastinate_workers (last_heartbeat) VALUES (now())")
    with pytest.raises(BackupError, match="stop web and jobs"):
        empty.restore(made)


def test_a_disk_that_is_too_full_for_the_restore_is_asked_first(made, empty, monkeypatch):
    class Full:
        free = 1000

    monkeypatch.setattr(restoring.shutil, "disk_usage", lambda _path: Full)
    with pytest.raises(BackupError, match="is too full: the restore needs up to"):
        empty.restore(made)
    assert is_untouched(empty)


def test_what_an_earlier_try_has_brought_needs_no_room_again(made, empty, monkeypatch):
    def breaks_off(*_about):
        raise BackupError("broken off")

    with monkeypatch.context() as patched:
        patched.setattr(loading, "restore", breaks_off)
        with pytest.raises(BackupError, match="broken off"):
            empty.restore(made)
    there, manifest = empty.files(), Manifest.read((made / "manifest").read_bytes())
    kept = sum(map(len, there.values()))

    class Nearly:
        free = manifest.database_size * restoring.ROOM_FOR_ROWS + restoring.SPARE

    monkeypatch.setattr(restoring.shutil, "disk_usage", lambda _path: Nearly)
    key, content = max(there.items(), key=lambda one: len(one[1]))
    empty.delete_bytes(key)
    with pytest.raises(BackupError, match="is too full: the restore needs up to"):
        empty.restore(made)
    Nearly.free += len(content)
    assert len(content) < kept
    empty.restore(made)
    assert empty.files() == there


def test_a_restore_that_fails_leaves_no_table_and_goes_on_with_the_files(house, made, empty, monkeypatch):
    settle = loading._settle_jobs

    def fail(_cursor):
        raise RuntimeError("pulled the plug")

    monkeypatch.setattr(loading, "_settle_jobs", fail)
    with pytest.raises(RuntimeError):
        empty.restore(made)
    assert empty.tables() == set()
    monkeypatch.setattr(loading, "_settle_jobs", settle)
    restored = empty.restore(made)
    assert restored.there == 4
    assert empty.rows() == house.rows() and empty.files() == house.files()


def test_a_half_restored_file_is_brought_again(house, made, empty):
    key = next(key for key, content in house.files().items() if len(content) > 1000)
    path = empty.folder / "files" / key
    path.parent.mkdir(parents=True)
    path.write_bytes(bytes(len(house.files()[key])))
    assert empty.restore(made).there == 0
    assert empty.files() == house.files()


def test_rows_that_end_too_early_are_noticed(made, empty):
    manifest = Manifest.read((made / "manifest").read_bytes())
    (room,) = [table for table in manifest.tables if table.name == "room"]
    manifest.tables[manifest.tables.index(room)] = type(room)(room.name, room.columns, 7, room.parts)
    rewrite(made, tables=manifest.tables)
    with pytest.raises(BackupError, match="room has 2 rows instead of 7"):
        empty.restore(made)
    assert empty.tables() == set()


def test_keys_and_parts_that_lead_elsewhere_are_refused(made, empty, tmp_path):
    (tmp_path / "secret").write_text("x")
    manifest = Manifest.read((made / "manifest").read_bytes())
    first = manifest.files[0]
    evil = {"storage": first.storage, "mime": "x/y", "size": first.size}
    rewrite(made, files=[type(first)(key="../../x", part=first.part, **evil)])
    with pytest.raises(BackupError, match="is no key of a file"):
        empty.restore(made)
    rewrite(made, files=[type(first)(key=first.key, part="../secret", **evil)])
    with pytest.raises(BackupError, match="outside of it"):
        empty.restore(made)


def test_a_form_of_the_future_is_refused_with_the_version_to_install(made, empty):
    head = json.loads((made / "head.json").read_text())
    (made / "head.json").write_text(json.dumps({**head, "format": 2, "version": "9.0"}))
    with pytest.raises(
        BackupError, match=r"was made by Audimax 9\.0, and this is .* Install 9\.0 or a newer"
    ):
        empty.restore(made)


def test_a_damaged_head_is_refused(made, empty):
    (made / "head.json").write_text("{")
    with pytest.raises(BackupError, match=r"its head\.json can't be read"):
        empty.restore(made)


def test_a_head_can_not_ask_for_all_our_memory(house, empty, tmp_path):
    made = house.back_up(tmp_path / "b", passphrase=WORDS)
    head = json.loads((made / "head.json").read_text())
    for key in ({"n": 2**30}, {"salt": "xyz"}, {"more": 1}):
        (made / "head.json").write_text(json.dumps({**head, "key": {**head["key"], **key}}))
        with pytest.raises(BackupError, match="damaged"):
            empty.restore(made, WORDS)


def test_a_whole_backup_can_be_looked_through_without_a_restore(house, empty, tmp_path):
    made = house.back_up(tmp_path / "b", passphrase=WORDS)
    said: list[str] = []
    restoring.check(restoring.opened(made, WORDS), said.append)
    assert "looked through" in said[-1]
    assert is_untouched(empty)


def test_what_the_disk_of_a_part_says_is_in_words(made, empty, monkeypatch):
    def fail(*_given):
        raise PermissionError(13, "Permission denied")

    found = restoring.opened(made, "")
    monkeypatch.setattr(places.Path, "open", fail)
    with pytest.raises(BackupError, match="Permission denied; let the user that runs audimax read it"):
        restoring.check(found, quietly)


# --- secrets --------------------------------------------------------------------------------


def test_another_secret_key_is_told_when_the_backup_has_none(house, make_house, made):
    other = make_house(*house.app.extensions["audimax_plugins"].loaded, secret_key="k" * 50)
    (said,) = other.restore(made).remarks
    assert "another secret_key than the one that was backed up" in said and "sessions" in said


def test_secrets_come_along_when_asked_for(house, make_house, tmp_path):
    made = house.back_up(tmp_path / "b", passphrase=WORDS, with_secrets=True)
    other = make_house(*house.app.extensions["audimax_plugins"].loaded, secret_key="k" * 50)
    (said,) = other.restore(made, WORDS).remarks
    path = other.folder / "restored-secrets.env"
    key = house.app.extensions["audimax_config"].secret_key
    assert str(path) in said and key not in said
    assert f"AUDIMAX_SECRET_KEY='{key}'" in path.read_text()
    assert path.stat().st_mode & 0o077 == 0


def test_the_same_secrets_need_no_remark(house, empty, tmp_path):
    made = house.back_up(tmp_path / "b", passphrase=WORDS, with_secrets=True)
    assert empty.restore(made, WORDS).remarks == []


# --- passphrases ----------------------------------------------------------------------------


def test_a_passphrase_comes_from_a_file_or_the_environment_and_stays_in_neither(tmp_path):
    file = tmp_path / "passphrase"
    file.write_text(f"{WORDS}\nanother line\n")
    environ = {sealing.VARIABLE: "of the environment"}
    assert sealing.passphrase_of(file, environ) == WORDS
    assert environ == {}
    assert sealing.passphrase_of(None, {sealing.VARIABLE: "of the environment"}) == "of the environment"
    assert sealing.passphrase_of(None, {}) == ""


def test_a_passphrase_that_can_not_be_used_is_refused(tmp_path):
    (tmp_path / "short").write_text("short")
    (tmp_path / "bytes").write_bytes(b"\xff" * 20)
    with pytest.raises(BackupError, match="shorter than 12 letters"):
        sealing.passphrase_of(tmp_path / "short", {})
    with pytest.raises(BackupError, match="isn't UTF-8"):
        sealing.passphrase_of(tmp_path / "bytes", {})
    with pytest.raises(BackupError, match="No such file"):
        sealing.passphrase_of(tmp_path / "none", {})
