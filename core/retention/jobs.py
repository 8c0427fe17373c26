"""The rules are carried out every night, and when an administrator says so."""

from __future__ import annotations

from core.db import db
from core.jobs import RETRY, defer, periodic, task
from core.people.models import User
from core.retention import runs
from core.retention.models import RetentionRun


def ask(by: User) -> RetentionRun:
    """Let a job run the rules now; the run that is under way when there is one. The caller commits."""
    found = runs.waiting()
    if found is None:
        found = runs.begin(by)
    defer("core:retention", run_id=found.id)
    return found


@task(name="retention", retry=RETRY, lock="core:retention")
def retention(run_id: int) -> None:
    """Carry out one run; may run twice."""
    if runs.work_off(run_id) and runs.is_there_work():
        defer("core:retention", run_id=runs.begin().id)
        db.session.commit()


@periodic(cron="43 2 * * *")
@task(name="retention_every_night", queueing_lock="retention_every_night")
def every_night(timestamp: int) -> None:
    """Begin a run where something is due, or go on with the one that was broken off."""
    found = runs.waiting()
    if found is None and runs.is_there_work():
        found = runs.begin()
    if found is not None:
        defer("core:retention", run_id=found.id)
    db.session.commit()
