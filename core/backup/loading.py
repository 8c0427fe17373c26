"""The way back into a database: empty before, whole afterwards, and empty again when something fails."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from typing import Any

from flask import Flask
from psycopg2 import sql

from core import jobs
from core.backup.files import Storages
from core.backup.manifest import Gone, Manifest, Table, refuse_newer
from core.backup.parts import Reader, unpacked
from core.backup.refusals import BackupError
from core.backup.snapshot import COLUMNS, CORE, connected, copy_back, worded
from core.db import db
from core.engine import schema
from core.files.models import State

# What nobody has before people have come.
PEOPLES = {"user": "accounts", "room": "rooms", "lecture": "lectures", "stored_file": "files"}
TABLES = """SELECT c.relname FROM pg_class c WHERE c.relnamespace = current_schema()::regnamespace
    AND c.relkind IN ('r', 'p') AND NOT EXISTS
    (SELECT FROM pg_depend d WHERE d.objid = c.oid AND d.deptype = 'e') ORDER BY 1"""
ROUTINES = """SELECT p.oid::regprocedure::text FROM pg_proc p
    WHERE p.pronamespace = current_schema()::regnamespace
    AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = p.oid AND d.deptype = 'e')"""
TYPES = """SELECT t.oid::regtype::text FROM pg_type t LEFT JOIN pg_class c ON c.oid = t.typrelid
    WHERE t.typnamespace = current_schema()::regnamespace
    AND (t.typtype = 'e' OR (t.typtype = 'c' AND c.relkind = 'c'))
    AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = t.oid AND d.deptype = 'e')"""
FOREIGN_KEYS = """SELECT conrelid::regclass::text, quote_ident(conname), pg_get_constraintdef(oid)
    FROM pg_constraint WHERE contype = 'f' AND connamespace = current_schema()::regnamespace"""


# --- before anything is done --------------------------------------------------------------


def refuse_unfit(manifest: Manifest, without: Collection[str]) -> None:
    """Whether this code can make the tables that the backup has rows of."""
    here = schema.of_installed()
    if strange := sorted(set(without) - set(manifest.histories)):
        there = ", ".join(sorted(set(manifest.histories) - {CORE}))
        raise BackupError(f"the backup has no data of {', '.join(strange)}; it has those of {there}")
    wanted = {name: at for name, at in manifest.histories.items() if name not in without}
    missing = sorted(set(wanted) - set(here))
    if missing:
        named = ", ".join(missing)
        raise BackupError(
            f"the backup has tables of plugins that aren't installed here: {named}. Install them (they need "
            "not be enabled), or leave their data behind with "
            f"{' '.join(f'--without {name}' for name in missing)}"
        )
    newer = {
        name: f"has the tables of {name} at {at}, which isn't known here"
        for name, at in wanted.items()
        if not schema.knows(here[name], at)
    }
    refuse_newer(newer, manifest.version)
    if CORE not in wanted:
        raise BackupError("the backup has no tables of core: it is damaged")


def refuse_used(url: str) -> None:
    """A backup goes into an empty installation only, in which nobody is at work."""
    with worded(), connected(url) as connection:
        tables = set(_names(connection, TABLES))
        strange = sorted(name for name in tables if not _is_ours(name))
        if strange:
            raise BackupError(
                f"the database has tables that aren't Audimax's ({', '.join(strange[:5])}): make a database "
                "for Audimax alone, and name it in database_url"
            )
        held = [f"{count} {PEOPLES[name]}" for name in PEOPLES if (count := _count(connection, tables, name))]
        held += [
            f"rows in {name}" for name in sorted(tables) if _is_a_plugins(name) and _has(connection, name)
        ]
        if held:
            raise BackupError(
                f"this installation isn't empty: it has {', '.join(held)}. A backup goes into an empty one "
                "only: make a new database (and instance folder), and name them in the settings"
            )
        if "procrastinate_workers" in tables:
            _refuse_at_work(connection)


def _refuse_at_work(connection: Any) -> None:
    query = "SELECT extract(epoch FROM now() - max(last_heartbeat)) FROM procrastinate_workers"
    (silent,) = _names(connection, query)
    if silent is not None and float(silent) <= jobs.NO_WORKER_SECONDS:
        raise BackupError(
            "a worker of jobs is at work in this database: stop web and jobs, wait a minute, and try again"
        )


def _is_ours(table: str) -> bool:
    known = "__" in table or table.startswith(schema.JOB_TABLES) or table.endswith("alembic_version")
    return known or table in db.metadata.tables


def _is_a_plugins(table: str) -> bool:
    return "__" in table and not table.endswith("alembic_version")


def _count(connection: Any, tables: set[str], name: str) -> int:
    if name not in tables:
        return 0
    (found,) = _names(connection, sql.SQL("SELECT count(*) FROM {}").format(sql.Identifier(name)))
    return int(found)


def _has(connection: Any, name: str) -> bool:
    return bool(_names(connection, sql.SQL("SELECT 1 FROM {} LIMIT 1").format(sql.Identifier(name))))


# --- the tables and their rows ------------------------------------------------------------


def restore(app: Flask, url: str, reader: Reader, plan: Plan) -> None:
    """Make the tables as they were, fill them, and bring them up to date; all of it, or nothing."""
    with worded():
        _clear(url)
        try:
            _make_tables(app, plan.histories)
            _fill(url, reader, plan)
            _bring_up_to_date(app, plan.histories)
        except BaseException:
            _clear(url)
            raise


class Plan:
    """What of a backup is restored: all but the plugins that are left behind."""

    def __init__(self, manifest: Manifest, without: Collection[str], storages: Storages) -> None:
        self.histories = {name: at for name, at in manifest.histories.items() if name not in without}
        self.tables = [table for table in manifest.tables if table.name.partition("__")[0] not in without]
        self.sequences = manifest.sequences
        self.storages = storages
        self.gone = [one for one in manifest.gone if one.deleted]


def _clear(url: str) -> None:
    with connected(url) as connection, connection.cursor() as cursor:
        for kind, query in (("TABLE", TABLES), ("ROUTINE", ROUTINES), ("TYPE", TYPES)):
            for name in _names(connection, query):
                quoted = sql.Identifier(name) if kind == "TABLE" else sql.SQL(name)
                cursor.execute(sql.SQL("DROP {} IF EXISTS {} CASCADE").format(sql.SQL(kind), quoted))
        connection.commit()


def _make_tables(app: Flask, histories: dict[str, str]) -> None:
    here = schema.of_installed()
    schema.upgrade_to(app, here[CORE], histories[CORE])
    jobs.apply_schema(app)
    for name in sorted(set(histories) - {CORE}):
        schema.upgrade_to(app, here[name], histories[name])


def _bring_up_to_date(app: Flask, histories: dict[str, str]) -> None:
    """Those that are installed and off too: they must fit core's tables when they are switched on."""
    schema.upgrade_all(app)
    here = schema.of_installed()
    for name in sorted(set(histories) - {CORE}):
        schema.upgrade_to(app, here[name])


