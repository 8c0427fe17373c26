"""Files, from their storages into a backup and back."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from typing import BinaryIO

import sqlalchemy as sa

from core.backup.manifest import File, Gone
from core.backup.parts import Reader, Writer
from core.backup.places import PIECE, hexdigest
from core.backup.refusals import BackupError
from core.backup.snapshot import Wanted
from core.config import config
from core.contracts import Storage
from core.db import db
from core.errors import StorageDown
from core.files import storages
from core.files.local import KEY, LOCAL
from core.files.models import State, StoredFile
from core.people.models import PersonExport

log = logging.getLogger(__name__)
TRIES = 4


@dataclass
class Copied:
    """What was brought into the backup, and what could not be."""

    files: list[File] = field(default_factory=list)
    gone: list[Gone] = field(default_factory=list)
    reused: int = 0


def save(wanted: list[Wanted], writer: Writer, told: Callable[[Copied], None]) -> Copied:
    """Copy the files that the snapshot's rows have; one that is gone is noted, and the rest goes on."""
    made = Copied()
    for one in wanted:
        try:
            storage = _where_it_is(one)
            file, was_there = _save(one, storage, writer)
        except FileNotFoundError:
            if one.is_certain:
                made.gone.append(Gone(one.storage, one.key, _was_deleted(one)))
            continue
        made.files.append(file)
        made.reused += was_there
        told(made)
    return made


def _where_it_is(one: Wanted) -> Storage:
    """The storage that has it; ``FileNotFoundError`` where nobody has it."""
    for name in _where_it_may_be(one):
        if name and (storage := _named(name, one)) is not None and storage.stat(one.key) is not None:
            return storage
    raise FileNotFoundError(one.key)


def _where_it_may_be(one: Wanted) -> Iterator[str]:
    yield from dict.fromkeys((one.storage, LOCAL))
    # Files may move while we copy.
    yield _storage_now(one)


def _named(name: str, one: Wanted) -> Storage | None:
    try:
        return storages.named(name)
    except StorageDown:
        if not one.is_certain:
            return None
        raise


def _save(one: Wanted, storage: Storage, writer: Writer) -> tuple[File, bool]:
    """``FileNotFoundError`` when it has just gone."""
    found = storage.stat(one.key)
    if found is None:
        raise FileNotFoundError(one.key)
    plain, owner = f"files/{one.key}", one.storage if one.is_certain else storage.id
    if name := writer.kept(plain, found.size):
        return File(owner, one.key, one.mime, found.size, name), True
    with closing(storage.open(one.key)) as first:
        name = writer.put(plain, found.size, _pieces(storage, one.key, first))
    return File(owner, one.key, one.mime, found.size, name), False


def _pieces(storage: Storage, key: str, first: BinaryIO) -> Iterator[bytes]:
    """The bytes of a file that was opened; taken up again where a connection breaks off."""
    body, read = first, 0
    for tries_left in reversed(range(TRIES)):
        try:
            with closing(body):
                while piece := body.read(PIECE):
                    read += len(piece)
                    yield piece
            return
        except StorageDown as error:
            if not tries_left:
                raise
            log.warning("%s broke off after %s bytes: %s", key, read, error)
        body = _opened_again(storage, key, read)


def _opened_again(storage: Storage, key: str, start: int) -> BinaryIO:
    try:
        return storage.open(key, start)
    except FileNotFoundError as error:
        raise BackupError(f"{key} was deleted while it was read: make the backup again") from error


def _row_now(one: Wanted) -> tuple[str, str] | None:
    """Storage and state as they are now."""
    of_files = sa.select(StoredFile.storage, StoredFile.state).where(
        sa.or_(StoredFile.key == one.key, StoredFile.preview_key == one.key)
    )
    of_exports = sa.select(PersonExport.storage, PersonExport.state).where(PersonExport.key == one.key)
    found = db.session.execute(of_files).first() or db.session.execute(of_exports).first()
    db.session.rollback()
    return (found[0], found[1]) if found else None


def _storage_now(one: Wanted) -> str:
    found = _row_now(one)
    return found[0] if found else ""


def _was_deleted(one: Wanted) -> bool:
    found = _row_now(one)
    return found is None or found[1] not in (State.READY, "done")


# --- and back ---------------------------------------------------------------------------


@dataclass(frozen=True)
class Storages:
    """Those that are here, and which of them gets what was in another one."""

    known: frozenset[str]
    ours: str

    def place_of(self, old: str) -> str:
        return old if old in self.known else self.ours


def storages_here() -> Storages:
    """As the settings have them; inside an app context."""
    return Storages(frozenset(storage.id for storage in storages.reachable()), config().file_storage)


def refuse_strange(files: list[File]) -> None:
    """Before any of these keys is looked for."""
    for one in files:
        if not KEY.match(one.key):
            raise BackupError(
                f"the backup has {one.key!r}, which is no key of a file: Audimax hasn't made it"
            )


def local_bytes(files: list[File], here: Storages) -> int:
    """How much more goes into our own folder; an earlier try may have brought some of it."""
    local = storages.named(LOCAL)
    ours = (one for one in files if here.place_of(one.storage) == LOCAL)
    return sum(one.size for one in ours if not _has_as_much(local, one))


def _has_as_much(storage: Storage, one: File) -> bool:
    found = storage.stat(one.key)
    return found is not None and found.size == one.size


def bring_back(files: list[File], here: Storages, reader: Reader, told: Callable[[int], None]) -> int:
    """Save every file where it belongs; one that is there with its content stays. How many these were."""
    there = 0
    for number, one in enumerate(files, 1):
        storage = storages.named(here.place_of(one.storage))
        if _has(storage, one, reader):
            there += 1
        else:
            _bring(storage, one, reader)
        told(number)
    return there


def _bring(storage: Storage, one: File, reader: Reader) -> None:
    with closing(reader.open(one.part)) as body:
        storage.save(one.key, body, one.mime)
    come = storage.stat(one.key)
    if come is None or come.size != one.size:
        raise StorageDown(
            f"{storage.id} has kept {come.size if come else 0} of {one.size} bytes of {one.key}"
        )


def _has(storage: Storage, one: File, reader: Reader) -> bool:
    if not _has_as_much(storage, one):
        return False
    with closing(storage.open(one.key)) as there, closing(reader.open(one.part)) as ours:
        return hexdigest(there) == hexdigest(ours)
