"""Lectures that were deleted: gone at once for everybody, brought back within a day, then removed for good.

Whatever asks for a lecture by its id asks ``core.http.views.find_lecture``, which knows none that is
deleted; whatever lists them says ``deleted_at IS NULL``. What remains is removed by a job: the database
removes the rows of core and of every plugin by their foreign keys, this module what none leads to.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from flask_babel import gettext as _
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import contains_eager

from core import audit
from core.bus import notify
from core.config import config
from core.db import db, now, quietly
from core.errors import Refusal
from core.exports.models import Export
from core.exports.models import State as ExportState
from core.files.models import OF_EXPORTS, StoredFile
from core.files.models import State as FileState
from core.jobs import defer, periodic, task
from core.lectures.models import Lecture, LectureShare, Participant
from core.models import AuditEntry, WebhookEvent
from core.people.models import User
from core.rooms.hosts import hosted_by, tell_hosts
from core.rooms.models import Room

log = logging.getLogger(__name__)
BATCH = 100
MOST_SHOWN = 200
# What of a lecture's log outlives it with all it says: who has deleted it, and who has brought it back.
KEPT_WHOLE = ("lecture.delete", "lecture.restore")

# The queue's table, as far as we look into it; procrastinate has no model of it.
JOBS = sa.table(
    "procrastinate_jobs",
    sa.column("id", sa.BigInteger),
    sa.column("args", JSONB),
    sa.column("status", sa.Text),
)
STATUS = sa.cast(JOBS.c.status, sa.Text)
WAITING, RUNNING, OVER = "todo", ("doing", "aborting"), ("failed", "cancelled", "aborted")


# --- into the trash and back ----------------------------------------------------------


def delete(lecture: Lecture, by: User) -> None:
    """From the commit on nobody finds it any more; a ``Refusal`` while it is running. Once more does no harm.

    Exports that are being made are called off; files, streams, links and the agent's key end with it.
    """
    changed = sa.update(Lecture).where(
        Lecture.id == lecture.id, Lecture.deleted_at.is_(None), Lecture.ended_at.is_not(None)
    )
    if not _changes(changed.values(deleted_at=now(), deleted_by_id=by.id), lecture):
        if lecture.is_live:
            words = _("The lecture is still running. End it first, then delete it.")
            raise Refusal(409, words, code="live")
        return
    unfinished = sa.update(Export).where(
        Export.lecture_id == lecture.id, Export.state.in_((ExportState.WAITING, ExportState.WORKING))
    )
    quietly(unfinished.values(state=ExportState.CANCELLED.value, over_at=now()))
    _told(lecture, "lecture.delete", by)


def restore(lecture: Lecture, by: User) -> bool:
    """Bring it back with all it had; whether it was there. Once more does no harm."""
    changed = sa.update(Lecture).where(Lecture.id == lecture.id, _can_be_restored())
    if not _changes(changed.values(deleted_at=None, deleted_by_id=None), lecture):
        return lecture.deleted_at is None
    _told(lecture, "lecture.restore", by)
    return True


def _changes(statement: sa.Update, lecture: Lecture) -> bool:
    """Whether it was this statement that has changed the row; the lecture is read again."""
    done = quietly(statement)
    db.session.refresh(lecture)
    return bool(done.rowcount)


def _told(lecture: Lecture, action: str, by: User) -> None:
    audit.record(
        action,
        actor=by,
        room_id=lecture.room_id,
        lecture_id=lecture.id,
        target=lecture.title,
        public_id=lecture.public_id,
    )
    notify(f"lecture:{lecture.id}")
    tell_hosts(lecture.room_id)


def until(lecture: Lecture) -> datetime:
    """Until when it can be brought back."""
    return (lecture.deleted_at or now()) + _kept_for()


def hours() -> int:
    """For how many hours after its deletion."""
    return config().lecture_trash_hours


def _kept_for() -> timedelta:
    return timedelta(hours=hours())


def _can_be_restored() -> sa.ColumnElement[bool]:
    return Lecture.deleted_at > now() - _kept_for()


# --- what hosts see -------------------------------------------------------------------


@dataclass(frozen=True)
class Contents:
    """What goes with a lecture when it is deleted."""

    participants: int
    files: int
    exports: int
    links: int


def contents(lecture: Lecture) -> Contents:
    """Counted in one query, for the question before deleting."""

    def count(model: Any, *where: Any) -> Any:
        query = sa.select(sa.func.count()).select_from(model).where(model.lecture_id == lecture.id, *where)
        return query.scalar_subquery()

    there = (StoredFile.plugin != OF_EXPORTS, StoredFile.state == FileState.READY, StoredFile.in_use)
    query = sa.select(
        count(Participant, Participant.first_joined_at.is_not(None)),
        count(StoredFile, *there),
        count(Export),
        count(LectureShare, LectureShare.revoked_at.is_(None)),
    )
    return Contents(*db.session.execute(query).one())


def of(user: User) -> Sequence[Lecture]:
    """What the user can bring back, the last deleted first: of their rooms, for admins of all."""
    query = sa.select(Lecture).join(Lecture.room).options(contains_eager(Lecture.room))
    query = query.where(_is_theirs(user)).order_by(Lecture.deleted_at.desc(), Lecture.id.desc())
    return db.session.scalars(query.limit(MOST_SHOWN)).all()


def has_any(user: User) -> bool:
    """Whether there is something that the user can bring back."""
    query = sa.select(Lecture.id).join(Lecture.room).where(_is_theirs(user)).limit(1)
    return db.session.scalar(query) is not None


def _is_theirs(user: User) -> sa.ColumnElement[bool]:
    return sa.and_(_can_be_restored(), sa.true() if user.is_admin else hosted_by(user.id))


def find(public_id: str, user: User) -> Lecture | None:
    """A lecture, deleted or not, for its hosts and admins."""
    query = sa.select(Lecture).join(Room, Room.id == Lecture.room_id).where(Lecture.public_id == public_id)
    return db.session.scalar(query if user.is_admin else query.where(hosted_by(user.id)))


# --- for good -------------------------------------------------------------------------


@periodic(cron="*/10 * * * *")
@task(name="empty_trash", queueing_lock="empty_trash")
def empty_trash(timestamp: int) -> None:
    """Remove what nobody has brought back in time; what can't be removed now is tried again."""
    empty()


