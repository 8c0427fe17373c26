"""Brings the bytes of a lecture's files into a folder that an exporter can read."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import sqlalchemy as sa

from core.config import config
from core.contracts import Audience, FileEntry, Files, LecturePackage, Parcel, Viewer
from core.db import db
from core.files import storages
from core.files.models import OF_EXPORTS, StoredFile

ADDRESS = "/files/"
CHUNK = 1 << 20


def with_files(package: LecturePackage, viewer: Viewer, folder: Path) -> LecturePackage:
    """The package, its files with a path, as many as fit into ``largest_export_mb``.

    ``StorageDown`` where they can't be had now.
    """
    left = config().largest_export_mb * 1024 * 1024

    def fetched(entry: FileEntry) -> FileEntry:
        nonlocal left
        found = _stored(package, viewer, entry)
        if found is None or found.size > left:
            return entry
        left -= found.size
        return replace(entry, path=_fetched(found, folder))

    sections = tuple(
        replace(one, files=tuple(map(fetched, one.files))) if isinstance(one, Files) else one
        for one in package.sections
    )
    db.session.commit()
    return replace(package, sections=sections)


def each_file(package: LecturePackage, viewer: Viewer, folder: Path) -> Iterator[Parcel]:
    """The lecture's files one by one; one is gone from the folder when the next is asked for.

    ``StorageDown`` where one can't be had now.
    """
    entries = {file.url: file for one in package.sections if isinstance(one, Files) for file in one.files}
    for entry in entries.values():
        parcel = _parcel(package, viewer, entry, folder)
        # Nobody holds a connection while it is on its way.
        db.session.commit()
        if parcel is not None:
            yield parcel
            parcel.path.unlink(missing_ok=True)


def _parcel(package: LecturePackage, viewer: Viewer, entry: FileEntry, folder: Path) -> Parcel | None:
    found = _stored(package, viewer, entry)
    path = _fetched(found, folder) if found is not None else ""
    if found is None or not path:
        return None
    return Parcel(f"file:{found.public_id}", entry.name, entry.mime, found.size, Path(path))


def _stored(package: LecturePackage, viewer: Viewer, entry: FileEntry) -> StoredFile | None:
    if not entry.url.startswith(ADDRESS):
        return None
    query = sa.select(StoredFile).where(
        StoredFile.public_id == entry.url.removeprefix(ADDRESS), StoredFile.plugin != OF_EXPORTS
    )
    found = db.session.scalar(query)
    if found is None or not found.is_handed_out or found.lecture is None:
        return None
    may = viewer.sees_hosts_part or found.audience == Audience.EVERYONE
    return found if may and found.lecture.public_id == package.id else None


def _fetched(found: StoredFile, folder: Path) -> str:
    target = folder / f"file-{found.id}"
    try:
        with storages.named(found.storage).open(found.key) as source, target.open("wb") as file:
            shutil.copyfileobj(source, file, CHUNK)
    except FileNotFoundError:
        return ""
    return str(target)
