"""What a failing plugin did to the database session, or to the clock, is undone here.

A savepoint around every question would cost two round trips for each plugin at each join. So
questions that only read share one, and only where there is something to lose: while the
transaction has written nothing yet, a plain rollback repairs as much.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import sqlalchemy as sa
from flask import Flask
from psycopg2.extensions import TRANSACTION_STATUS_ACTIVE, TRANSACTION_STATUS_UNKNOWN
from sqlalchemy.orm import Session, SessionTransaction, scoped_session

from core.db import db
from core.errors import Refusal
from core.threads import patched

READS = ("SELECT", "SHOW", "SAVEPOINT", "RELEASE", "ROLLBACK")
# In a SELECT: what a rollback would take from core as well (row locks, advisory locks, NOTIFY).
HOLDS = ("FOR UPDATE", "FOR NO KEY", "FOR SHARE", "pg_")
WRITES = ("INSERT", "UPDATE", "DELETE", "MERGE", "TRUNCATE", "CREATE", "DROP", "ALTER", "COPY")
BUSY = (TRANSACTION_STATUS_ACTIVE, TRANSACTION_STATUS_UNKNOWN)


class TookTooLong(Exception):
    """A hook was still running when its time was over."""


class WroteSomething(Exception):
    """A hook that may only read has changed the database."""


# --- the database ---------------------------------------------------------------------


def init_app(app: Flask) -> None:
    """Watch which transactions have written."""
    with app.app_context():
        sa.event.listen(db.engine, "begin", _forget_writes)
        sa.event.listen(db.engine, "before_cursor_execute", _notice_write)
    if not sa.event.contains(db.session, "after_commit", _count_commit):
        sa.event.listen(db.session, "after_commit", _count_commit)


def _count_commit(session: Session) -> None:
    session.info["commits"] = session.info.get("commits", 0) + 1


def _forget_writes(connection: sa.Connection) -> None:
    connection.info["may_have_written"] = connection.info["wrote"] = False


def _notice_write(
    connection: sa.Connection, cursor: Any, statement: str, _parameters: Any, _context: Any, _many: bool
) -> None:
    if _timed and (watch := _timed.get(threading.get_ident())):
        watch.connection = cursor.connection
    first = statement.lstrip()[:10].upper()
    if first.startswith(READS) and not any(word in statement for word in HOLDS):
        return
    connection.info["may_have_written"] = True
    connection.info["wrote"] = connection.info.get("wrote") or first.startswith(WRITES)


class Shelter:
    """Keeps what core did in this transaction safe from the plugins that are asked now."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._savepoint: SessionTransaction | None = None
        self._info: dict[str, Any] | None = None
        self._commits = 0

    def enter(self) -> None:
        session = self._session
        if session.new or session.dirty or session.deleted:
            session.flush()
        self._commits = session.info.get("commits", 0)
        if session.in_transaction() and self._facts().get("may_have_written"):
            # SQLAlchemy sends it with the first statement inside, so a plugin without SQL costs nothing.
            self._savepoint = session.begin_nested()
            self._facts()["wrote"] = False

    def leave(self) -> None:
        if self._savepoint is not None and self._savepoint.is_active:
            self._savepoint.commit()

    def refuse_writes(self) -> None:
        """Raise if the plugin that was just asked has written, or is about to."""
        session = self._session
        pending = session.new or session.deleted or session.dirty
        committed = session.info.get("commits", 0) != self._commits
        if pending or committed or (session.in_transaction() and self._facts().get("wrote")):
            raise WroteSomething("it may only read here: write in a view, in a job, or when the verdict acts")

    def recover(self) -> None:
        """Take back what a failed plugin has left in the session."""
        self._commits = self._session.info.get("commits", 0)
        if self._lost_connection():
            self._start_over()
        elif self._savepoint is None or not self._savepoint.is_active:
            self._session.rollback()
            self._info = None
        else:
            self._savepoint.rollback()
            self._savepoint = self._session.begin_nested()
            self._facts()["wrote"] = False

    def _facts(self) -> dict[str, Any]:
        if self._info is None:
            self._info = self._session.connection().info
        return self._info

    def _lost_connection(self) -> bool:
        """Whether a query was left in the middle (the time limit does that) or the server is gone."""
        if not self._session.in_transaction():
            return False
        connection = self._session.connection()
        if connection.invalidated:
            return True
        raw = connection.connection.dbapi_connection
        if raw is None or raw.closed or raw.info.transaction_status in BUSY:
            connection.invalidate()
            return True
        return False

    def _start_over(self) -> None:
        from flask_babel import gettext as _

        had_written = self._savepoint is not None
        self._savepoint = self._info = None
        self._session.rollback()
        if had_written:
            # Nothing of this request is left: better told than half done.
            detail = _("Something took too long. Please try again in a moment.")
            raise Refusal(503, detail, code="start_over", retry_after=3)


