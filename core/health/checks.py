"""What must work: looked at side by side, each within its own time, and remembered for a while."""

from __future__ import annotations

import logging
import os
import shutil
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import cast

import sqlalchemy as sa
from flask import Flask, current_app

from core import jobs
from core.config import config
from core.db import db
from core.engine import isolation, offers
from core.files.local import LocalStorage
from core.livekit.client import livekit
from core.logs.masking import masked, words_of

log = logging.getLogger(__name__)
CORE_SECONDS, CORE_REMEMBERED = 3.0, 3.0
# Those of plugins may ask services that count.
PLUGIN_REMEMBERED = 30.0
# Beyond its own time, for a thread that comes back late.
GRACE = 0.5
LEAST_SPACE = 200_000_000


class NotWell(Exception):
    """What is wrong and what to do, in words for an admin."""


@dataclass(frozen=True)
class Seen:
    """What one check found; ``said`` is for admins only."""

    name: str
    state: str
    ms: int
    said: str = ""

    @property
    def is_good(self) -> bool:
        return self.state == "good"


@dataclass
class Check:
    """One thing to look at. While a look hangs, no other one is begun."""

    name: str
    run: Callable[[], None]
    seconds: float
    remembered: float
    last: Seen | None = None
    at: float = float("-inf")
    runs: threading.Event | None = None
    lock: threading.Lock = field(default_factory=threading.Lock)

    def begin(self, app: Flask) -> threading.Event | None:
        """Look, unless the last look is fresh; the event is set when it is done."""
        with self.lock:
            if time.monotonic() - self.at < self.remembered:
                return None
            if self.runs is None:
                self.runs = threading.Event()
                target = (app, self.runs, time.monotonic())
                threading.Thread(target=self._look, args=target, name=self.name, daemon=True).start()
            return self.runs

    def missed(self, done: threading.Event) -> None:
        """It took too long."""
        with self.lock:
            if self.runs is done:
                self._keep(Seen(self.name, "timed out", round(self.seconds * 1000), "no answer in time"))

    def _look(self, app: Flask, done: threading.Event, began: float) -> None:
        state, said = "bad", "it was stopped"
        try:
            with app.app_context():
                state, said = self._found()
        finally:
            with self.lock:
                self.runs = None
                self._keep(Seen(self.name, state, round((time.monotonic() - began) * 1000), said))
            done.set()

    def _found(self) -> tuple[str, str]:
        try:
            with isolation.time_limit(self.seconds):
                self.run()
        except isolation.TookTooLong:
            return "timed out", "no answer in time"
        except NotWell as error:
            return "bad", str(error)
        except Exception as error:
            return "bad", masked(str(error)) or words_of(error)
        return "good", ""

    def _keep(self, seen: Seen) -> None:
        if self.last is not None and self.last.is_good and not seen.is_good:
            log.warning("health: %s is %s", seen.name, seen.state)
        self.last, self.at = seen, time.monotonic()


def init_app(app: Flask) -> None:
    """Collect the checks, core's and the plugins'."""
    core = {"database": _database, "livekit": _livekit, "storage": _storage, "jobs": _jobs}
    made = [Check(name, run, CORE_SECONDS, CORE_REMEMBERED) for name, run in core.items()]
    with app.app_context():
        for name, check in offers.health_checks().items():
            made.append(Check(name, check.run, check.timeout, PLUGIN_REMEMBERED))
    app.extensions["audimax_checks"] = made


def look() -> list[Seen]:
    """What every check finds, or found a moment ago; takes no longer than the slowest may."""
    app = current_app._get_current_object()  # type: ignore[attr-defined]
    checks = cast("list[Check]", app.extensions["audimax_checks"])
    began = time.monotonic()
    running = [(check, check.begin(app)) for check in checks]
    for check, done in running:
        if done is not None and not done.wait(max(0.0, began + check.seconds + GRACE - time.monotonic())):
            check.missed(done)
    return [check.last for check in checks if check.last is not None]


def is_ready(seen: list[Seen]) -> bool:
    """Whether everything works without which nobody should be sent here."""
    needed = config().ready_needs
    return not current_app.extensions.get("audimax_stopping") and all(
        one.is_good for one in seen if one.name in needed
    )


# --- core's own -----------------------------------------------------------------------


def _database() -> None:
    try:
        with db.engine.connect() as connection:
            connection.execute(sa.text("SELECT 1"))
    except sa.exc.DBAPIError as error:
        first = str(error.orig).strip().partition("\n")[0]
        raise NotWell(f"{first}: start PostgreSQL, or correct database_url") from error


def _livekit() -> None:
    livekit().list_rooms(["-"])


def _storage() -> None:
    storage = offers.storages()[config().file_storage]
    if not isinstance(storage, LocalStorage):
        storage.stat("health")
        return
    folder = storage.folder if storage.folder.exists() else config().instance
    if not os.access(folder, os.W_OK):
        raise NotWell("the folder of files can't be written to: give it to the user that runs Audimax")
    if shutil.disk_usage(folder).free < LEAST_SPACE:
        raise NotWell("the disk is full: make room, or move files to another storage")


def _jobs() -> None:
    with db.engine.connect() as connection:
        if not jobs.is_worked_on(connection):
            raise NotWell("no worker is at work: start `audimax jobs`")