def _fill(url: str, reader: Reader, plan: Plan) -> None:
    """One transaction; foreign keys are made anew at its end, which looks through all of them."""
    with connected(url) as connection, connection.cursor() as cursor:
        tables = _columns(connection)
        _refuse_other_columns(plan.tables, tables)
        filled = [name for name in tables if not name.endswith("alembic_version")]
        with _without_triggers(cursor, filled), _without_foreign_keys(connection, cursor):
            names = sql.SQL(", ").join(map(sql.Identifier, filled))
            cursor.execute(sql.SQL("TRUNCATE {}").format(names))
            for table in plan.tables:
                _fill_one(cursor, table, reader)
            _count_on(cursor, plan.sequences)
            _settle_files(cursor, plan.storages, plan.gone)
            _settle_jobs(cursor)
        connection.commit()


def _fill_one(cursor: Any, table: Table, reader: Reader) -> None:
    cursor.copy_expert(copy_back(table), unpacked(reader, table.parts))
    if cursor.rowcount != table.rows:
        raise BackupError(
            f"{table.name} has {cursor.rowcount} rows instead of {table.rows}: the backup is damaged; take "
            "an older one"
        )


def _refuse_other_columns(wanted: list[Table], tables: dict[str, list[str]]) -> None:
    for table in wanted:
        unknown = sorted(set(table.columns) - set(tables.get(table.name, ())))
        if unknown:
            what = f"columns {', '.join(unknown)} of {table.name}" if table.name in tables else table.name
            raise BackupError(
                f"the backup has {what}, which the migrations here don't make: restore it with the version "
                "of Audimax (and its libraries) that made it, then update"
            )


