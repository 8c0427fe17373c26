"""PostgreSQL: both addresses, the bus between them, room for all connections, tables, a worker of jobs."""

from __future__ import annotations

import os
import secrets
import select
import time
from collections.abc import Iterator, Mapping
from typing import Any

import psycopg2
import sqlalchemy as sa
from flask import Flask
from sqlalchemy.engine import make_url

from core import GIVEN_UP, OVERFLOW, POOL
from core.config import Config
from core.db import db
from core.doctor import growth
from core.doctor.findings import Finding, bad, good, warning
from core.doctor.looking import Patient
from core.engine import schema

CONNECT_SECONDS = 5
BUS_SECONDS = 5.0
OLDEST_VERSION = 14
# The bus's, the job worker's, and those of commands.
BESIDE_THE_POOLS = 10
CHECKS: Mapping[str, str] = {
    "database": "`database_url` leads to a PostgreSQL that answers, is new enough and speaks UTF-8",
    "direct database": "the same for `database_direct_url`",
    "bus": "a notification over one address arrives at the other, and isn't lost in pgbouncer",
    "connections": "`max_connections` is enough for the pools of all workers of this machine",
    "database size": "how large it is, and how much it gains a day",
}
CHECKS_OF_TABLES: Mapping[str, str] = {
    "migrations": "tables of core and of plugins are what this version expects, neither older nor newer",
    "jobs": "a worker of jobs is at work",
}


def look(patient: Patient) -> Iterator[Finding]:
    """What needs no app; nothing more once one address is bad."""
    config = patient.config
    found = [_connects("database", config.database_url, "database_url")]
    if config.database_direct_url and config.database_direct_url != config.database_url:
        found.append(_connects("direct database", config.listen_url, "database_direct_url"))
    yield from found
    if not any(one.is_bad for one in found):
        yield _bus(config)
        yield from _figures(config)


def look_at_tables(patient: Patient) -> Iterator[Finding]:
    if patient.app is not None:
        yield from _migrations(patient.app)
        yield _worker()


# --- reaching it ----------------------------------------------------------------------


def _connects(check: str, url: str, setting: str) -> Finding:
    try:
        version, number, encoding = _asked(url, VERSION)
    except (sa.exc.SQLAlchemyError, psycopg2.Error) as error:
        return bad(check, first_line(error), f"start PostgreSQL (or `audimax run`), or correct {setting}")
    if int(number) < OLDEST_VERSION * 10_000:
        remedy = f"bring PostgreSQL to {OLDEST_VERSION} or newer: docs/operations.md, Backups"
        return bad(check, f"PostgreSQL {version} is too old", remedy)
    if encoding != "UTF8":
        remedy = "make a database with ENCODING 'UTF8' and restore a backup into it"
        return bad(check, f"the database keeps letters as {encoding}", remedy)
    return good(check, f"PostgreSQL {version} answers")


VERSION = (
    "SELECT current_setting('server_version'), current_setting('server_version_num'),"
    " current_setting('server_encoding')"
)


def _asked(url: str, query: str) -> Any:
    engine = sa.create_engine(url, connect_args={"connect_timeout": CONNECT_SECONDS, **GIVEN_UP})
    try:
        with engine.connect() as connection:
            return connection.execute(sa.text(query)).one()
    finally:
        engine.dispose()


def first_line(error: Exception) -> str:
    """What PostgreSQL or its driver said, without the lines that follow."""
    lines = str(getattr(error, "orig", None) or error).strip().splitlines()
    return lines[0] if lines else type(error).__name__


# --- the bus --------------------------------------------------------------------------


def _bus(config: Config) -> Finding:
    if _is_heard(config):
        return good("bus", "what is committed wakes whoever waits")
    remedy = (
        "database_direct_url must lead past pgbouncer, or to a pool with pool_mode = session, and to the "
        "same database as database_url; until then nobody who waits is woken"
    )
    return bad("bus", f"a notification didn't arrive within {BUS_SECONDS:g} s", remedy)


def _is_heard(config: Config) -> bool:
    channel = f"doctor_{secrets.token_hex(8)}"
    dsn = make_url(config.listen_url).set(drivername="postgresql").render_as_string(hide_password=False)
    listener = psycopg2.connect(dsn, connect_timeout=CONNECT_SECONDS, **GIVEN_UP)
    try:
        listener.autocommit = True
        listener.cursor().execute(f"LISTEN {channel}")
        notify(config.database_url, channel)
        return _hears(listener)
    finally:
        listener.close()


def notify(url: str, channel: str, payload: str = "") -> None:
    """Wake who listens there."""
    engine = sa.create_engine(url, connect_args={"connect_timeout": CONNECT_SECONDS, **GIVEN_UP})
    asked = sa.text("SELECT pg_notify(:channel, :payload)")
    try:
        with engine.begin() as connection:
            connection.execute(asked, {"channel": channel, "payload": payload})
    finally:
        engine.dispose()


def _hears(listener: psycopg2.extensions.connection) -> bool:
    deadline = time.monotonic() + BUS_SECONDS
    while (left := deadline - time.monotonic()) > 0:
        select.select([listener], [], [], left)
        listener.poll()
        if listener.notifies:
            return True
    return False


# --- room -----------------------------------------------------------------------------


def _figures(config: Config) -> Iterator[Finding]:
    most, reserved, size = _asked(config.listen_url, ROOM)
    yield _connections(config, int(most) - int(reserved))
    gained = growth.per_day(config.instance, "database", int(size))
    pace = "" if gained is None else f", {gained / 1e6:+.1f} MB a day"
    yield good("database size", f"{int(size) / 1e6:.0f} MB{pace}")


ROOM = (
    "SELECT current_setting('max_connections'), current_setting('superuser_reserved_connections'),"
    " pg_database_size(current_database())"
)


def _connections(config: Config, free: int) -> Finding:
    if config.database_direct_url and config.database_direct_url != config.database_url:
        return good("connections", "a pooler stands between")
    workers = int(os.environ.get("AUDIMAX_WEB_WORKERS") or 1)
    needed = workers * (POOL + OVERFLOW + 1) + BESIDE_THE_POOLS
    if needed > free:
        remedy = f"raise max_connections by {needed - free}, start fewer workers, or put pgbouncer between"
        said = f"{workers} workers and the jobs may need {needed}, PostgreSQL gives {free}"
        return warning("connections", said, remedy)
    return good("connections", f"{free} are enough for the workers here, who may need {needed}")


# --- tables and jobs ------------------------------------------------------------------


def _migrations(app: Flask) -> Iterator[Finding]:
    behind = [state for state in schema.states(app) if not state.is_current]
    for state in behind:
        yield bad("migrations", f"{state.name}: {state.problem}", state.remedy)
    if not behind:
        yield good("migrations", "the tables are what this version expects")


def _worker() -> Finding:
    from core import jobs

    try:
        is_worked_on = jobs.is_worked_on(db.session)
    except sa.exc.SQLAlchemyError:
        db.session.rollback()
        return bad("jobs", "the tables of jobs are missing", "run `audimax db upgrade`")
    if not is_worked_on:
        return bad("jobs", "no worker is at work: mails and lectures' ends wait", "start one: `audimax jobs`")
    return good("jobs", "a worker is at work")
