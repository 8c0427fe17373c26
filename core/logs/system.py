"""The system log: what went wrong, grouped by kind and place, for admins.

An error is put into the memory of its program and written by a thread, in a transaction of its own: no
request waits for it, and none fails by it. What people sent isn't in it: of exceptions only type and places
are kept, of messages the template.
"""

from __future__ import annotations

import atexit
import hashlib
import logging
import threading
import time
import weakref
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from flask import Flask, current_app, has_app_context
from sqlalchemy.dialects.postgresql import insert

from core import GIVEN_UP
from core.config import Config
from core.db import db, now
from core.lists import Order
from core.logs import request_ids, traces
from core.logs.masking import masked
from core.metrics import counts
from core.models import SystemEntry

log = logging.getLogger(__name__)
LONGEST = 2000
# Of one program: so many kinds of errors until they are written, and so often.
MOST_KINDS = 100
SECONDS = 2.0
CONNECT_SECONDS = 3
PAGE, MOST = 50, 200
NEWEST_FIRST = Order(SystemEntry.last_at, SystemEntry.id, down=True)
# What writes the entries must not make more of them; asyncio's words show whole objects.
NOT_OURS = ("core.logs", "sqlalchemy", "werkzeug", "asyncio")
# gunicorn keeps its lines to itself; streams that break are told there.
HEARD = ("", "gunicorn.error")


# --- noticing -------------------------------------------------------------------------


@dataclass
class Noticed:
    """An error of this program that isn't written yet."""

    facts: dict[str, str]
    first_at: datetime
    last_at: datetime
    count: int = 1
    request_id: str = ""


@dataclass
class Book:
    """What one app has noticed; ``by_itself``: a thread writes it."""

    config: Config
    by_itself: bool
    noticed: dict[str, Noticed] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)
    _thread: threading.Thread | None = None

    def note(self, record: logging.LogRecord) -> None:
        facts, moment = facts_of(record), now()
        fingerprint = _fingerprint(facts)
        with self.lock:
            known = self.noticed.get(fingerprint)
            if known is None and len(self.noticed) >= MOST_KINDS:
                return
            if known is None:
                known = self.noticed[fingerprint] = Noticed(facts, moment, moment, 0)
            known.count += 1
            known.last_at = moment
            known.request_id = request_ids.current() or known.request_id
            if self.by_itself and self._thread is None:
                # Not before: threads don't outlive the fork of a worker.
                self._thread = threading.Thread(target=self._keep_writing, name="system log", daemon=True)
                self._thread.start()

    def write(self) -> None:
        """Write what was noticed; what can't be written now is tried again."""
        with self.lock:
            taken, self.noticed = self.noticed, {}
        if not taken:
            return
        try:
            _write(self.config, taken)
        except Exception as error:
            # The database may be what is wrong; these errors stand in the stream's log anyway.
            log.warning("the system log can't be written: %s", error)
            self._put_back(taken)

    def _put_back(self, taken: dict[str, Noticed]) -> None:
        with self.lock:
            for fingerprint, old in taken.items():
                newer = self.noticed.get(fingerprint)
                if newer is not None:
                    newer.count, newer.first_at = newer.count + old.count, old.first_at
                elif len(self.noticed) < MOST_KINDS:
                    self.noticed[fingerprint] = old

    def _keep_writing(self) -> None:
        while True:
            time.sleep(SECONDS)
            self.write()


class Handler(logging.Handler):
    """Hands errors to the app that they happened in."""

    def emit(self, record: logging.LogRecord) -> None:
        try:
            if not record.name.startswith(NOT_OURS) and (book := _book()) is not None:
                counts.error()
                book.note(record)
        except Exception:
            self.handleError(record)

    def handleError(self, record: logging.LogRecord) -> None:
        """Never a word more than the stream has: its arguments could be anything."""


_handler = Handler(logging.ERROR)
# Threads have no app context of their own; a process has one app.
_last: weakref.ref[Flask] | None = None


def init_app(app: Flask) -> None:
    """Notice errors from now on."""
    global _last
    config: Config = app.extensions["audimax_config"]
    app.extensions["audimax_system_log"] = Book(config, by_itself=config.mode != "test")
    _last = weakref.ref(app)
    for name in HEARD:
        # A handler that is there already isn't added again.
        logging.getLogger(name).addHandler(_handler)


@atexit.register
def _write_the_rest() -> None:
    app = _last() if _last is not None else None
    if app is not None and app.extensions["audimax_system_log"].by_itself:
        app.extensions["audimax_system_log"].write()


def _book() -> Book | None:
    app = current_app if has_app_context() else _last() if _last is not None else None
    return app.extensions.get("audimax_system_log") if app is not None else None