@contextmanager
def _without_triggers(cursor: Any, tables: list[str]) -> Iterator[None]:
    """Rows that come back aren't news: nobody is told, and no event of a job is written a second time."""
    for table in tables:
        cursor.execute(sql.SQL("ALTER TABLE {} DISABLE TRIGGER USER").format(sql.Identifier(table)))
    yield
    for table in tables:
        cursor.execute(sql.SQL("ALTER TABLE {} ENABLE TRIGGER USER").format(sql.Identifier(table)))


@contextmanager
def _without_foreign_keys(connection: Any, cursor: Any) -> Iterator[None]:
    """Tables can be filled in any order, and in a circle."""
    cursor.execute(FOREIGN_KEYS)
    keys = cursor.fetchall()
    for table, name, _definition in keys:
        cursor.execute(f"ALTER TABLE {table} DROP CONSTRAINT {name}")
    yield
    for table, name, definition in keys:
        cursor.execute(f"ALTER TABLE {table} ADD CONSTRAINT {name} {definition}")


def _count_on(cursor: Any, sequences: dict[str, int]) -> None:
    """An id that was given once is never given again."""
    cursor.execute("SELECT sequencename FROM pg_sequences WHERE schemaname = current_schema()")
    here = {name for (name,) in cursor.fetchall()}
    for name in sorted(here & set(sequences)):
        cursor.execute("SELECT setval(quote_ident(%s)::regclass, %s)", (name, sequences[name]))


def _settle_files(cursor: Any, storages: Storages, gone: list[Gone]) -> None:
    """Files are where they are now; what was deleted while the backup was made is deleted here too."""
    # A backup of an older version has fewer tables.
    has_exports = _is_there(cursor, "person_export")
    for table in ("stored_file", *(("person_export",) if has_exports else ())):
        moved = sql.SQL("UPDATE {} SET storage = %s WHERE storage <> ALL(%s)").format(sql.Identifier(table))
        cursor.execute(moved, (storages.ours, list(storages.known)))
    for one in gone:
        cursor.execute("UPDATE stored_file SET preview_key = '' WHERE preview_key = %s", (one.key,))
        cursor.execute(
            "UPDATE stored_file SET state = %s, gone_at = now() WHERE key = %s", (State.GONE, one.key)
        )
        if has_exports:
            cursor.execute("DELETE FROM person_export WHERE key = %s", (one.key,))


def _is_there(cursor: Any, table: str) -> bool:
    cursor.execute("SELECT to_regclass(%s) IS NOT NULL", (table,))
    return bool(cursor.fetchone()[0])


def _settle_jobs(cursor: Any) -> None:
    """Jobs that were being worked on wait again; nobody of those who did is here."""
    cursor.execute(
        """DELETE FROM procrastinate_jobs j WHERE status = 'doing' AND queueing_lock IS NOT NULL AND EXISTS
        (SELECT FROM procrastinate_jobs w WHERE w.queueing_lock = j.queueing_lock AND w.id <> j.id
         AND (w.status = 'todo' OR w.status = 'doing' AND w.id > j.id))"""
    )
    cursor.execute("UPDATE procrastinate_jobs SET status = 'todo', worker_id = NULL WHERE status = 'doing'")
    cursor.execute("UPDATE procrastinate_jobs SET worker_id = NULL WHERE worker_id IS NOT NULL")
    cursor.execute("DELETE FROM procrastinate_workers")


def _columns(connection: Any) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    with connection.cursor() as cursor:
        cursor.execute(COLUMNS)
        for table, column in cursor.fetchall():
            found.setdefault(table, []).append(column)
    return found


def _names(connection: Any, query: Any) -> list[Any]:
    with connection.cursor() as cursor:
        cursor.execute(query)
        return [row[0] for row in cursor.fetchall()]