def empty() -> int:
    """All that is due, each lecture for itself; how many are gone."""
    due = sa.select(Lecture.id).where(Lecture.deleted_at.is_not(None), ~_can_be_restored())
    found = db.session.scalars(due.order_by(Lecture.deleted_at).limit(BATCH)).all()
    db.session.commit()
    done = sum(_removed(lecture_id) for lecture_id in found)
    forget_jobs_of_the_gone()
    db.session.commit()
    return done


def _removed(lecture_id: int) -> bool:
    """Whether it is gone; not while a job is still at work for it, which might bring something late."""
    query = sa.select(Lecture.id).where(Lecture.id == lecture_id, Lecture.deleted_at.is_not(None))
    locked = query.where(~_can_be_restored()).with_for_update(skip_locked=True)
    if db.session.scalar(locked) is None or is_worked_for(lecture_id):
        db.session.rollback()
        return False
    remove(lecture_id)
    db.session.commit()
    log.info("lecture %d was removed for good", lecture_id)
    return True


def remove(lecture_id: int) -> None:
    """A lecture with all that belongs to it, from the commit on; a job removes the bytes of its files."""
    clear([lecture_id])
    db.session.execute(sa.delete(Lecture).where(Lecture.id == lecture_id))
    defer("core:remove_ownerless")


def clear(lecture_ids: Collection[int]) -> None:
    """Remove of lectures what no foreign key leads to; their rows are deleted next, in the same transaction.

    Their files lose everything that tells of them: without a lecture nobody gets them, and the sweep
    removes the bytes, again until they are gone. Of the log there remains who did what and when.
    """
    if not lecture_ids:
        return
    _drop_jobs(lecture_ids)
    names = sa.select(Lecture.public_id).where(Lecture.id.in_(lecture_ids))
    quietly(sa.delete(WebhookEvent).where(WebhookEvent.lecture_public_id.in_(names)))
    entries = sa.update(AuditEntry).where(
        AuditEntry.lecture_id.in_(lecture_ids), AuditEntry.action.not_in(KEPT_WHOLE)
    )
    quietly(entries.values(target="", details={}))
    files = sa.update(StoredFile).where(StoredFile.lecture_id.in_(lecture_ids))
    quietly(
        files.values(
            lecture_id=None,
            room_id=None,
            participant_id=None,
            user_id=None,
            name="",
            uploader_name="",
            refused_because="",
        )
    )


# --- jobs -----------------------------------------------------------------------------


def _about(lecture_ids: Collection[int]) -> sa.ColumnElement[bool]:
    """Jobs that are about these lectures, as tasks and events of core and plugins say it."""
    ids = [str(lecture_id) for lecture_id in lecture_ids]
    of_exports = sa.select(sa.cast(Export.id, sa.Text)).where(Export.lecture_id.in_(lecture_ids))
    said = JOBS.c.args
    return sa.or_(
        said["lecture_id"].astext.in_(ids),
        said["facts"]["lecture_id"].astext.in_(ids),
        said["export_id"].astext.in_(of_exports),
    )


def is_worked_for(lecture_id: int, *, waiting_too: bool = False) -> bool:
    """Whether a job is at work for it, or (``waiting_too``) will be."""
    states = (WAITING, *RUNNING) if waiting_too else RUNNING
    query = sa.select(JOBS.c.id).where(STATUS.in_(states), _about([lecture_id]))
    return db.session.scalar(query.limit(1)) is not None


def _drop_jobs(lecture_ids: Collection[int]) -> None:
    """Those that wait or have failed; one that is at work finds nothing any more and ends."""
    quietly(sa.delete(JOBS).where(STATUS.in_((WAITING, *OVER)), _about(lecture_ids)))


def forget_jobs_of_the_gone() -> None:
    """Jobs that have failed for a lecture that isn't there any more: nobody tries them again."""
    for said, model in (
        (JOBS.c.args["lecture_id"].astext, Lecture),
        (JOBS.c.args["facts"]["lecture_id"].astext, Lecture),
        (JOBS.c.args["export_id"].astext, Export),
    ):
        there = sa.exists().where(sa.cast(model.id, sa.Text) == said)
        quietly(sa.delete(JOBS).where(STATUS.in_(OVER), said.is_not(None), ~there))
