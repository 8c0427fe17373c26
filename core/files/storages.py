"""Which storage a file is in, and where the bytes of a new one come in."""

from __future__ import annotations

from typing import Literal

from flask import Flask

from core.config import config
from core.contracts import Bucket, DirectUploads, SharedBucket, Storage
from core.engine import offers
from core.errors import ConfigError, StorageDown
from core.files.local import LocalStorage
from core.files.models import StoredFile

How = Literal["stream", "direct", "parts"]
PART_SIZE = 16 * 1024 * 1024
# A larger file goes to a storage in parts, so that a lost connection costs one of them.
LARGEST_AT_ONCE = 50 * 1024 * 1024


def init_app(app: Flask) -> None:
    """Stop the start when new files would have no place; tell pages where they send to and fetch from."""
    with app.app_context():
        known, wanted = offers.storages(), config().file_storage
        if wanted not in known:
            there = ", ".join(sorted(known))
            raise ConfigError(
                f"settings: file_storage is {wanted!r}, which no enabled plugin offers (there are: {there}); "
                "name one of these, or add the plugin that has it to enabled_plugins"
            )
    app.extensions["audimax_upload_origins"] = _origins(known[wanted])
    # A film may be where files were kept before.
    everywhere = (origin for storage in known.values() for origin in _origins(storage))
    app.extensions["audimax_storage_origins"] = tuple(dict.fromkeys(everywhere))


def _origins(storage: Storage) -> tuple[str, ...]:
    return tuple(storage.origins) if isinstance(storage, DirectUploads) else ()


def named(storage: str) -> Storage:
    """The storage of that id; ``StorageDown`` when the plugin that has it isn't enabled."""
    found = offers.storages().get(storage)
    if found is None:
        raise StorageDown(
            f"no enabled plugin offers the storage {storage!r}: enable the one that has its files, "
            "or move them while it is (`audimax files move`)"
        )
    return found


def local() -> LocalStorage:
    """The local folder."""
    found = named("local")
    assert isinstance(found, LocalStorage)
    return found


def direct(storage: str) -> DirectUploads | None:
    """The storage, if browsers send files to it by themselves."""
    found = named(storage)
    return found if isinstance(found, DirectUploads) else None


def bucket(storage: str) -> Bucket:
    """The bucket of a storage, for LiveKit Egress alone; ``StorageDown`` where it has none."""
    found = named(storage)
    if not isinstance(found, SharedBucket):
        raise StorageDown(
            f"the storage {storage!r} has no bucket that others can write to: set file_storage to one that "
            "has, such as s3"
        )
    return found.bucket


def how(stored: StoredFile) -> How:
    """Which way its bytes come: to us, to the storage at once, or there in parts."""
    if direct(stored.storage) is None:
        return "stream"
    return "parts" if stored.size > LARGEST_AT_ONCE else "direct"


def where_it_comes_in(storage: str) -> Storage:
    """The storage itself, if browsers send to it; else our folder, where we append what they send to us."""
    found = named(storage)
    return found if isinstance(found, DirectUploads) else local()


def reachable() -> list[Storage]:
    """Every storage whose plugin is enabled."""
    return list(offers.storages().values())
