"""Settings as they hold now. Precedence is decided here, and nowhere else.

What the operator gave (environment, then file) wins and can't be changed on admin pages; otherwise
what an admin has set there; otherwise the default. Every process keeps the values and reads them anew
when the bus says so, and at the latest after ``SECONDS``: asking for a setting costs no query.
"""

from __future__ import annotations

import dataclasses
import json
import logging
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import psycopg2
import sqlalchemy as sa
from flask import Flask
from flask_babel import gettext as _

from core.engine.settings import fields, read
from core.errors import Refusal

log = logging.getLogger(__name__)
T = TypeVar("T")
Said = Mapping[str, Any]
CORE = "core"
TOPIC = "settings"
SECONDS = 30.0
SECONDS_AFTER_TROUBLE = 2.0
Given = Mapping[str, Mapping[str, str]]
Values = dict[str, dict[str, Any]]


class Standing:
    """What holds in one process. ``given`` is what the operator gave, by owner and name, and where."""

    def __init__(self, given: Given) -> None:
        self._given = given
        self._reading = threading.Lock()
        self._is_stale, self._due, self._was_read = True, 0.0, False
        self._set: Values = {}
        self._made: dict[str, tuple[Any, Any]] = {}

    def of(self, scope: str, start: T) -> T:
        """The settings of ``core`` or of a plugin, which were ``start`` when the app started."""
        if self._is_stale or time.monotonic() > self._due:
            self._read_anew(wait=False)
        if scope not in self._set:
            return start
        known = self._made.get(scope)
        if known is None or known[0] is not start:
            known = self._made[scope] = (start, laid_over(start, self._open(scope), scope))
        made: T = known[1]
        return made

    def read_as(self, key: str, start: Any, make: Callable[[Said], T]) -> T:
        """What ``make`` makes of what is set in the scope ``key``: once, until something changes.

        Rooms' doors hang on it. So who asks after a change waits for it to be read, and while nothing
        could be read yet, nobody is told that nothing is set.
        """
        if self._is_stale or time.monotonic() > self._due:
            self._read_before_answering()
        # This one: what is read anew meanwhile has another.
        kept = self._made
        known = kept.get(key)
        if known is None or known[0] is not start:
            known = kept[key] = (start, make(self.said(key)))
        made: T = known[1]
        return made

    def said(self, scope: str) -> Said:
        """What is set in a scope, as it is kept."""
        return self._set.get(scope, {})

    def scopes(self) -> list[str]:
        """In which something is set."""
        return list(self._set)

    def _read_before_answering(self) -> None:
        with self._reading:
            if self._is_stale or time.monotonic() > self._due:
                self._read_now()
        if not self._was_read:
            raise Refusal(503, _("The server is busy. Try again in a moment."), code="busy", retry_after=2)

    def refresh(self) -> None:
        """Read what is set now, for who has just changed it."""
        self._read_anew(wait=True)

    def wake(self, _hint: Any = None) -> None:
        """Something has changed: whoever asks next reads."""
        self._is_stale = True

    def source(self, scope: str, name: str) -> str:
        """Where the operator has given a setting; empty for one that admins may change."""
        return str(self._given.get(scope, {}).get(name, ""))

    def _open(self, scope: str) -> dict[str, Any]:
        return {name: value for name, value in self._set[scope].items() if not self.source(scope, name)}

    def _read_anew(self, *, wait: bool) -> None:
        if not self._reading.acquire(blocking=wait):
            return
        try:
            self._read_now()
        finally:
            self._reading.release()

    def _read_now(self) -> None:
        try:
            # Before the rows are read: what changes meanwhile is read once more.
            self._is_stale, self._due = False, time.monotonic() + SECONDS
            self._set, self._made = _rows(), {}
            self._was_read = True
        except (psycopg2.Error, sa.exc.SQLAlchemyError) as error:
            self._due = time.monotonic() + SECONDS_AFTER_TROUBLE
            log.warning("what admins have set can't be read: %s", type(error).__name__)


def _rows() -> Values:
    """All of them, past the session: whoever asks for a setting may be in the middle of a transaction."""
    from core.db import db

    connection = db.engine.raw_connection()
    found: Values = {}
    try:
        cursor = connection.cursor()
        cursor.execute("SELECT scope, name, value::text FROM setting")
        for scope, name, value in cursor.fetchall():
            found.setdefault(scope, {})[name] = json.loads(value)
    except psycopg2.errors.UndefinedTable:
        # Before the first migration nothing was set.
        return {}
    finally:
        connection.close()
    return found


def laid_over(start: T, values: Mapping[str, Any], scope: str) -> T:
    """``start`` with what may be changed of ``values``; what doesn't fit any more counts as never set."""
    cls: Any = type(start)
    known = fields(cls)
    wanted = {name: value for name, value in values.items() if name in known and known[name].editable}
    good, mistakes = read(cls, wanted)
    try:
        made: T = dataclasses.replace(start, **good)  # type: ignore[type-var]
    except ValueError as error:
        # What a settings class says of its own values is for admins.
        log.warning("what admins have set for %s isn't used: %s", scope, str(error))
        return start
    for name in wanted.keys() & mistakes.keys():
        log.warning("what admins have set for %s isn't used: %s", scope, mistakes[name])
    return made


def init_app(app: Flask, given: Given) -> None:
    """From now on, settings are what holds now. While the app is built, they are the operator's."""
    app.extensions["audimax_standing"] = Standing(given)


def listen(app: Flask) -> None:
    """Hear at once of changes, in a process that serves."""
    from core import bus

    with app.app_context():
        standing: Standing = app.extensions["audimax_standing"]
        bus.subscribe(TOPIC, standing.wake)
        standing.refresh()
