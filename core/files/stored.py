"""Files of a lecture, as plugins use them: core keeps the bytes, plugins say who may share.

A file goes: ``begin`` → commit → ``plan`` to the browser, which sends the bytes to core or to the
storage and then says that it is done → ``FileChanged``. What is sent before it is used (a message's
attachments) is ``claim``-ed; what a plugin makes itself it ``keep``-s, and what another program writes into
the storage's bucket it ``expect``-s until it ``has_come``. Nothing here commits, except ``read_text`` and
``has_come``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from contextlib import closing
from io import BytesIO
from typing import Any, BinaryIO

import sqlalchemy as sa
from flask_babel import gettext as _
from flask_babel import ngettext

from core.config import config
from core.contracts import Audience, FileEntry, SharedBucket
from core.db import db, new_public_id, now
from core.errors import Refusal
from core.files import previews, storages
from core.files.changes import changed
from core.files.kinds import UNKNOWN
from core.files.models import OF_EXPORTS, Scan, State, StoredFile, new_key
from core.http.views import Answer
from core.jobs import defer
from core.lectures.models import Lecture, Participant
from core.people.models import User
from core.text import clean_file_name

__all__ = [
    "Scan",
    "State",
    "StoredFile",
    "StoredFileAnswer",
    "UploadPlan",
    "begin",
    "change_address",
    "claim",
    "delete",
    "describe",
    "entry",
    "expect",
    "has_come",
    "keep",
    "of",
    "opener",
    "plan",
    "read_text",
    "shared_in",
    "takes_from_others",
]

MB = 1024 * 1024
# How many files somebody may have begun in one lecture and neither finished nor used.
MOST_UNFINISHED = 20
MOST_CLAIMED = 100
HELD = (State.INCOMING, State.CHECKING, State.READY)
EXTENSION = re.compile(r"[a-z0-9]{1,16}\Z")
# What the browser says, for the headers of its own upload; what is kept is what the bytes are.
MIME = re.compile(r"[A-Za-z0-9!#$&^_.+-]{1,60}/[A-Za-z0-9!#$&^_.+-]{1,100}\Z")


class UploadPlan(Answer):
    """How a browser sends a file: to our server, to the storage at once, or there in parts."""

    id: str
    how: storages.How
    part_size: int
    size: int


class StoredFileAnswer(Answer):
    """What pages know of a file. ``refused_because`` has words for people."""

    id: str
    name: str
    mime: str
    size: int
    state: State
    scan: Scan
    preview: bool
    refused_because: str | None = None


def begin(
    lecture: Lecture,
    plugin: str,
    *,
    name: str,
    size: int,
    mime: str,
    audience: Audience = Audience.EVERYONE,
    participant: Participant | None = None,
    user: User | None = None,
    in_use: bool = False,
) -> StoredFile:
    """A new file whose bytes may come, from that participant or user; a ``Refusal`` when a limit is hit.

    ``in_use``: it belongs to the lecture as soon as it is ready, without a ``claim``. Locks the
    lecture's row until the transaction ends.
    """
    if participant is None and user is None:
        raise ValueError("say who sends the file: participant or user")
    cleaned = clean_file_name(name)
    extension = _checked_extension(cleaned)
    _refuse_size(size)
    storages.named(config().file_storage)
    _refuse_too_many(lecture, size, participant, user)
    made = StoredFile(
        plugin=plugin,
        storage=config().file_storage,
        name=cleaned,
        extension=extension,
        mime=mime if MIME.match(mime) else UNKNOWN,
        size=size,
        audience=Audience(audience).value,
        room_id=lecture.room_id,
        lecture_id=lecture.id,
        participant_id=participant.id if participant else None,
        user_id=user.id if user else participant.user_id if participant else None,
        uploader_name=participant.name if participant else user.name if user else "",
        in_use=in_use,
    )
    db.session.add(made)
    db.session.flush()
    return made


def keep(
    lecture: Lecture,
    plugin: str,
    *,
    name: str,
    body: bytes | BinaryIO,
    mime: str,
    size: int | None = None,
    audience: Audience = Audience.EVERYONE,
) -> StoredFile:
    """A file that you have made yourself, ready at once; ``StorageDown`` where it can't be kept now.

    ``size`` (bytes) must be said of a stream. The bytes
    are kept before the row is: after a rollback nobody owns them (`audimax files check`).
    """
    made = _own(lecture, plugin, name, mime, audience)
    made.size = len(body) if isinstance(body, bytes) else size or 0
    made.state, made.ready_at = State.READY.value, now()
    storages.named(made.storage).save(made.key, BytesIO(body) if isinstance(body, bytes) else body, mime)
    db.session.add(made)
    db.session.flush()
    return made


def takes_from_others() -> bool:
    """Whether other programs can write files to where new ones are kept: it is a ``SharedBucket``."""
    return isinstance(storages.named(config().file_storage), SharedBucket)


def expect(
    lecture: Lecture, plugin: str, *, name: str, mime: str, audience: Audience = Audience.EVERYONE
) -> StoredFile:
    """A file that another program will write into the bucket, under ``key``: commit, then let it begin.

    The key ends as the name does, for programs that would add it. Look whether it ``has_come``, or
    ``delete`` it; after two days core does.
    """
    made = _own(lecture, plugin, name, mime, audience)
    made.key = f"{made.key}.{made.extension}"
    made.size, made.state = 0, State.EXPECTED.value
    db.session.add(made)
    db.session.flush()
    return made


def has_come(stored: StoredFile) -> bool:
    """Look whether an expected file is in the storage now; then it is ready, and as large as it is there.

    Raises ``StorageDown``. Commits, so that no database connection waits for it. May be asked again.
    """
    if stored.state != State.EXPECTED:
        return stored.state == State.READY
    storage, key = storages.named(stored.storage), stored.key
    db.session.commit()
    seen = storage.stat(key)
    if seen is None:
        return False
    ready = {"state": State.READY.value, "size": seen.size, "ready_at": now(), "touched_at": now()}
    changed(stored.id, StoredFile.state == State.EXPECTED, **ready)
    db.session.commit()
    db.session.refresh(stored)
    return stored.state == State.READY


def _own(lecture: Lecture, plugin: str, name: str, mime: str, audience: Audience) -> StoredFile:
    """A file that no person has sent."""
    cleaned = clean_file_name(name)
    return StoredFile(
        plugin=plugin,
        storage=config().file_storage,
        name=cleaned,
        extension=cleaned.rpartition(".")[2].lower(),
        mime=mime if MIME.match(mime) else UNKNOWN,
        audience=Audience(audience).value,
        room_id=lecture.room_id,
        lecture_id=lecture.id,
        uploader_name="",
        in_use=True,
        key=new_key(),
    )


def plan(stored: StoredFile) -> UploadPlan:
    """What the browser needs to send the file."""
    return UploadPlan(
        id=stored.public_id, how=storages.how(stored), part_size=storages.PART_SIZE, size=stored.size
    )


def describe(stored: StoredFile) -> StoredFileAnswer:
    """The file as pages know it."""
    return StoredFileAnswer(
        id=stored.public_id,
        name=stored.name,
        mime=stored.mime,
        size=stored.size,
        state=State(stored.state),
        scan=Scan(stored.scan),
        preview=bool(stored.preview_key),
        refused_because=stored.refused_because or None,
    )


def entry(stored: StoredFile) -> FileEntry:
    """The file for a section of its lecture."""
    url = f"/files/{stored.public_id}"
    preview = f"{url}/preview" if stored.preview_key else ""
    return FileEntry(stored.name, stored.mime, stored.size, url, preview)


def shared_in(lecture: Lecture) -> list[StoredFile]:
    """What everybody in the lecture may fetch now, whichever plugin it came through, oldest first."""
    query = sa.select(StoredFile).where(
        StoredFile.lecture_id == lecture.id,
        StoredFile.audience == Audience.EVERYONE,
        StoredFile.state == State.READY,
        StoredFile.in_use,
        StoredFile.plugin != OF_EXPORTS,
        StoredFile.scan.in_((Scan.OFF, Scan.CLEAN)),
    )
    return list(db.session.scalars(query.order_by(StoredFile.id)))


def read_text(stored: StoredFile) -> str:
    """The words of a document or of slides, line by line; empty for all else. For jobs: it takes seconds.

    Raises ``StorageDown``. Commits, so that no database connection waits for it.
    """
    if not stored.is_handed_out or not previews.can_read(stored.mime):
        return ""
    storage, key, mime = storages.named(stored.storage), stored.key, stored.mime
    db.session.commit()
    try:
        with closing(storage.open(key)) as body:
            return previews.read_text(body, mime)
    except FileNotFoundError:
        return ""


def opener(stored: StoredFile) -> Callable[[], BinaryIO]:
    """What opens its bytes when it is called, also when the transaction is over; the caller closes them.

    It raises ``StorageDown``, and ``FileNotFoundError`` where they are gone.
    """
    storage, key = storages.named(stored.storage), stored.key
    return lambda: storage.open(key)


def of(lecture: Lecture, plugin: str) -> list[StoredFile]:
    """The plugin's files in that lecture, whatever their state, in the order in which they were begun."""
    query = sa.select(StoredFile).where(
        StoredFile.lecture_id == lecture.id, StoredFile.plugin == plugin, StoredFile.state != State.GONE
    )
    return list(db.session.scalars(query.order_by(StoredFile.id)))


