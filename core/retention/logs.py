"""Logs that are too old: who did what, errors, and reports of retention."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from core.db import db, now, quietly
from core.models import AuditEntry, SystemEntry
from core.retention import kinds
from core.retention.models import RetentionRun

# Of one table in one transaction.
BATCH = 5000
# Each with the moment that tells its age.
TABLES: tuple[tuple[Any, Any, Any], ...] = (
    (AuditEntry, AuditEntry.id, AuditEntry.at),
    (SystemEntry, SystemEntry.id, SystemEntry.last_at),
    (RetentionRun, RetentionRun.id, RetentionRun.asked_at),
)


def _oldest() -> datetime:
    return now() - timedelta(days=kinds.days_of(kinds.LOGS))


def due() -> tuple[int, datetime | None]:
    """How many entries are too old, and the moment of the oldest; one statement."""
    ages = sa.union_all(
        *(sa.select(at.label("at")).where(at < _oldest()) for _t, _id, at in TABLES)
    ).subquery()
    count, oldest = db.session.execute(sa.select(sa.func.count(), sa.func.min(ages.c.at))).one()
    return count, oldest


def remove() -> int:
    """Delete what is too old, part by part; commits. How many are gone."""
    if not kinds.days_of(kinds.LOGS):
        return 0
    return sum(_remove_from(*table) for table in TABLES)


def _remove_from(model: Any, key: Any, at: Any) -> int:
    gone = 0
    while True:
        old = sa.select(key).where(at < _oldest()).order_by(at).limit(BATCH).with_for_update(skip_locked=True)
        done = int(quietly(sa.delete(model).where(key.in_(old))).rowcount)
        db.session.commit()
        gone += done
        if done < BATCH:
            return gone
