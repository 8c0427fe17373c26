"""The bus: whoever waits is woken by the commit itself (PostgreSQL's LISTEN and NOTIFY).

A notification says "look again"; it carries hints, never truth. After a lost connection every
subscriber is woken once with ``None``.
"""

from __future__ import annotations

import json
import logging
import os
import random
import select
import socket
import threading
import time
from collections.abc import Callable
from typing import Any, cast

import psycopg2
import psycopg2.extensions
import sqlalchemy as sa
from flask import Flask, current_app
from sqlalchemy.engine import make_url

from core import CONNECT_SECONDS, GIVEN_UP
from core.config import Config
from core.db import db

log = logging.getLogger(__name__)
CHANNEL = "audimax"
# So often a line on which nothing comes is looked at; one that is dead is given up as long afterwards.
QUIET_SECONDS = 5
# Between two tries to connect; half as much more at most.
LONGEST_PAUSE = 2.0
# What the live monitor waits for: a lecture, who is in it or who waits before it has changed.
LIVE = "live"
Wake = Callable[[dict[str, Any] | None], None]


def notify(topic: str, **hint: Any) -> None:
    """Wake everybody who subscribed to ``topic`` when the current transaction commits.

    Topics: ``room:<id>`` (all who wait there look again, or those in ``sessions``; with ``soon``
    the others too, by and by), ``waiting:<room id>`` (who waits there has changed), ``user:<id>``,
    ``session:<guest session id>``, ``dashboard:<user id>``,
    ``lecture:<id>`` (something of what its page shows has changed), ``live`` (some running lecture
    has). A plugin's own begin with its name.
    The hint must stay far below PostgreSQL's 8,000 bytes.
    """
    payload = json.dumps({"topic": topic, **hint}, separators=(",", ":"))
    db.session.execute(
        sa.text("SELECT pg_notify(:channel, :payload)"), {"channel": CHANNEL, "payload": payload}
    )


def notify_each(topics: sa.Select[str] | sa.CompoundSelect[str]) -> None:
    """Like ``notify``, for every topic that a query gives, in one statement."""
    found = topics.subquery()
    payload = sa.cast(sa.func.json_build_object("topic", found.c[0]), sa.Text)
    db.session.execute(sa.select(sa.func.pg_notify(CHANNEL, payload)).select_from(found))


def waiting_changed(room_id: int) -> None:
    """Wake who looks at the people before a room's door; one statement."""
    topics = (f"waiting:{room_id}", LIVE)
    notify_each(sa.union_all(*(sa.select(sa.literal(topic)) for topic in topics)))


def subscribe(topic: str, wake: Wake) -> Callable[[], None]:
    """Call ``wake(hint)`` at every notification of ``topic``; returns how to stop.

    ``wake`` runs on the listener and must only set a flag or fill a queue.
    """
    return _bus().subscribe(topic, wake)


def init_app(app: Flask) -> None:
    """Give the app a bus; the listener starts with the first subscriber."""
    app.extensions["audimax_bus"] = Bus(app.extensions["audimax_config"])


def _bus() -> Bus:
    return cast("Bus", current_app.extensions["audimax_bus"])


class Bus:
    """One listening connection for all subscribers of a process."""

    def __init__(self, config: Config) -> None:
        url = make_url(config.listen_url).set(drivername="postgresql")
        self._dsn = url.render_as_string(hide_password=False)
        self._wakes: dict[str, set[Wake]] = {}
        self._lock = threading.Lock()
        self._ready = threading.Event()
        self._listener: threading.Thread | None = None
        self._connection: psycopg2.extensions.connection | None = None
        self._closed = False

    def close(self) -> None:
        """Stop listening for good."""
        self._closed = True
        connection = self._connection
        if connection is not None and not connection.closed:
            # Shutting the socket down wakes the listener; closing it would pull it away under `select`.
            with socket.socket(fileno=os.dup(connection.fileno())) as line:
                line.shutdown(socket.SHUT_RDWR)

    def subscribe(self, topic: str, wake: Wake) -> Callable[[], None]:
        with self._lock:
            self._wakes.setdefault(topic, set()).add(wake)
            self._start()
        self._ready.wait(5)
        return lambda: self._unsubscribe(topic, wake)

    def _unsubscribe(self, topic: str, wake: Wake) -> None:
        with self._lock:
            wakes = self._wakes.get(topic, set())
            wakes.discard(wake)
            if not wakes:
                self._wakes.pop(topic, None)

    def _start(self) -> None:
        if self._listener is None or not self._listener.is_alive():
            self._listener = threading.Thread(target=self._run, name="bus", daemon=True)
            self._listener.start()

    def _run(self) -> None:
        delay = 0.1
        while not self._closed:
            try:
                self._connection = self._connect()
                delay = 0.1
                self._listen(self._connection)
            except psycopg2.Error as error:
                self._ready.clear()
                if self._closed:
                    return
                log.warning("the bus lost its connection (%s), trying again", str(error).strip()[:120])
                time.sleep(delay * random.uniform(0.5, 1.5))  # noqa: S311  (only spreads the load)
                delay = min(delay * 2, LONGEST_PAUSE)

    def _connect(self) -> psycopg2.extensions.connection:
        connection = psycopg2.connect(
            self._dsn,
            connect_timeout=CONNECT_SECONDS,
            # Nobody waits for a query here: it may be given up sooner than others are.
            **{**GIVEN_UP, "tcp_user_timeout": QUIET_SECONDS * 1000},
            application_name="audimax bus",
        )
        connection.autocommit = True
        connection.cursor().execute(f"LISTEN {CHANNEL}")
        return connection

    def _listen(self, connection: psycopg2.extensions.connection) -> None:
        self._ready.set()
        self._wake_all()
        while not self._closed:
            if not select.select([connection], [], [], QUIET_SECONDS)[0]:
                connection.cursor().execute("SELECT 1")
            connection.poll()
            while connection.notifies:
                self._deliver(connection.notifies.pop(0).payload)

    def _deliver(self, payload: str) -> None:
        hint = json.loads(payload)
        with self._lock:
            wakes = list(self._wakes.get(hint["topic"], ()))
        for wake in wakes:
            self._call(wake, hint)

    def _wake_all(self) -> None:
        with self._lock:
            wakes = [wake for several in self._wakes.values() for wake in several]
        for wake in wakes:
            self._call(wake, None)

    def _call(self, wake: Wake, hint: dict[str, Any] | None) -> None:
        try:
            wake(hint)
        except Exception:
            # A subscriber that raises must not cut the others off.
            log.exception("a subscriber of the bus failed")
