"""What an admin does about files: compare bytes with rows, and move files to another storage."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import sqlalchemy as sa

from core.contracts import Storage
from core.db import db, now
from core.errors import StorageDown
from core.files import kinds, storages
from core.files.jobs import BATCH, batches
from core.files.models import INCOMING, KEPT, PREVIEWS, State, StoredFile
from core.people.models import PersonExport

log = logging.getLogger(__name__)
# Younger bytes may belong to something that is just happening.
OLD = timedelta(days=1)
FOUND = {INCOMING: StoredFile.incoming_key, KEPT: StoredFile.key, PREVIEWS: StoredFile.key}


# --- bytes and rows ---------------------------------------------------------------------


@dataclass(frozen=True)
class Unowned:
    """Bytes that no row knows, or that another storage has for it."""

    storage: str
    key: str


@dataclass(frozen=True)
class Missing:
    """A row whose bytes aren't there."""

    storage: str
    key: str
    id: str
    name: str


@dataclass
class Findings:
    """What a check has found. ``down`` has what each storage that couldn't be looked at has said."""

    unowned: list[Unowned] = field(default_factory=list)
    missing: list[Missing] = field(default_factory=list)
    down: dict[str, str] = field(default_factory=dict)
    deleted: int = 0

    @property
    def is_fine(self) -> bool:
        return not (self.missing or self.down or len(self.unowned) > self.deleted)

    def text(self) -> str:
        """For people."""
        lines = [f"no owner: {one.key} in {one.storage}" for one in self.unowned]
        lines += [
            f"no bytes: {one.key} in {one.storage}, for “{one.name}” ({one.id})" for one in self.missing
        ]
        lines += [f"not looked at: {name}: {said}" for name, said in self.down.items()]
        if self.deleted:
            lines.append(f"{self.deleted} without an owner were deleted.")
        return "\n".join(lines or ["Every file has its bytes, and nothing else is kept."])

    def as_dict(self) -> dict[str, Any]:
        return {**asdict(self), "ok": self.is_fine}


def check(*, delete_unowned: bool = False) -> Findings:
    """Compare every storage with the rows, in both directions; changes nothing unless told to."""
    made = Findings()
    known = {storage.id: storage for storage in storages.reachable()}
    for storage in known.values():
        try:
            _check_storage(storage, made, delete_unowned)
        except StorageDown as error:
            made.down[storage.id] = str(error)
    query = sa.select(StoredFile.storage).where(StoredFile.storage.not_in(known)).distinct()
    for name in db.session.scalars(query).all():
        made.down[name] = f"no enabled plugin offers the storage {name!r}, but files are in it"
    db.session.commit()
    return made


def _check_storage(storage: Storage, made: Findings, delete_unowned: bool) -> None:
    there: set[str] = set()
    for prefix in FOUND:
        for keys in batches(storage.list(prefix)):
            there.update(keys)
            owners = _owners(prefix, keys)
            strange = [key for key in keys if not _is_owned(storage, prefix, key, owners)]
            made.unowned += [Unowned(storage.id, key) for key in strange]
            if delete_unowned:
                made.deleted += sum(_deleted(storage, prefix, key) for key in strange)
    made.missing += _missing(storage, there)
    made.missing += _missing_exports(storage, there)


def _owners(prefix: str, keys: list[str]) -> dict[str, str]:
    """By the key under which their rows know them: the storage that has these files."""
    column = FOUND[prefix]
    wanted = [_known_as(prefix, key) for key in keys]
    query = sa.select(column, StoredFile.storage).where(column.in_(wanted))
    theirs = sa.select(PersonExport.key, PersonExport.storage).where(PersonExport.key.in_(wanted))
    rows = db.session.execute(query.union_all(theirs)).all()
    db.session.commit()
    return {row[0]: row[1] for row in rows}


def _known_as(prefix: str, key: str) -> str:
    return KEPT + key.removeprefix(PREVIEWS) if prefix == PREVIEWS else key


def _is_owned(storage: Storage, prefix: str, key: str, owners: dict[str, str]) -> bool:
    owner = owners.get(_known_as(prefix, key))
    # What comes in may do so in our folder, whichever storage it is for.
    return owner is not None and (prefix == INCOMING or owner == storage.id)


def _deleted(storage: Storage, prefix: str, key: str) -> bool:
    """Whether it was removed: nobody may own it, and it must be old. A move waits for us meanwhile."""
    known_as = _known_as(prefix, key)
    query = sa.select(StoredFile).where(FOUND[prefix] == known_as).with_for_update()
    row = db.session.scalar(query.execution_options(populate_existing=True))
    owned = row is not None and (prefix == INCOMING or row.storage == storage.id)
    owned = owned or bool(db.session.scalar(sa.select(sa.exists().where(PersonExport.key == key))))
    is_old = row is not None or _made_at(known_as) < now() - OLD
    if not owned and is_old:
        storage.delete(key)
    db.session.commit()
    return not owned and is_old


