"""All that is stored about one person as a ZIP: JSON by table, their files, and a page that explains them."""

from __future__ import annotations

import json
import shutil
import tempfile
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import PurePosixPath
from typing import IO, Any, BinaryIO

import sqlalchemy as sa
from flask import render_template
from flask_babel import force_locale
from flask_babel import gettext as _

from core import audit
from core.config import config
from core.contracts import Person
from core.db import db, now
from core.engine import personal_columns
from core.engine.plugins import PluginsFailed, plugins
from core.errors import Refusal, StorageDown
from core.files import storages
from core.files.models import State as FileState
from core.files.models import StoredFile, new_key
from core.http.tries import Tries
from core.jobs import defer
from core.people import accounts
from core.people.models import PersonExport, User
from core.people.privacy import records
from core.people.privacy.erasing import erasure_of, remove_export
from core.people.privacy.persons import person_of_user

KEPT_DAYS = 7
MB = 1024 * 1024
# The bytes of their files, all together; what is beyond is named.
MOST_FILE_BYTES = 1024 * MB
WAITING, DONE, FAILED = "waiting", "done", "failed"
ASKED = Tries("person_export", "10 per hour")


# --- the wish -------------------------------------------------------------------------


def ask(user: User, by: User) -> PersonExport:
    """Let it be made, for the eyes of ``by`` alone; one that is being made already is enough."""
    if erasure_of(user) is not None:
        raise Refusal(409, _("This account is being deleted."), code="being_deleted")
    being_made = [one for one in made_for(user, by) if one.state == WAITING]
    if being_made:
        return being_made[0]
    ASKED.take(str(by.id))
    made = PersonExport(
        user_id=user.id,
        asked_by_id=by.id,
        locale=accounts.language(),
        storage=config().file_storage,
        key=new_key(),
        state=WAITING,
    )
    db.session.add(made)
    audit.record("user.export", actor=by, target=user.email)
    db.session.flush()
    defer("core:export_person", export_id=made.id)
    return made


def made_for(user: User, by: User) -> list[PersonExport]:
    """What ``by`` has asked for, the newest first."""
    theirs = (PersonExport.user_id == user.id, PersonExport.asked_by_id == by.id)
    return list(db.session.scalars(sa.select(PersonExport).where(*theirs).order_by(PersonExport.id.desc())))


def find(public_id: str, user: User, by: User) -> PersonExport:
    """A finished one, for whoever has asked for it."""
    theirs = (PersonExport.user_id == user.id, PersonExport.asked_by_id == by.id)
    query = sa.select(PersonExport).where(PersonExport.public_id == public_id, *theirs)
    made = db.session.scalar(query.where(PersonExport.state == DONE))
    if made is None:
        raise Refusal(404, _("This file is gone, or isn’t there yet. Ask for it again."), code="not_found")
    return made


# --- the work -------------------------------------------------------------------------


def make(export_id: int) -> None:
    """Make it and keep it; from the last commit on it can be downloaded. Raises ``StorageDown``."""
    export = db.session.get(PersonExport, export_id)
    if export is None or export.state != WAITING:
        return
    person = person_of_user(db.session.get_one(User, export.user_id))
    storage, key, locale = storages.named(export.storage), export.key, export.locale
    with tempfile.TemporaryFile(prefix="audimax-person-") as body, force_locale(locale):
        write(person, body)
        size = body.tell()
        body.seek(0)
        storage.save(key, body, "application/zip")
    if not _over(export_id, DONE, size=size):
        # The account was deleted meanwhile.
        storage.delete(key)


def fail(export_id: int, error: Exception) -> None:
    """Say that it could not be made."""
    with force_locale(_locale(export_id)):
        words = _("It could not be made. Your administrator can see why in the system log.")
        if isinstance(error, StorageDown):
            words = _("The file could not be kept: the storage can't be reached. Try again later.")
        if isinstance(error, PluginsFailed):
            names = ", ".join(sorted(error.failures))
            words = _("It could not be made: %(plugins)s didn’t give what it keeps.", plugins=names)
    _over(export_id, FAILED, why=words)


def _locale(export_id: int) -> str:
    query = sa.select(PersonExport.locale).where(PersonExport.id == export_id)
    return db.session.scalar(query) or "en"


def _over(export_id: int, state: str, **facts: Any) -> bool:
    """Whether somebody still waits for it. Older ones of the same person for the same eyes go."""
    query = sa.select(PersonExport).where(PersonExport.id == export_id).with_for_update()
    export = db.session.scalar(query.execution_options(populate_existing=True))
    if export is None:
        db.session.commit()
        return False
    export.state, export.over_at = state, now()
    for name, value in facts.items():
        setattr(export, name, value)
    if state == DONE:
        _replace_older(export)
    db.session.commit()
    return True


def _replace_older(export: PersonExport) -> None:
    older = (
        PersonExport.id < export.id,
        PersonExport.user_id == export.user_id,
        PersonExport.asked_by_id == export.asked_by_id,
    )
    for one in db.session.scalars(sa.select(PersonExport).where(*older)).all():
        remove_export(one)


# --- the ZIP --------------------------------------------------------------------------


