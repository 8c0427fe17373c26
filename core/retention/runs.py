"""A run of the rules from its beginning to its report."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import joinedload

from core import audit
from core.db import db, now
from core.lists import Order, Part
from core.people.models import User
from core.retention import kinds, logs, removing, stock
from core.retention.models import RetentionResult, RetentionRun

log = logging.getLogger(__name__)
# Of one run; whatever is left then is for the next, which begins at once.
MOST = 1000
ADMIN, BY_ITSELF = "administrator", "Audimax"
NEWEST_FIRST = Order(RetentionRun.asked_at, RetentionRun.id, down=True)
NUMBERS = ("lectures", "items", "files", "bytes", "failed", "waiting")


def begin(by: User | None = None, name: str = "") -> RetentionRun:
    """A new run for ``work_off``; the caller commits. ``name``: who asked, without an account."""
    made = RetentionRun(asked_by_id=by.id if by else None, asked_by=ADMIN if by else name)
    db.session.add(made)
    db.session.flush()
    return made


def waiting() -> RetentionRun | None:
    """The run that has begun and isn't over."""
    query = sa.select(RetentionRun).where(RetentionRun.over_at.is_(None)).order_by(RetentionRun.id)
    return db.session.scalar(query.limit(1))


def is_there_work() -> bool:
    """Whether anything is due."""
    has_logs = bool(kinds.days_of(kinds.LOGS)) and logs.due()[0] > 0
    return has_logs or bool(stock.waits(1))


def work_off(run_id: int) -> bool:
    """Remove what is due, lecture by lecture, and close the report; commits.

    Whether more is left that could be removed now. A run that is over stays as it is; one that was broken
    off goes on.
    """
    run = db.session.get(RetentionRun, run_id)
    if run is None or run.over_at is not None:
        return False
    due = stock.waits(MOST)
    db.session.commit()
    done = sum([_removed(run_id, lecture_id, wanted) for lecture_id, wanted in due.items()])
    gone = logs.remove()
    if gone:
        removing.note(run_id, kinds.LOGS, None, items=gone)
    _close(run_id)
    return done > 0 and len(due) == MOST


def _removed(run_id: int, lecture_id: int, wanted: Sequence[Any]) -> bool:
    try:
        return removing.remove(run_id, lecture_id, wanted)
    except Exception as error:
        # Nothing of this lecture was removed; the others needn't wait for it.
        db.session.rollback()
        log.exception("what is due of lecture %d can't be removed", lecture_id)
        problem = f"core: {type(error).__name__}"
        for kind in wanted:
            removing.note(run_id, kind, None, failed=1, problem=problem)
        db.session.commit()
        return False


def _close(run_id: int) -> None:
    query = sa.select(RetentionRun).where(RetentionRun.id == run_id, RetentionRun.over_at.is_(None))
    run = db.session.scalar(query.with_for_update())
    if run is not None:
        run.over_at = now()
        actor = db.session.get(User, run.asked_by_id) if run.asked_by_id else None
        name = run.asked_by or BY_ITSELF
        audit.record("retention.run", actor=actor, actor_name=name, did=numbers_of(run_id))
    db.session.commit()


def numbers_of(run_id: int) -> dict[str, dict[str, int]]:
    """What a run has done, by kind; numbers that are 0 are left out."""
    return {
        row.kind: {name: int(getattr(row, name)) for name in NUMBERS if getattr(row, name)}
        for row in totals([run_id])
    }


def totals(run_ids: Sequence[int]) -> Sequence[Any]:
    """By run and kind, over all rooms; one statement."""
    column = RetentionResult.__table__.c
    sums = (sa.cast(sa.func.sum(column[name]), sa.BigInteger).label(name) for name in NUMBERS)
    query = sa.select(RetentionResult.run_id, RetentionResult.kind, *sums)
    query = query.where(RetentionResult.run_id.in_(run_ids)).group_by(
        RetentionResult.run_id, RetentionResult.kind
    )
    order = list(kinds.TITLES)
    return sorted(db.session.execute(query), key=lambda row: order.index(row.kind))


def page(place: Any, size: int = 20) -> Part:
    """The reports, newest first; one statement."""
    return NEWEST_FIRST.part(sa.select(RetentionRun).options(joinedload(RetentionRun.actor)), place, size)


def find(public_id: str) -> RetentionRun | None:
    """One report by its id."""
    return db.session.scalar(sa.select(RetentionRun).where(RetentionRun.public_id == public_id))


def results(run: RetentionRun, most: int) -> Sequence[RetentionResult]:
    """What it did in each room, the most first."""
    query = sa.select(RetentionResult).where(RetentionResult.run_id == run.id)
    query = query.options(joinedload(RetentionResult.room)).limit(most)
    return db.session.scalars(query.order_by(RetentionResult.items.desc(), RetentionResult.id)).all()