def _made_at(key: str) -> datetime:
    """The day is in the key; without one (what came in) it has had a sweep's time."""
    try:
        return datetime.strptime(key.removeprefix(KEPT)[:8], "%Y%m%d").replace(tzinfo=UTC)
    except ValueError:
        return datetime.min.replace(tzinfo=UTC)


def _missing(storage: Storage, there: set[str]) -> Iterator[Missing]:
    for stored in _ready_in(storage.id):
        for key in filter(None, (stored.key, stored.preview_key)):
            if key in there:
                continue
            # It may have come, or gone, since we have looked.
            again = storage.stat(key)
            row = db.session.get(StoredFile, stored.id, populate_existing=True)
            if again is None and row is not None and row.storage == storage.id and row.state == State.READY:
                yield Missing(storage.id, key, stored.public_id, stored.name)


def _missing_exports(storage: Storage, there: set[str]) -> Iterator[Missing]:
    """What people have had made of all that is stored about them; there are few, and not for long."""
    query = sa.select(PersonExport).where(PersonExport.storage == storage.id, PersonExport.state == "done")
    for made in db.session.scalars(query).all():
        if made.key not in there and storage.stat(made.key) is None:
            yield Missing(storage.id, made.key, made.public_id, made.name)


def _ready_in(storage: str) -> Iterator[Any]:
    columns = (StoredFile.id, StoredFile.public_id, StoredFile.name, StoredFile.key, StoredFile.preview_key)
    last = 0
    while True:
        query = sa.select(*columns).where(
            StoredFile.id > last, StoredFile.storage == storage, StoredFile.state == State.READY
        )
        rows = db.session.execute(query.order_by(StoredFile.id).limit(BATCH)).all()
        db.session.commit()
        if not rows:
            return
        yield from rows
        last = rows[-1].id


# --- moving -----------------------------------------------------------------------------


@dataclass
class Moved:
    """What a move has done so far; ``left`` files are on their way in, and move with the next run."""

    files: int = 0
    bytes: int = 0
    failed: int = 0
    left: int = 0


def to_move(target: str) -> int:
    """How many files are elsewhere."""
    query = sa.select(sa.func.count()).select_from(StoredFile).where(*_elsewhere(target))
    return db.session.scalar(query) or 0


def move(target: str, told: Callable[[Moved], None], stopped: Callable[[], bool]) -> Moved:
    """Move all files to that storage, one after the other; ask ``stopped`` between them.

    A row changes when its bytes are there, and the old ones are removed after that: whatever
    happens on the way, the file can be read, and another run goes on.
    """
    made, storage, last = Moved(), storages.named(target), 0
    while not stopped():
        query = sa.select(StoredFile).where(StoredFile.id > last, *_elsewhere(target))
        stored = db.session.scalar(query.order_by(StoredFile.id).limit(1))
        if stored is None:
            break
        last = stored.id
        try:
            _move_one(stored, storage, made)
        except (FileNotFoundError, StorageDown) as error:
            db.session.rollback()
            log.error("file %s stays where it is: %s", last, error)
            made.failed += 1
        told(made)
    under_way = StoredFile.state.in_((State.EXPECTED, State.INCOMING, State.CHECKING))
    left = sa.select(sa.func.count()).where(StoredFile.storage != target, under_way)
    made.left = db.session.scalar(left) or 0
    db.session.commit()
    return made


def _elsewhere(target: str) -> tuple[Any, ...]:
    return StoredFile.storage != target, StoredFile.state == State.READY


def _move_one(stored: StoredFile, target: Storage, made: Moved) -> None:
    file_id, size, source = stored.id, stored.size, storages.named(stored.storage)
    keys = {stored.key: stored.mime or kinds.UNKNOWN}
    if stored.preview_key:
        keys[stored.preview_key] = "image/webp"
    db.session.commit()
    for key, mime in keys.items():
        with closing(source.open(key)) as body:
            target.save(key, body, mime)
    if _change_row(file_id, source.id, target, size):
        made.files, made.bytes = made.files + 1, made.bytes + size
        _delete_all(source, keys)
    else:
        # Deleted meanwhile.
        _delete_all(target, keys)


def _change_row(file_id: int, source: str, target: Storage, size: int) -> bool:
    """While the row is locked, nobody takes the new bytes for ownerless ones."""
    query = sa.select(StoredFile).where(StoredFile.id == file_id).with_for_update()
    stored = db.session.scalar(query.execution_options(populate_existing=True))
    if stored is None or stored.storage != source or stored.state != State.READY:
        db.session.rollback()
        return False
    come = target.stat(stored.key)
    if come is None or come.size != size:
        raise StorageDown(f"{target.id} has kept {come.size if come else 0} of {size} bytes")
    stored.storage = target.id
    db.session.commit()
    return True


def _delete_all(storage: Storage, keys: Any) -> None:
    for key in keys:
        try:
            storage.delete(key)
        except StorageDown as error:
            log.warning("%s is left behind in %s (`audimax files check`): %s", key, storage.id, error)