@dataclass
class Contents:
    """What is in it so far, for the page: name and words."""

    files: list[tuple[str, str]] = field(default_factory=list)


def write(person: Person, body: BinaryIO | IO[bytes]) -> None:
    """All of it into ``body``, some rows and some bytes at a time. Commits."""
    made = Contents()
    with zipfile.ZipFile(body, "w", zipfile.ZIP_DEFLATED) as archive:
        for record in records.of(person):
            _put(archive, made, f"core/{record.name}.json", record.about, record.rows())
        for name, about, rows in _of_plugins(person):
            _put(archive, made, name, about, rows)
        sent = _sent(person)
        # From here on no connection is held: bytes may take their time.
        db.session.commit()
        _put(archive, made, "files.json", _("The files that you have sent"), _put_files(archive, sent))
        page = render_template(
            "people/personal_data.html", files=made.files, made_at=now(), language=accounts.language()
        )
        archive.writestr("index.html", page)


def _put(
    archive: zipfile.ZipFile, made: Contents, name: str, about: str, rows: Iterable[Mapping[str, Any]]
) -> None:
    """A JSON list; none where there is nothing. A file of a ZIP is written before the next begins."""
    ready = iter(rows)
    first = next(ready, None)
    if first is None:
        return
    with tempfile.TemporaryFile(prefix="audimax-person-") as waiting:
        for n, row in enumerate(_with(first, ready)):
            waiting.write((b",\n" if n else b"[\n") + _json(row))
        waiting.write(b"\n]\n")
        waiting.seek(0)
        with archive.open(name, "w", force_zip64=True) as target:
            shutil.copyfileobj(waiting, target)
    made.files.append((name, about))


def _with(first: Mapping[str, Any], rest: Iterator[Mapping[str, Any]]) -> Iterator[Mapping[str, Any]]:
    yield first
    yield from rest


def _json(row: Mapping[str, Any]) -> bytes:
    return json.dumps(dict(row), ensure_ascii=False, default=_plain).encode()


def _plain(value: Any) -> Any:
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, bytes | memoryview):
        return f"{len(bytes(value))} bytes"
    return list(value) if isinstance(value, set | frozenset | tuple) else str(value)


def _of_plugins(person: Person) -> Iterator[tuple[str, str, Iterable[Mapping[str, Any]]]]:
    """What migrations have registered, of plugins that are off too, and what plugins say by themselves."""
    for plugin, tables in personal_columns.collect(person).items():
        for table, rows in tables.items():
            yield f"plugins/{plugin}/{table}.json", _about(plugin), rows
    for plugin, data in plugins.ask("personal_data", person=person):
        for table, rows in data.tables.items():
            yield f"plugins/{plugin}/more/{_safe(table)}.json", _about(plugin), rows


def _about(plugin: str) -> str:
    loaded = plugins.loaded.get(plugin)
    if loaded is None:
        return _("Kept by %(plugin)s, which is switched off", plugin=plugin)
    return _("Kept by “%(plugin)s”", plugin=str(loaded.manifest.title))


def _safe(name: str) -> str:
    """A plugin names its table as it likes; a ZIP takes it for a path."""
    return "".join(letter if letter.isalnum() or letter in "-_" else "_" for letter in name)[:100]


@dataclass(frozen=True)
class Sent:
    """A file of theirs, and where its bytes are."""

    storage: str
    key: str
    place: str
    size: int
    has_bytes: bool
    facts: dict[str, Any]


def _sent(person: Person) -> list[Sent]:
    return [_facts(file) for file in records.files(person)]


def _facts(file: StoredFile) -> Sent:
    facts = {
        "name": file.name,
        "size": file.size,
        "mime": file.mime,
        "lecture": file.lecture.title if file.lecture else None,
        "sent_at": file.created_at,
        "as": file.uploader_name,
        "kept_by": file.plugin,
    }
    place = f"files/{file.public_id}/{PurePosixPath(file.name).name or 'file'}"
    return Sent(file.storage, file.key, place, file.size, file.state == FileState.READY, facts)


def _put_files(archive: zipfile.ZipFile, sent: Iterable[Sent]) -> Iterator[dict[str, Any]]:
    """Their bytes, as long as there is room; each is named, with where it is or why it isn't."""
    left = MOST_FILE_BYTES
    for file in sent:
        if not file.has_bytes:
            yield {**file.facts, "left_out": _("It was never finished, or was refused.")}
        elif file.size > left:
            yield {**file.facts, "left_out": _("It is too large to be put in here. Ask for it.")}
        elif not _copied(archive, file):
            yield {**file.facts, "left_out": _("Its bytes are missing in the storage.")}
        else:
            left -= file.size
            yield {**file.facts, "in": file.place}


def _copied(archive: zipfile.ZipFile, file: Sent) -> bool:
    try:
        body = storages.named(file.storage).open(file.key)
    except FileNotFoundError:
        return False
    # Pictures, PDFs and films don't get smaller.
    entry = zipfile.ZipInfo(file.place, date_time=now().timetuple()[:6])
    with closing(body), archive.open(entry, "w", force_zip64=True) as target:
        shutil.copyfileobj(body, target, MB)
    return True
