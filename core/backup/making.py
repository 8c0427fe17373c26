"""`audimax backup`: the database first, in one snapshot, then every file that its rows have."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import BinaryIO

from flask import Flask

from core.backup import age, files, keeping, snapshot
from core.backup.manifest import Gone, Head, Manifest
from core.backup.parts import Writer
from core.backup.places import FolderTarget, Target, TarTarget, new_folder, unfinished_in
from core.backup.refusals import BackupError, gigabytes
from core.backup.sealing import Box, box_of, new_box
from core.config import Config
from core.db import now

FOLDER = "backups"
Say = Callable[[str], None]


@dataclass(frozen=True)
class Wish:
    """What was asked for: no ``target`` is a new folder of the instance, no ``passphrase`` unencrypted."""

    target: Path | None = None
    resume: bool = False
    passphrase: str = ""
    with_secrets: bool = False


@dataclass(frozen=True)
class Made:
    """What has become of it."""

    where: str
    rows: int
    files: int
    bytes: int
    reused: int
    gone: list[Gone]

    def text(self) -> str:
        """For people."""
        again = f", {self.reused} of them were here already" if self.reused else ""
        lines = [
            f"{self.where} is whole: {self.rows} rows, {self.files} files ({gigabytes(self.bytes)}){again}."
        ]
        deleted = [one.key for one in self.gone if one.deleted]
        lost = [one.key for one in self.gone if not one.deleted]
        if deleted:
            lines.append(f"{len(deleted)} files were deleted meanwhile, and aren't in it: {_some(deleted)}")
        if lost:
            lines.append(
                f"{len(lost)} files have no bytes in their storage, and aren't in it: {_some(lost)}; "
                "`audimax files check` tells which they are"
            )
        return "\n".join(lines)


def to_folder(app: Flask, wish: Wish, say: Say) -> Made:
    """Back up into a folder, which may be one that was begun before."""
    config: Config = app.extensions["audimax_config"]
    folder = wish.target or _own_folder(config.instance / FOLDER, wish.resume)
    target = FolderTarget(folder.absolute(), resume=wish.resume)
    with closing(target):
        if target.head is not None and target.head.is_encrypted != bool(wish.passphrase):
            how = "with" if target.head.is_encrypted else "without"
            raise BackupError(f"the backup in {folder} was begun {how} --encrypt: go on {how} it")
        return _make(app, target, target.head, str(target.folder), wish, say)


def to_stream(app: Flask, stream: BinaryIO, wish: Wish, say: Say) -> Made:
    """Back up into a tar that somebody reads."""
    if wish.resume:
        raise BackupError(
            "a stream can't be taken up again: name a folder instead of -, or leave out --resume"
        )
    return _make(app, TarTarget(stream), None, "the stream", wish, say)


def _own_folder(parent: Path, resume: bool) -> Path:
    return unfinished_in(parent) if resume else new_folder(parent)


def _make(app: Flask, target: Target, before: Head | None, where: str, wish: Wish, say: Say) -> Made:
    config: Config = app.extensions["audimax_config"]
    box = _box(before, wish.passphrase)
    moment = now().isoformat()
    head = Head(
        before.id if before else secrets.token_hex(16), moment, box.stretching.as_dict() if box else None
    )
    writer = Writer(target, box)
    with snapshot.taken(config.listen_url) as taken:
        if isinstance(target, FolderTarget):
            target.refuse_full(taken.size + taken.file_bytes() - target.held())
        target.begin(head)
        age.begun(config.instance, moment, where)
        manifest, wanted = _save_database(taken, head, writer, say)
    with app.app_context():
        copied = files.save(wanted, writer, _teller(say, len(wanted)))
    manifest.files, manifest.gone = copied.files, copied.gone
    manifest.key_print = keeping.key_print(config)
    if wish.with_secrets:
        kept = keeping.collected(app)
        manifest.secrets = writer.put("secrets.json", len(kept), [kept])
    writer.finish(manifest)
    age.finished(config.instance, moment, where)
    rows = sum(table.rows for table in manifest.tables)
    return Made(where, rows, len(copied.files), manifest.file_bytes, copied.reused, copied.gone)


def _box(before: Head | None, passphrase: str) -> Box | None:
    if not passphrase:
        return None
    return box_of(passphrase, before.key) if before and before.key else new_box(passphrase)


def _save_database(
    taken: snapshot.Snapshot, head: Head, writer: Writer, say: Say
) -> tuple[Manifest, list[snapshot.Wanted]]:
    manifest = Manifest(head.id, taken.now, taken.histories, database_size=taken.size)
    wanted = taken.files()
    for table in taken.copy(writer):
        manifest.tables.append(table)
        say(f"{table.name}: {table.rows} rows")
    manifest.sequences = taken.sequences()
    return manifest, wanted


def _teller(say: Say, total: int) -> Callable[[files.Copied], None]:
    told = datetime.min

    def tell(so_far: files.Copied) -> None:
        nonlocal told
        moment = datetime.now()
        if (moment - told).total_seconds() > 1 or len(so_far.files) == total:
            told = moment
            done = sum(one.size for one in so_far.files[-1:])
            say(f"{len(so_far.files)} of {total} files ({gigabytes(done)} the last one)")

    return tell


def _some(keys: list[str]) -> str:
    more = f" and {len(keys) - 5} more" if len(keys) > 5 else ""
    return ", ".join(keys[:5]) + more
