"""Places that keep files: each takes a small one, gives it back as it was, and forgets it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from io import BytesIO

from core.config import config
from core.contracts import Storage
from core.db import new_public_id
from core.doctor.findings import Finding, bad, good
from core.doctor.looking import Patient
from core.engine import offers
from core.errors import StorageDown

CONTENT = b"Audimax looks whether this comes back.\n"
CHECKS: Mapping[str, str] = {
    "storage <id>": "the local folder, and every storage of a plugin: writes, reads and deletes a small file",
}


def look(_patient: Patient) -> Iterator[Finding]:
    for name, storage in offers.storages().items():
        yield _tried(f"storage {name}", storage, name == config().file_storage)


def _tried(check: str, storage: Storage, is_for_new_files: bool) -> Finding:
    key = f"doctor/{new_public_id()}"
    try:
        storage.save(key, BytesIO(CONTENT), "text/plain")
        with storage.open(key) as body:
            came_back = body.read() == CONTENT
        storage.delete(key)
        is_gone = storage.stat(key) is None
    except (StorageDown, OSError) as error:
        return bad(check, *_parts(str(error)))
    finally:
        with suppress(StorageDown, OSError):
            storage.delete(key)
    if not came_back:
        return bad(check, "gives back other bytes than it was given", "look at its server's log and disk")
    if not is_gone:
        return bad(check, "says that it deletes, and doesn't", "look at its server's rights and versions")
    return good(check, "takes, gives and deletes files" + ("; new ones go there" if is_for_new_files else ""))


def _parts(words: str) -> tuple[str, str]:
    """What was said and, behind it, what to do."""
    said, _mark, remedy = words.partition("; ")
    return (said, remedy) if remedy else (words, "")
