"""`audimax restore`: looks at everything first, brings back the files, then the database at once."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Collection
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from flask import Flask

from core.backup import files, keeping, loading
from core.backup.manifest import Gone, Head, Manifest
from core.backup.parts import Reader
from core.backup.places import SPARE, Source, source_at
from core.backup.refusals import BackupError, gigabytes
from core.backup.sealing import VARIABLE, Box, box_of
from core.config import Config

Say = Callable[[str], None]
# Rows and their indexes, beside what the rows took alone.
ROOM_FOR_ROWS = 3


@dataclass(frozen=True)
class Opened:
    """A backup that can be read."""

    head: Head
    reader: Reader

    @property
    def manifest(self) -> Manifest:
        return self.reader.manifest


@dataclass(frozen=True)
class Restored:
    """What has come back."""

    rows: int
    files: int
    bytes: int
    there: int
    gone: list[Gone]
    remarks: list[str]

    def text(self) -> str:
        """For people."""
        again = f", {self.there} of them were here already" if self.there else ""
        lines = [f"Restored: {self.rows} rows, {self.files} files ({gigabytes(self.bytes)}){again}."]
        lost = [one.key for one in self.gone if not one.deleted]
        if lost:
            lines.append(
                f"{len(lost)} files had no bytes when the backup was made: `audimax files check` lists them."
            )
        return "\n".join([*lines, *self.remarks])


def opened(path: Path, passphrase: str) -> Opened:
    """The backup at that path; refuses what isn't whole, and a wrong passphrase."""
    source = source_at(path)
    return Opened(source.head, Reader(source, _box(source, passphrase)))


def check(found: Opened, say: Say) -> None:
    """Whether every part is what was written."""
    total = sum(part.size for part in found.manifest.parts.values())
    found.reader.refuse_damaged(lambda seen: say(f"looked through {gigabytes(seen)} of {gigabytes(total)}"))


def restore(app: Flask, found: Opened, without: Collection[str], say: Say) -> Restored:
    """Bring a backup back into this empty installation."""
    config: Config = app.extensions["audimax_config"]
    manifest = found.manifest
    loading.refuse_unfit(manifest, without)
    loading.refuse_used(config.listen_url)
    with app.app_context():
        here = files.storages_here()
        files.refuse_strange(manifest.files)
        _refuse_full(config.instance, manifest, here)
        check(found, say)
        there = files.bring_back(manifest.files, here, found.reader, _teller(say, len(manifest.files)))
    say("the files are there; now the database")
    plan = loading.Plan(manifest, without, here)
    loading.restore(app, config.listen_url, found.reader, plan)
    rows = sum(table.rows for table in plan.tables)
    remarks = [*_moved(manifest, here), *_left_behind(without), *_secrets(app, found)]
    return Restored(rows, len(manifest.files), manifest.file_bytes, there, manifest.gone, remarks)


def _box(source: Source, passphrase: str) -> Box | None:
    if source.head.key is None:
        return None
    if not passphrase:
        raise BackupError(
            f"this backup is encrypted: give its passphrase with --passphrase-file, or in {VARIABLE}"
        )
    return box_of(passphrase, source.head.key)


def _refuse_full(instance: Path, manifest: Manifest, here: files.Storages) -> None:
    needed = files.local_bytes(manifest.files, here) + manifest.database_size * ROOM_FOR_ROWS + SPARE
    free = shutil.disk_usage(instance if instance.exists() else instance.parent).free
    if free < needed:
        raise BackupError(
            f"the disk of {instance} is too full: the restore needs up to {gigabytes(needed)}, "
            f"{gigabytes(free)} are free. Make room, or name another instance folder"
        )


def _moved(manifest: Manifest, here: files.Storages) -> list[str]:
    return [
        f"Files that were in {old} are in {here.ours} now: no enabled plugin offers {old} here."
        for old in sorted({one.storage for one in manifest.files} - here.known)
    ]


def _left_behind(without: Collection[str]) -> list[str]:
    return [f"The data of the plugin {name} were left behind." for name in sorted(without)]


def _secrets(app: Flask, found: Opened) -> list[str]:
    config: Config = app.extensions["audimax_config"]
    manifest = found.manifest
    if not manifest.secrets:
        if manifest.key_print == keeping.key_print(config):
            return []
        return [
            "This installation has another secret_key than the one that was backed up, and the backup has no "
            f"secrets in it: {keeping.WHAT_ONE_KEY_DOES}. Set the old secret_key to avoid that, and the "
            "plugins' old keys."
        ]
    with closing(found.reader.open(manifest.secrets)) as body:
        differing = keeping.differing(app, body.read())
    if config.mode == "embedded":
        differing = keeping.adopt_generated(config.instance, differing)
    if not differing:
        return []
    path = keeping.write_down(config.instance, differing)
    return [f"{path} has secrets that differ here: put them into the settings, then delete that file."]


def _teller(say: Say, total: int) -> Callable[[int], None]:
    def tell(number: int) -> None:
        if number % 100 == 0 or number == total:
            say(f"{number} of {total} files")

    return tell