def facts_of(record: logging.LogRecord) -> dict[str, str]:
    """What an entry says of an error; nothing in it was sent by anybody."""
    error = record.exc_info[1] if record.exc_info else None
    kind = type(error).__qualname__ if error is not None else ""
    trace = [line for one in traces.chain(error) for line in _part(one)] if error is not None else []
    return {
        "kind": kind,
        "message": masked(_template(record))[:LONGEST],
        "logger": record.name,
        "plugin": str(getattr(record, "plugin", "")) or _plugin_of(record.name),
        "hook": str(getattr(record, "hook", "")),
        "place": traces.innermost(error) if error is not None else "",
        "trace": "\n".join(trace)[:LONGEST],
    }


def _part(error: BaseException) -> Iterator[str]:
    yield type(error).__qualname__
    # The innermost says most, and the text may be cut.
    yield from reversed(traces.places(error))


def _template(record: logging.LogRecord) -> str:
    if record.name.partition(".")[0] == "procrastinate":
        # Its messages are filled in already, with all arguments of the job.
        job = getattr(record, "job", None)
        return f"job {job.get('task_name')} failed" if isinstance(job, dict) else "a job failed"
    return type(record.msg).__qualname__ if isinstance(record.msg, BaseException) else str(record.msg)


def _plugin_of(logger: str) -> str:
    first, _dot, rest = logger.partition(".")
    return rest.partition(".")[0] if first == "plugins" else ""


def _fingerprint(facts: dict[str, str]) -> str:
    what = [facts["kind"], facts["place"]] if facts["kind"] else [facts["logger"], facts["message"]]
    return hashlib.sha256("\0".join([*what, facts["plugin"], facts["hook"]]).encode()).hexdigest()[:32]


def _write(config: Config, noticed: dict[str, Noticed]) -> None:
    # A connection of its own: the pool may be what is exhausted.
    engine = sa.create_engine(
        config.database_url,
        poolclass=sa.NullPool,
        hide_parameters=True,
        connect_args={"connect_timeout": CONNECT_SECONDS, **GIVEN_UP},
    )
    with engine.begin() as connection:
        connection.execute(sa.text("SET LOCAL statement_timeout = 5000"))
        # In this order, so that two programs never wait for each other.
        for fingerprint in sorted(noticed):
            connection.execute(_upsert(fingerprint, noticed[fingerprint]))


def _upsert(fingerprint: str, one: Noticed) -> Any:
    values = {"fingerprint": fingerprint, **one.facts, "count": one.count, "request_id": one.request_id}
    made = insert(SystemEntry).values(**values, first_at=one.first_at, last_at=one.last_at)
    newest = {name: made.excluded[name] for name in ("message", "place", "trace", "logger", "last_at")}
    known = sa.func.coalesce(sa.func.nullif(made.excluded.request_id, ""), SystemEntry.request_id)
    changed = {**newest, "request_id": known, "count": SystemEntry.count + made.excluded["count"]}
    return made.on_conflict_do_update(index_elements=["fingerprint"], set_=changed)


def write_now() -> None:
    """Write what this program has noticed so far."""
    book: Book = current_app.extensions["audimax_system_log"]
    book.write()


# --- reading --------------------------------------------------------------------------


@dataclass(frozen=True)
class Wanted:
    """What an admin looks for; empty fields ask for nothing. ``text``: part of kind, message or place."""

    plugin: str = ""
    text: str = ""
    request_id: str = ""
    since: datetime | None = None
    before: str = ""


@dataclass(frozen=True)
class Page:
    """Newest first; ``older`` goes into ``Wanted.before`` and is empty on the last page."""

    entries: list[SystemEntry]
    older: str


def page(wanted: Wanted, size: int = PAGE) -> Page:
    """One page, in one query."""
    size = max(1, min(size, MOST))
    query = sa.select(SystemEntry).where(*_conditions(wanted))
    part = NEWEST_FIRST.part(query, {"after": wanted.before}, size)
    return Page([entry for (entry,) in part.items], part.later)


def by_plugin() -> dict[str, int]:
    """How many kinds of errors there are of each plugin that has any; one query."""
    query = sa.select(SystemEntry.plugin, sa.func.count().label("kinds")).where(SystemEntry.plugin != "")
    return {row.plugin: row.kinds for row in db.session.execute(query.group_by(SystemEntry.plugin))}


def clear(ids: Iterable[int] | None = None) -> int:
    """Remove these entries, or all; what happens again comes back. The caller commits and records it."""
    query = sa.delete(SystemEntry)
    if ids is not None:
        query = query.where(SystemEntry.id.in_(list(ids)))
    gone: Any = db.session.execute(query.execution_options(synchronize_session=False))
    return int(gone.rowcount)


def _conditions(wanted: Wanted) -> Iterator[sa.ColumnElement[bool]]:
    if wanted.plugin:
        yield SystemEntry.plugin == ("" if wanted.plugin == "core" else wanted.plugin)
    if wanted.request_id:
        yield SystemEntry.request_id == wanted.request_id
    if wanted.since is not None:
        yield SystemEntry.last_at >= wanted.since
    if wanted.text:
        columns = (SystemEntry.kind, SystemEntry.message, SystemEntry.place)
        yield sa.or_(*(column.icontains(wanted.text[:200], autoescape=True) for column in columns))