@contextmanager
def reading(session: Session | scoped_session[Any]) -> Iterator[Shelter]:
    """Ask plugins that may only read; ``recover()`` after one that failed."""
    shelter = Shelter(session() if isinstance(session, scoped_session) else session)
    shelter.enter()
    try:
        yield shelter
    finally:
        shelter.leave()


# --- the clock ------------------------------------------------------------------------


@contextmanager
def time_limit(seconds: float) -> Iterator[None]:
    """Raise ``TookTooLong`` in what hangs.

    Under gevent whatever waits is stopped, but not a loop that never waits (gunicorn's time-out
    ends that worker). Elsewhere the main thread is stopped even in a loop, other threads not.
    """
    if patched():
        with _gevent_limit(seconds):
            yield
    elif _may_use_alarm():
        with _alarm(seconds):
            yield
    else:
        yield


# By greenlet: what is being timed now, so that the query it waits for can be cancelled.
_timed: dict[int, _Watch] = {}
SECONDS_TO_CANCEL = 2.0


class _Watch:
    """Ends what takes too long: first its query, which leaves the session usable, then it itself."""

    def __init__(self, seconds: float) -> None:
        import gevent

        self._greenlet = gevent.getcurrent()
        self._hub = gevent.get_hub()
        self._timer = self._hub.loop.timer(seconds)
        self._timer.start(self._ring)
        self.connection: Any = None
        self.is_late = False

    def close(self) -> None:
        self._timer.stop()
        self._timer.close()

    def _ring(self) -> None:
        self.is_late = True
        if not self._waits_for_query():
            self._greenlet.throw(_Alarm())
            return
        # Without this the query would go on in the server, with all its locks. It blocks: not in the hub.
        self._hub.threadpool.spawn(self.connection.cancel)
        self._timer.close()
        self._timer = self._hub.loop.timer(SECONDS_TO_CANCEL)
        self._timer.start(self._greenlet.throw, _Alarm())

    def _waits_for_query(self) -> bool:
        raw = self.connection
        return raw is not None and not raw.closed and raw.info.transaction_status == TRANSACTION_STATUS_ACTIVE


@contextmanager
def _gevent_limit(seconds: float) -> Iterator[None]:
    here = threading.get_ident()
    outer, watch = _timed.get(here), _Watch(seconds)
    _timed[here] = watch
    try:
        yield
    except (Exception, _Alarm) as error:
        if watch.is_late:
            raise _late(seconds) from (None if isinstance(error, _Alarm) else error)
        raise
    finally:
        watch.close()
        if outer is None:
            del _timed[here]
        else:
            _timed[here] = outer
    if watch.is_late:
        raise _late(seconds)


class _Alarm(BaseException):
    """Not an ``Exception``: a plugin's own ``except Exception`` must not swallow it."""


def _may_use_alarm() -> bool:
    on_main = threading.current_thread() is threading.main_thread()
    return on_main and hasattr(signal, "setitimer") and signal.getitimer(signal.ITIMER_REAL)[0] == 0


@contextmanager
def _alarm(seconds: float) -> Iterator[None]:
    def ring(_signal: int, _frame: Any) -> None:
        raise _Alarm

    before = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    except _Alarm:
        raise _late(seconds) from None
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def _late(seconds: float) -> TookTooLong:
    return TookTooLong(f"took longer than {seconds:g} seconds")
