"""The end of an upload: copy what came to where nobody outside can write, look at that, then show it.

Every step may be repeated, and two may do it at once: a row changes only from the state in which it was
found, and both copy the very content (by its etag) that was there when the upload was completed.
"""

from __future__ import annotations

import logging
from contextlib import closing, suppress
from dataclasses import dataclass
from functools import partial
from typing import Any

from flask_babel import gettext as _

from core.config import config
from core.contracts import Stat, Storage
from core.db import db, now
from core.errors import ContentChanged, Refusal, StorageDown
from core.files import kinds, previews, receiving, storages
from core.files.changes import changed, tell
from core.files.models import Scan, State, StoredFile
from core.jobs import defer

log = logging.getLogger(__name__)
# By then a web worker has done it, or has died.
SECONDS_TO_FINISH = 60


@dataclass(frozen=True)
class Facts:
    """What the work needs to know of a file: no row, and no connection, is held meanwhile."""

    id: int
    storage: str
    key: str
    incoming_key: str
    etag: str
    extension: str
    size: int

    @classmethod
    def of(cls, stored: StoredFile) -> Facts:
        return cls(
            *(
                getattr(stored, name)
                for name in ("id", "storage", "key", "incoming_key", "etag", "extension", "size")
            )
        )


def complete(stored: StoredFile) -> StoredFile:
    """All bytes have come, says the browser: check that, and the content; may be repeated. Commits."""
    if stored.state == State.INCOMING:
        _seal(stored)
    return finish(stored)


def finish(stored: StoredFile) -> StoredFile:
    """What ``complete`` has begun, to its end."""
    if stored.state == State.CHECKING:
        _examine(stored)
    return stored


# --- all has come -----------------------------------------------------------------------


def _seal(stored: StoredFile) -> None:
    """From now on no byte is added; what is there must be no less than was announced."""
    storage = storages.where_it_comes_in(stored.storage)
    facts, parts_id, joins = Facts.of(stored), stored.parts_id, storages.how(stored) == "parts"
    db.session.commit()
    if joins:
        _join_parts(facts, parts_id)
    if storage is storages.local():
        with receiving.writing(facts.incoming_key):
            _seal_what_is_there(facts, storage)
    else:
        _seal_what_is_there(facts, storage)
    db.session.refresh(stored)


def _join_parts(facts: Facts, parts_id: str) -> None:
    direct = storages.direct(facts.storage)
    if direct is None or not parts_id:
        raise _incomplete(facts, 0)
    # Over: they were joined before, or dropped; what is there tells.
    with suppress(FileNotFoundError):
        come = sum(part.size for part in direct.parts(facts.incoming_key, parts_id).values())
        if come < facts.size:
            raise _incomplete(facts, come)
        direct.finish_parts(facts.incoming_key, parts_id)


def _seal_what_is_there(facts: Facts, storage: Storage) -> None:
    seen = storage.stat(facts.incoming_key) or Stat(0, "")
    if seen.size < facts.size:
        raise _incomplete(facts, seen.size)
    values = {"state": State.CHECKING.value, "etag": seen.etag, "touched_at": now()}
    if changed(facts.id, StoredFile.state == State.INCOMING, **values):
        defer("core:finish_upload", file_id=facts.id, schedule_in={"seconds": SECONDS_TO_FINISH})
    db.session.commit()


def _incomplete(facts: Facts, come: int) -> Refusal:
    detail = _(
        "Only %(come)s of %(size)s bytes have come. Go on with the upload.", come=come, size=facts.size
    )
    return Refusal(409, detail, code="incomplete", offset=come)


# --- is it what it says -----------------------------------------------------------------


def _examine(stored: StoredFile) -> None:
    facts = Facts.of(stored)
    db.session.commit()
    try:
        _copy(facts)
        outcome = _ready(_look(facts))
    except FileNotFoundError:
        outcome = _refused(_("The file was lost on its way. Send it again."))
    except ContentChanged:
        outcome = _refused(_("The file was changed while it was checked. Send it again."))
    except kinds.Unfit as unfit:
        outcome = _refused(str(unfit))
    _settle(stored, facts, outcome)


def _copy(facts: Facts) -> None:
    """The content that was there when the upload was completed, and no other."""
    storage, source = storages.named(facts.storage), storages.where_it_comes_in(facts.storage)
    if source is storage:
        storage.copy(facts.incoming_key, facts.key, facts.etag)
        return
    with closing(source.open(facts.incoming_key)) as body:
        storage.save(facts.key, body, kinds.UNKNOWN)


def _look(facts: Facts) -> str:
    storage = storages.named(facts.storage)
    kept = storage.stat(facts.key)
    if kept is None:
        raise FileNotFoundError(facts.key)
    if kept.size != facts.size:
        raise kinds.Unfit(_("The file has another size than was announced. Send it again."))
    return kinds.found(kinds.Content.of(facts.size, partial(storage.open, facts.key)), facts.extension)


def _ready(mime: str) -> dict[str, Any]:
    scan = Scan.WAITING if config().virus_scanner else Scan.OFF
    return {"state": State.READY.value, "mime": mime, "scan": scan.value, "ready_at": now()}


def _refused(words: str) -> dict[str, Any]:
    return {"state": State.REFUSED.value, "refused_because": words}


def _settle(stored: StoredFile, facts: Facts, outcome: dict[str, Any]) -> None:
    """Who is first says what has become of it; who comes late leaves no bytes that nobody wants."""
    if changed(facts.id, StoredFile.state == State.CHECKING, touched_at=now(), **outcome):
        db.session.refresh(stored)
        tell(stored)
        follow(stored)
        # Should we die now, the bytes that came in are still removed.
        defer("core:clear_upload", file_id=facts.id)
        db.session.commit()
    state = _state_now(stored)
    db.session.commit()
    with suppress(StorageDown):
        clear(facts, state)


def _state_now(stored: StoredFile) -> str:
    """``gone`` too when a job has removed the row meanwhile."""
    found = db.session.get(StoredFile, stored.id, populate_existing=True)
    return found.state if found is not None else State.GONE


def follow(stored: StoredFile) -> None:
    """What comes after a file is ready: the scan first, then a preview of what is harmless."""
    if stored.state != State.READY:
        return
    if stored.scan == Scan.WAITING:
        defer("core:scan_file", file_id=stored.id)
    elif stored.is_handed_out and previews.can_preview(stored.mime):
        defer("core:make_preview", file_id=stored.id)


def clear(facts: Facts, state: str) -> None:
    """Remove what a finished upload has left behind: what came in, and all of a refused one."""
    if state in (State.REFUSED, State.GONE):
        storages.named(facts.storage).delete(facts.key)
    if state not in (State.INCOMING, State.CHECKING):
        storages.where_it_comes_in(facts.storage).delete(facts.incoming_key)
