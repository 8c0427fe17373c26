"""What happens to files beside the requests: ends of uploads, scans, previews, removal until it is done."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from contextlib import closing
from datetime import datetime, timedelta
from io import BytesIO
from typing import Any

import sqlalchemy as sa
from flask_babel import gettext as _

from core.config import config
from core.contracts import DirectUploads, Storage
from core.db import db, now
from core.errors import StorageDown
from core.files import previews, scanning, storages
from core.files.changes import changed, tell
from core.files.finishing import Facts, clear, finish, follow
from core.files.local import LocalStorage
from core.files.models import INCOMING, Scan, State, StoredFile
from core.files.stored import delete
from core.jobs import RETRY, periodic, task

log = logging.getLogger(__name__)
# An address that was given out before a file was deleted may bring bytes until it has expired.
LINGER = timedelta(hours=1)
# A job does it at once; the sweep looks after what jobs have given up.
OVERDUE = timedelta(minutes=10)
# What another program writes comes when a lecture is over, or never.
EXPECTED_FOR = timedelta(days=2)
HALF_FOR = timedelta(hours=1)
BATCH = 200


# --- one file ---------------------------------------------------------------------------


@task(name="finish_upload", retry=RETRY)
def finish_upload(file_id: int) -> None:
    """End what a web worker has begun, should it have died."""
    stored = db.session.get(StoredFile, file_id)
    if stored is not None:
        finish(stored)


@task(name="clear_upload", retry=RETRY)
def clear_upload(file_id: int) -> None:
    """Remove what came in, once it is copied or refused."""
    stored = db.session.get(StoredFile, file_id)
    if stored is not None:
        _clear(stored)


@task(name="remove_file", retry=RETRY)
def remove_file(file_id: int) -> None:
    """Remove the bytes of a file that was deleted; its row stays for a while, for those that come late."""
    stored = db.session.get(StoredFile, file_id)
    if stored is not None and stored.state == State.GONE:
        _remove_bytes(stored)


@task(name="remove_ownerless", retry=RETRY)
def remove_ownerless() -> None:
    """Begin to remove the files of a room or a lecture that was deleted; the sweep would do it later."""
    _give_up()


@task(name="make_preview", retry=RETRY)
def make_preview(file_id: int) -> None:
    """Keep a small picture of a picture or a PDF."""
    stored = db.session.get(StoredFile, file_id)
    if stored is None or not stored.is_handed_out or stored.preview_key:
        return
    if not previews.can_preview(stored.mime):
        return
    storage, key, mime, target = (
        storages.named(stored.storage),
        stored.key,
        stored.mime,
        stored.own_preview_key,
    )
    db.session.commit()
    with closing(storage.open(key)) as body:
        made = previews.make_preview(body, mime)
    if made is None:
        return
    storage.save(target, BytesIO(made), "image/webp")
    still_there = (StoredFile.state == State.READY, StoredFile.storage == storage.id)
    if changed(file_id, *still_there, preview_key=target):
        tell(stored)
        db.session.commit()
        return
    db.session.rollback()
    storage.delete(target)
    # Removed meanwhile, or moved: then it is made where the file is now.
    make_preview(file_id)


@task(name="scan_file", retry=RETRY)
def scan_file(file_id: int) -> None:
    """Ask the virus scanner; while it is down the file waits, and isn't handed out."""
    stored = db.session.get(StoredFile, file_id)
    if stored is not None and stored.state == State.READY and stored.scan == Scan.WAITING:
        _scan(stored)


def _scan(stored: StoredFile) -> None:
    facts = Facts.of(stored)
    db.session.commit()
    found = _verdict(facts) if config().virus_scanner else {"scan": Scan.OFF.value}
    waits = (StoredFile.state == State.READY, StoredFile.scan == Scan.WAITING)
    if not changed(facts.id, *waits, StoredFile.storage == facts.storage, touched_at=now(), **found):
        db.session.rollback()
        return
    db.session.refresh(stored)
    tell(stored)
    follow(stored)
    state = stored.state
    db.session.commit()
    # Should the storage be down, the sweep does it.
    clear(facts, state)


def _verdict(facts: Facts) -> dict[str, Any]:
    try:
        with closing(storages.named(facts.storage).open(facts.key)) as body:
            found = scanning.scan(body, config().virus_scanner)
    except FileNotFoundError:
        log.error("the bytes of file %s are missing: it can't be scanned", facts.id)
        return {"scan": Scan.FAILED.value}
    if found is None:
        return {"scan": Scan.CLEAN.value}
    log.warning("file %s is refused: the virus scanner found %s", facts.id, found)
    words = _("The virus scanner found something in this file. It was removed.")
    return {"scan": Scan.INFECTED.value, "state": State.REFUSED.value, "refused_because": words}


# --- all files --------------------------------------------------------------------------


@periodic(cron="*/10 * * * *")
@task(name="sweep_files", queueing_lock="sweep_files")
def sweep_files(timestamp: int) -> None:
    """Give up what was abandoned, and remove bytes until they are gone."""
    sweep()


def sweep() -> None:
    """All of it, each file and each storage for itself: one that fails doesn't stop the others."""
    _give_up()
    _each("ended", _half_done(), finish)
    _each("scanned", _unscanned(), _scan)
    _each("cleared", _refused(), _clear)
    _each("removed", _gone(), _remove)
    for storage in storages.reachable():
        try:
            _remove_strange(storage)
            _remove_halves(storage)
        except StorageDown as error:
            db.session.rollback()
            log.warning("the storage %s can't be swept now: %s", storage.id, error)


