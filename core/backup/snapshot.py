"""The database as of one moment: rows, sequences, revisions, and which files it knows."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import psycopg2
import sqlalchemy as sa
from psycopg2 import sql

from core import GIVEN_UP, obstacles
from core.backup.manifest import Table
from core.backup.parts import Segments, Writer
from core.backup.refusals import BackupError
from core.engine import schema
from core.files import kinds
from core.files.models import State

CORE = schema.CORE.name
VERSIONS = "__alembic_version"
SECONDS_TO_WAIT = 30
COLUMNS = """SELECT c.relname, a.attname FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
    WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind = 'r'
    AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = '' ORDER BY c.relname, a.attnum"""
SIZE = """SELECT coalesce(sum(pg_table_size(oid)), 0) FROM pg_class
    WHERE relnamespace = current_schema()::regnamespace AND relkind = 'r'"""
SEQUENCES = """SELECT sequencename, last_value FROM pg_sequences
    WHERE schemaname = current_schema() AND last_value IS NOT NULL"""
# Bytes of uploads that are under way aren't ours yet, and those of deleted files no longer.
FILES = """SELECT storage, key, mime, size, state FROM stored_file
        WHERE state IN ('ready', 'expected', 'checking')
    UNION ALL SELECT storage, preview_key, 'image/webp', -1, state FROM stored_file
        WHERE state = 'ready' AND preview_key <> ''
    UNION ALL SELECT storage, incoming_key, mime, -1, state FROM stored_file WHERE state = 'checking'
    ORDER BY 2"""
EXPORTS = "SELECT storage, key, 'application/zip', size, 'ready' FROM person_export WHERE state = 'done'"


@dataclass(frozen=True)
class Wanted:
    """A file that a row of the snapshot has. ``is_certain``: without its bytes the row would be wrong."""

    storage: str
    key: str
    mime: str
    is_certain: bool


class Snapshot:
    """One REPEATABLE READ transaction; migrations wait for its end."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection
        self.columns = self._read_columns()
        self._lock()
        self.histories = dict(self._read_histories())

    @property
    def size(self) -> int:
        """How much room the tables take, at the most."""
        return int(self._one(SIZE))

    @property
    def now(self) -> str:
        """Its moment."""
        return str(self._one("SELECT to_char(now() AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"')"))

    def files(self) -> list[Wanted]:
        """Every file that a row has."""
        rows = self._rows(FILES) if "stored_file" in self.columns else []
        rows += self._rows(EXPORTS) if "person_export" in self.columns else []
        return [Wanted(row[0], row[1], row[2] or kinds.UNKNOWN, row[4] == State.READY) for row in rows]

    def file_bytes(self) -> int:
        """About how much they are."""
        found = self._rows(FILES) if "stored_file" in self.columns else []
        return sum(max(row[3], 0) for row in found)

    def copy(self, writer: Writer) -> Iterator[Table]:
        """Write the rows of every table, one after the other."""
        for name, columns in self.columns.items():
            if name.endswith("alembic_version"):
                continue
            segments = Segments(writer, f"database/{name}")
            with self._connection.cursor() as cursor:
                cursor.copy_expert(_copy(name, columns, "TO STDOUT"), segments)
                rows = cursor.rowcount
            segments.close()
            yield Table(name, columns, rows, segments.names)

    def sequences(self) -> dict[str, int]:
        """How far each has counted; they run on beside every snapshot, so this is asked at its end."""
        return {str(name): int(value) for name, value in self._rows(SEQUENCES)}

    def _read_columns(self) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        for table, column in self._rows(COLUMNS):
            found.setdefault(table, []).append(column)
        if not found:
            raise BackupError("the database is empty: there is nothing to back up")
        return found

    def _lock(self) -> None:
        """As readers do: nobody can drop or change a table before we have read it."""
        names = sql.SQL(", ").join(sql.Identifier(name) for name in self.columns)
        with self._connection.cursor() as cursor:
            cursor.execute(sql.SQL("LOCK TABLE {} IN ACCESS SHARE MODE").format(names))

    def _read_histories(self) -> Iterator[tuple[str, str]]:
        for table in self.columns:
            if table != schema.CORE.version_table and not table.endswith(VERSIONS):
                continue
            name = CORE if table == schema.CORE.version_table else table.removesuffix(VERSIONS)
            found = self._rows(sql.SQL("SELECT version_num FROM {}").format(sql.Identifier(table)))
            if found:
                yield name, found[0][0]

    def _rows(self, query: Any) -> list[tuple[Any, ...]]:
        with self._connection.cursor() as cursor:
            cursor.execute(query)
            return list(cursor.fetchall())

    def _one(self, query: str) -> Any:
        return self._rows(query)[0][0]


@contextmanager
def taken(url: str) -> Iterator[Snapshot]:
    """The database as it is now, past pgbouncer; given back at the end."""
    with worded(), connected(url) as connection:
        _wait_for_migrations(connection)
        connection.set_session(isolation_level="REPEATABLE READ", readonly=True)
        yield Snapshot(connection)


@contextmanager
def connected(url: str) -> Iterator[Any]:
    """A connection of psycopg2's own, whose work may take any time."""
    arguments = sa.make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
    # A server that is busy storing takes nothing for a while; only one that doesn't answer any more is gone.
    limits = {**GIVEN_UP, "tcp_user_timeout": 0}
    connection = psycopg2.connect(arguments, connect_timeout=10, application_name="audimax backup", **limits)
    try:
        with connection.cursor() as cursor:
            cursor.execute("SET statement_timeout = 0")
            cursor.execute("SET idle_in_transaction_session_timeout = 0")
            cursor.execute("SET lock_timeout = %s", (f"{SECONDS_TO_WAIT}s",))
        connection.commit()
        yield connection
    finally:
        connection.close()


@contextmanager
def worded() -> Iterator[None]:
    """What PostgreSQL says, in words for an admin."""
    try:
        yield
    except psycopg2.errors.LockNotAvailable as error:
        raise BackupError(
            "somebody else holds the database's tables, a migration perhaps, or programs that run: wait for "
            "its end, or stop them, and try again"
        ) from error
    except psycopg2.Error as error:
        said = (str(error).strip() or type(error).__name__).splitlines()[0]
        remedy = "look at PostgreSQL's log; `audimax doctor` says whether it can be reached"
        raise BackupError(obstacles.worded(error) or f"PostgreSQL: {said}; {remedy}") from error


def _wait_for_migrations(connection: Any) -> None:
    """Held until the connection ends: no migration begins meanwhile."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_lock_shared(%s)", (schema.LOCK,))
    connection.commit()


def _copy(table: str, columns: list[str], way: str) -> sql.Composed:
    names = sql.SQL(", ").join(sql.Identifier(column) for column in columns)
    return sql.SQL("COPY {} ({}) {}").format(sql.Identifier(table), names, sql.SQL(way))


def copy_back(table: Table) -> sql.Composed:
    """The statement that takes the rows of a table."""
    return _copy(table.name, table.columns, "FROM STDIN")