def held(plugin: str, lectures: Any) -> Any:
    """How many of the plugin's files each of these lectures has, for ``Retained.held``."""
    mine = StoredFile.lecture_id.in_(lectures), StoredFile.plugin == plugin, StoredFile.state != State.GONE
    return sa.select(StoredFile.lecture_id, sa.func.count()).where(*mine).group_by(StoredFile.lecture_id)


def claim(
    lecture: Lecture, plugin: str, public_ids: Sequence[str], participant: Participant
) -> list[StoredFile]:
    """Put files to use that this participant has sent: ready ones, once; a ``Refusal`` otherwise."""
    wanted = list(dict.fromkeys(public_ids))
    if len(wanted) > MOST_CLAIMED:
        raise Refusal(422, _("These are too many files at once."), code="too_many_files")
    query = sa.select(StoredFile).where(
        StoredFile.public_id.in_(wanted),
        StoredFile.lecture_id == lecture.id,
        StoredFile.plugin == plugin,
        StoredFile.participant_id == participant.id,
        StoredFile.state != State.GONE,
    )
    # Always in the same order, so that two who claim the same wait for each other only once.
    locked = query.order_by(StoredFile.id).with_for_update().execution_options(populate_existing=True)
    found = {stored.public_id: stored for stored in db.session.scalars(locked)}
    if found.keys() != set(wanted):
        raise Refusal(404, _("This file doesn't exist here. Send it again."), code="no_file")
    for stored in found.values():
        _refuse_unclaimable(stored)
        stored.in_use = True
    return [found[public_id] for public_id in wanted]