def _each(what: str, ids: Iterator[int], work: Any) -> None:
    down: set[str] = set()
    for file_id in ids:
        stored = db.session.get(StoredFile, file_id, populate_existing=True)
        if stored is None or stored.storage in down:
            continue
        storage = stored.storage
        try:
            work(stored)
        except Exception as error:
            # Its next turn comes with the next sweep.
            db.session.rollback()
            log.warning("file %s can't be %s now: %s", file_id, what, error)
            if isinstance(error, StorageDown):
                down.add(storage)


def _ids(*where: Any) -> Iterator[int]:
    """In batches: there may be many after a room was deleted."""
    last = 0
    while True:
        query = sa.select(StoredFile.id).where(StoredFile.id > last, *where)
        found = db.session.scalars(query.order_by(StoredFile.id).limit(BATCH)).all()
        db.session.commit()
        if not found:
            return
        yield from found
        last = found[-1]


def _give_up() -> None:
    """Uploads that were never finished or used, and files whose lecture is gone."""
    unused = sa.or_(
        StoredFile.state == State.INCOMING,
        sa.and_(StoredFile.state.in_((State.READY, State.REFUSED)), ~StoredFile.in_use),
    )
    never_came = sa.and_(StoredFile.state == State.EXPECTED, StoredFile.touched_at < now() - EXPECTED_FOR)
    abandoned = sa.or_(sa.and_(unused, StoredFile.touched_at < _idle_since()), never_came)
    ownerless = StoredFile.lecture_id.is_(None)
    for file_id in _ids(StoredFile.state != State.GONE, sa.or_(abandoned, ownerless)):
        query = sa.select(StoredFile).where(
            StoredFile.id == file_id, StoredFile.state != State.GONE, sa.or_(abandoned, ownerless)
        )
        stored = db.session.scalar(query.with_for_update().execution_options(populate_existing=True))
        if stored is not None:
            delete(stored)
            tell(stored)
        db.session.commit()


def _idle_since() -> datetime:
    return now() - timedelta(hours=config().unfinished_upload_hours)


def _half_done() -> Iterator[int]:
    return _ids(StoredFile.state == State.CHECKING, StoredFile.touched_at < now() - OVERDUE)


def _unscanned() -> Iterator[int]:
    waits = (StoredFile.state == State.READY, StoredFile.scan == Scan.WAITING)
    return _ids(*waits, StoredFile.touched_at < now() - OVERDUE)


def _refused() -> Iterator[int]:
    return _ids(StoredFile.state == State.REFUSED, StoredFile.touched_at > now() - 2 * LINGER)


def _gone() -> Iterator[int]:
    return _ids(StoredFile.state == State.GONE)


def _clear(stored: StoredFile) -> None:
    facts, state = Facts.of(stored), stored.state
    db.session.commit()
    clear(facts, state)


def _remove(stored: StoredFile) -> None:
    file_id, is_over = stored.id, stored.gone_at is not None and stored.gone_at < now() - LINGER
    _remove_bytes(stored)
    if is_over:
        db.session.execute(sa.delete(StoredFile).where(StoredFile.id == file_id))
        db.session.commit()


def _remove_bytes(stored: StoredFile) -> None:
    facts, parts_id, preview = Facts.of(stored), stored.parts_id, stored.own_preview_key
    db.session.commit()
    storages.named(facts.storage).delete(preview)
    direct = storages.direct(facts.storage)
    if direct is not None and parts_id:
        direct.drop_parts(facts.incoming_key, parts_id)
    clear(facts, State.GONE)


def _remove_strange(storage: Storage) -> None:
    """What came in under the key of no upload: an address was used again after its time."""
    for keys in batches(storage.list(INCOMING)):
        living = _living(keys)
        for key in keys:
            if key not in living:
                storage.delete(key)
    if isinstance(storage, DirectUploads):
        for begun in batches(storage.unfinished(INCOMING)):
            living = _living([key for key, _id in begun])
            for key, parts_id in begun:
                if living.get(key) not in ("", parts_id):
                    storage.drop_parts(key, parts_id)


def _remove_halves(storage: Storage) -> None:
    """What processes that were killed had begun to write."""
    if isinstance(storage, LocalStorage):
        count = storage.drop_halves((now() - HALF_FOR).timestamp())
        if count:
            log.warning("%d half-written files of processes that died were removed", count)


def _living(keys: list[str]) -> dict[str, str]:
    """The id of its parts, by the key of each upload that may still go on."""
    query = sa.select(StoredFile.incoming_key, StoredFile.parts_id).where(
        StoredFile.incoming_key.in_(keys), StoredFile.state.in_((State.INCOMING, State.CHECKING))
    )
    found = {row.incoming_key: row.parts_id for row in db.session.execute(query)}
    db.session.commit()
    return found


def batches(found: Iterable[Any]) -> Iterator[list[Any]]:
    """What was found, some at a time."""
    batch: list[Any] = []
    for one in found:
        batch.append(one)
        if len(batch) == BATCH:
            yield batch
            batch = []
    if batch:
        yield batch
