"""Figures that the database knows, asked for together, at most every few seconds."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa
from flask import current_app
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from sqlalchemy.orm import Session

from core.admission import STILL_THERE
from core.db import db, now
from core.exports.models import Export
from core.exports.models import State as ExportState
from core.files.models import State as FileState
from core.files.models import StoredFile
from core.lectures.models import Lecture, Participant
from core.models import SystemEntry, Waiting
from core.version import VERSION

SECONDS = 5.0
# A scrape must not wait for a database that doesn't answer.
MILLISECONDS = 3000
# When a job was deferred is told by its first event; asked only of those that wait.
JOBS = sa.text(
    "SELECT task_name, status::text, count(*), extract(epoch FROM now() - min(CASE WHEN status = 'todo' THEN "
    "coalesce(scheduled_at, (SELECT min(at) FROM procrastinate_events e WHERE e.job_id = j.id)) END)) "
    "FROM procrastinate_jobs j WHERE status IN ('todo', 'doing', 'failed') GROUP BY task_name, status"
)


@dataclass
class Stock:
    """What was found last, and when."""

    families: list[Metric] = field(default_factory=list)
    at: float = float("-inf")
    lock: threading.Lock = field(default_factory=threading.Lock)

    def collect(self) -> Iterable[Metric]:
        with self.lock:
            if time.monotonic() - self.at > SECONDS:
                self.families, self.at = _look(), time.monotonic()
            return self.families


def _look() -> list[Metric]:
    answers = GaugeMetricFamily("audimax_database_up", "Whether the database answers this worker")
    found: list[Metric] = [answers, _built()]
    try:
        # A session of its own: a scrape has no part in anybody's transaction.
        with Session(db.engine) as session:
            session.execute(sa.text(f"SET LOCAL statement_timeout = {MILLISECONDS}"))
            found += [*_people(session), *_jobs(session), *_storage(session), *_errors(session)]
    except sa.exc.SQLAlchemyError:
        answers.add_metric([], 0)
        return found[:2]
    answers.add_metric([], 1)
    return found


def _built() -> Metric:
    made = GaugeMetricFamily("audimax_build_info", "The version that runs", labels=["version"])
    made.add_metric([VERSION], 1)
    return made


def _people(session: Session) -> Iterator[Metric]:
    live = sa.select(Lecture.id).where(Lecture.ended_at.is_(None))
    counted = {
        "audimax_lectures_live": ("Lectures that are on", live),
        "audimax_participants_present": (
            "People inside lectures that are on",
            sa.select(Participant.id).where(
                Participant.lecture_id.in_(live),
                Participant.present_since.is_not(None),
                Participant.removed_at.is_(None),
            ),
        ),
        "audimax_people_waiting": (
            "People before doors",
            sa.select(Waiting.id).where(Waiting.left_at.is_(None), Waiting.seen_at > now() - STILL_THERE),
        ),
        "audimax_exports_waiting": ("Exports in the queue", _exports(ExportState.WAITING)),
        "audimax_exports_running": ("Exports that are being made", _exports(ExportState.WORKING)),
    }
    subqueries = [_number(query) for _words, query in counted.values()]
    row = session.execute(sa.select(*subqueries)).one()
    for (name, (words, _query)), value in zip(counted.items(), row, strict=True):
        made = GaugeMetricFamily(name, words)
        made.add_metric([], value)
        yield made


def _exports(state: ExportState) -> sa.Select[Any]:
    return sa.select(Export.id).where(Export.state == state.value)


def _number(query: sa.Select[Any]) -> sa.ScalarSelect[int]:
    return sa.select(sa.func.count()).select_from(query.subquery()).scalar_subquery()


def _jobs(session: Session) -> Iterator[Metric]:
    jobs = GaugeMetricFamily("audimax_jobs", "Jobs that aren't done", labels=["task", "state"])
    oldest = GaugeMetricFamily("audimax_job_oldest_seconds", "How long the oldest job that is due waits")
    waits = 0.0
    known = current_app.extensions["audimax_jobs"].tasks
    counted: dict[tuple[str, str], int] = {}
    for task, state, count, seconds in session.execute(JOBS):
        # Names of tasks that nobody knows any more are one label.
        key = (task if task in known else "unknown", state)
        counted[key] = counted.get(key, 0) + count
        waits = max(waits, float(seconds or 0)) if state == "todo" else waits
    for labels, count in counted.items():
        jobs.add_metric(list(labels), count)
    oldest.add_metric([], waits)
    yield from (jobs, oldest)


def _storage(session: Session) -> Iterator[Metric]:
    made = GaugeMetricFamily("audimax_storage_bytes", "Bytes of files that are kept", labels=["storage"])
    kept = StoredFile.state.not_in([FileState.EXPECTED.value, FileState.GONE.value])
    query = sa.select(StoredFile.storage, sa.func.sum(StoredFile.size)).where(kept)
    for storage, size in session.execute(query.group_by(StoredFile.storage)):
        made.add_metric([storage], int(size))
    yield made


def _errors(session: Session) -> Iterator[Metric]:
    made = CounterMetricFamily(
        "audimax_system_errors", "Errors in the system log, of all programs", labels=["plugin"]
    )
    query = sa.select(SystemEntry.plugin, sa.func.sum(SystemEntry.count)).group_by(SystemEntry.plugin)
    for plugin, count in session.execute(query):
        made.add_metric([plugin or "core"], int(count))
    yield made
