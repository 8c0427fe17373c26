"""Exports and deletions of people, beside the requests."""

from __future__ import annotations

import logging
from datetime import timedelta

import procrastinate
import sqlalchemy as sa

from core.db import db, now
from core.engine.plugins import PluginsFailed
from core.errors import StorageDown
from core.files import storages
from core.jobs import RETRY, defer, periodic, task
from core.people.models import PersonErasure, PersonExport
from core.people.privacy import erasing, exporting

log = logging.getLogger(__name__)
PASSES = (StorageDown, PluginsFailed)
EXPORT_RETRY = procrastinate.RetryStrategy(max_attempts=5, exponential_wait=3, retry_exceptions=set(PASSES))
# A job does it at once, and tries for some hours; then this comes after it.
OVERDUE = timedelta(minutes=30)


@task(name="export_person", retry=EXPORT_RETRY, pass_context=True)
def export_person(context: procrastinate.JobContext, export_id: int) -> None:
    """Make the ZIP; may run twice."""
    is_last = context.job.attempts + 1 >= (EXPORT_RETRY.max_attempts or 0)
    try:
        exporting.make(export_id)
    except PASSES as error:
        db.session.rollback()
        if not is_last:
            raise
        exporting.fail(export_id, error)
    except Exception as error:
        db.session.rollback()
        log.error("the data of a person can't be exported (%d)", export_id, exc_info=error)
        exporting.fail(export_id, error)


@task(name="erase_person", retry=RETRY)
def erase_person(erasure_id: int) -> None:
    """Delete an account that is to be deleted; may run twice."""
    erasing.work_off(erasure_id)


@task(name="remove_person_export", retry=RETRY)
def remove_person_export(storage: str, key: str) -> None:
    """Remove the bytes of an export that nobody can download any more."""
    storages.named(storage).delete(key)


@periodic(cron="*/10 * * * *")
@task(name="sweep_people", queueing_lock="sweep_people")
def sweep_people(timestamp: int) -> None:
    """Go on with deletions that jobs have given up, and forget exports that are old."""
    sweep()


def sweep() -> None:
    """All that is due."""
    since = sa.func.coalesce(PersonErasure.tried_at, PersonErasure.asked_at)
    for erasure_id in db.session.scalars(sa.select(PersonErasure.id).where(since < now() - OVERDUE)).all():
        defer("core:erase_person", erasure_id=erasure_id)
    oldest = now() - timedelta(days=exporting.KEPT_DAYS)
    for made in db.session.scalars(sa.select(PersonExport).where(PersonExport.asked_at < oldest)).all():
        erasing.remove_export(made)
    db.session.commit()