def change_address(stored: StoredFile) -> None:
    """Whoever knows where the file was fetched finds nothing there from the commit on."""
    stored.public_id = new_public_id()


def delete(stored: StoredFile) -> None:
    """From the commit on nobody gets it any more; a job removes its bytes, again until they are gone."""
    stored.state, stored.gone_at = State.GONE.value, stored.gone_at or now()
    db.session.flush()
    defer("core:remove_file", file_id=stored.id)


def delete_all(lecture: Lecture, plugin: str) -> None:
    """``delete`` all of the plugin's files in that lecture."""
    for stored in of(lecture, plugin):
        delete(stored)


# --- limits -----------------------------------------------------------------------------


def _checked_extension(name: str) -> str:
    last = name.rpartition(".")[2].lower() if "." in name else ""
    allowed = {one.strip().lstrip(".").lower() for one in config().file_types}
    if EXTENSION.match(last) and last in allowed:
        return last
    said = _("Files of the type %(type)s can't be sent here.", type=f".{last}") if last else \
        _("The file's name has no ending that says what it is.")  # fmt: skip
    raise Refusal(
        415,
        _("%(what)s These can be sent: %(types)s.", what=said, types=", ".join(sorted(allowed))),
        code="file_type",
    )


def _refuse_size(size: int) -> None:
    if size < 1:
        raise Refusal(422, _("The file is empty."), code="file_empty")
    limit = config().largest_file_mb
    if size > limit * MB:
        detail = _("The file is too large: at most %(limit)s MB can be sent.", limit=limit)
        raise Refusal(413, detail, code="file_too_large")


def _refuse_too_many(lecture: Lecture, size: int, participant: Participant | None, user: User | None) -> None:
    # Who begins another one at the same moment counts after our commit.
    db.session.execute(sa.select(Lecture.id).where(Lecture.id == lecture.id).with_for_update())
    sender = StoredFile.participant_id == participant.id if participant else \
        StoredFile.user_id == (user.id if user else None)  # fmt: skip
    unfinished = sa.and_(sender, sa.or_(StoredFile.state != State.READY, ~StoredFile.in_use))
    query = sa.select(
        sa.func.count(),
        sa.func.coalesce(sa.func.sum(StoredFile.size), 0),
        sa.func.count().filter(unfinished),
    ).where(StoredFile.lecture_id == lecture.id, StoredFile.state.in_(HELD), _was_sent())
    count, total, begun = db.session.execute(query).one()
    if begun >= MOST_UNFINISHED:
        detail = ngettext(
            "You have %(num)s upload that isn't finished or used. Finish or cancel it first.",
            "You have %(num)s uploads that aren't finished or used. Finish or cancel some first.",
            MOST_UNFINISHED,
        )
        raise Refusal(429, detail, code="too_many_uploads", retry_after=10)
    most, most_mb = config().files_per_lecture, config().lecture_files_mb
    if count >= most:
        detail = _("This lecture has %(limit)s files, and takes no more. Remove some first.", limit=most)
        raise Refusal(409, detail, code="too_many_files")
    if total + size > most_mb * MB:
        detail = _(
            "The files of this lecture may have %(limit)s MB together, and this one is too much. "
            "Remove some first.",
            limit=most_mb,
        )
        raise Refusal(409, detail, code="files_too_large")


def _was_sent() -> sa.ColumnElement[bool]:
    """What plugins make themselves, a recording in hundreds of pieces, takes no room from people's files."""
    return sa.or_(StoredFile.participant_id.is_not(None), StoredFile.user_id.is_not(None))


def _refuse_unclaimable(stored: StoredFile) -> None:
    if stored.state == State.REFUSED:
        raise Refusal(409, stored.refused_because, code="file_refused")
    if stored.state != State.READY:
        detail = _("“%(name)s” isn't ready yet. Try again in a moment.", name=stored.name)
        raise Refusal(409, detail, code="file_not_ready", retry_after=2)
    if stored.in_use:
        detail = _("“%(name)s” is used already. Send the file again.", name=stored.name)
        raise Refusal(409, detail, code="file_used")
