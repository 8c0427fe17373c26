"""Migrations: one linear history for core, one per plugin, each with its own version table."""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from flask import Flask

from core.db import db, migrate
from core.engine import plugins
from core.errors import AudimaxError, PluginError
from core.hookspecs import PROJECT

log = logging.getLogger(__name__)
ROOT = Path(__file__).resolve().parents[2]
MIGRATIONS = ROOT / "migrations"
# Any number that nothing else in the database uses; two starts at once take turns.
LOCK = 0x0A0D11AA
JOB_TABLES = "procrastinate_"


class SchemaError(AudimaxError):
    """Tables and code don't fit; the text names the history and the command that helps."""


@dataclass(frozen=True)
class Target:
    """One history: ``core``, or a plugin's."""

    name: str
    versions: Path
    version_table: str

    def owns(self, table: str) -> bool:
        """Whether this history may create, change or drop that table."""
        owner, is_plugins, _ = table.partition("__")
        if table.endswith("alembic_version") or table.startswith(JOB_TABLES):
            return False
        return owner == self.name if is_plugins else self.name == "core"

    def reflects(self, name: str | None, kind: str, _parents: Any) -> bool:
        """Alembic's ``include_name``: other owners' tables aren't even looked at."""
        return kind != "table" or self.owns(name or "")

    def compares(self, item: Any, name: str | None, kind: str, _reflected: bool, _other: Any) -> bool:
        """Alembic's ``include_object``: nothing of other owners gets into a revision."""
        table = name if kind == "table" else getattr(getattr(item, "table", None), "name", None)
        return table is None or self.owns(table)


@dataclass(frozen=True)
class State:
    """Where a history stands: revision in the database, newest in the code, and what to do."""

    name: str
    at: str | None
    head: str | None
    problem: str = ""
    is_newer: bool = False

    @property
    def is_current(self) -> bool:
        return not self.problem

    @property
    def remedy(self) -> str:
        if self.is_newer:
            return f"install the version of {self.name} again that the database is at, or a newer one"
        return "run `audimax db upgrade`"


CORE = Target("core", MIGRATIONS / "versions", "alembic_version")


def plugin_target(name: str, folder: Path) -> Target:
    """The history of the plugin that lives in ``folder``."""
    return Target(name, folder / "migrations", f"{name}__alembic_version")


def targets(app: Flask) -> list[Target]:
    """Core first, then every enabled plugin that has a ``migrations`` folder."""
    loaded = app.extensions[f"{PROJECT}_plugins"].loaded
    found = [plugin_target(name, plugin.folder) for name, plugin in loaded.items()]
    return [CORE, *(t for t in found if t.versions.is_dir())]


def target_named(app: Flask, name: str) -> Target:
    """That history, existing or about to be started; a ``PluginError`` if nobody has it."""
    if name == CORE.name:
        return CORE
    loaded = app.extensions[f"{PROJECT}_plugins"].loaded
    if name not in loaded:
        raise PluginError(name, "is not enabled", "put it into enabled_plugins first")
    return plugin_target(name, loaded[name].folder)


def upgrade_all(app: Flask) -> None:
    """Bring core, the jobs' tables and every enabled plugin up to date; safe to run twice at once."""
    from core import jobs
    from core.engine import room_plugins

    with app.app_context(), _alone():
        _upgrade(CORE)
        jobs.apply_schema(app)
        for target in targets(app)[1:]:
            _upgrade(target)
        room_plugins.write_down_guards()


def downgrade(app: Flask, name: str, revision: str = "base") -> None:
    """Take one history back; ``base`` drops the plugin's tables and what it registered."""
    target = target_named(app, name)
    with app.app_context(), _alone(), _connection() as connection:
        command.downgrade(_config(target, connection), revision)
        if revision == "base" and target is not CORE:
            _forget(target, connection)


def revise(app: Flask, name: str, message: str) -> Path:
    """Write a new revision from the difference between models and tables."""
    target = target_named(app, name)
    target.versions.mkdir(parents=True, exist_ok=True)
    with app.app_context(), _connection() as connection:
        _refuse_stale(_state(target, connection))
        config = _config(target, connection)
        number = _next_number(ScriptDirectory.from_config(config))
        made = command.revision(config, message, autogenerate=True, rev_id=number)
    return Path(made.path)  # type: ignore[union-attr]


def check(app: Flask, name: str | None = None) -> None:
    """Raise ``SchemaError`` when models and tables differ or a history isn't at its head."""
    chosen = [target_named(app, name)] if name else targets(app)
    with app.app_context():
        for target in chosen:
            _check_one(target)


def states(app: Flask) -> list[State]:
    """Where every history stands, for doctor and the start."""
    with app.app_context(), db.engine.connect() as connection:
        return [_state(target, connection) for target in targets(app)]


def at_head(app: Flask) -> bool:
    """Whether the database fits the code."""
    return all(state.is_current for state in states(app))


def refuse_old_database(app: Flask) -> None:
    """Before a program begins to work: stop it when tables are missing or behind.

    A database that is newer is only logged: one release's migrations leave the release before working,
    so that programs can be rolled, and rolled back, one after the other. So is one that doesn't answer:
    it may come, and whoever asks meanwhile is told.
    """
    try:
        found = states(app)
    except sa.exc.OperationalError as error:
        log.error("the database doesn't answer yet: %s", str(error.orig).strip().splitlines()[0])
        return
    for state in found:
        if state.is_newer:
            log.warning("%s: %s", state.name, state.problem)
    behind = [f"{state.name}: {state.problem}" for state in found if state.problem and not state.is_newer]
    if behind:
        raise SchemaError("; ".join(behind))


# --- histories of what is installed, enabled or not --------------------------------------


def of_installed() -> dict[str, Target]:
    """Core's history and that of every installed plugin; nothing is imported."""
    found = {CORE.name: CORE}
    for name, several in plugins.installed().items():
        folder = _folder_of(several[0].package)
        if folder is not None and (folder / "migrations").is_dir():
            found[name] = plugin_target(name, folder)
    return found


def knows(target: Target, revision: str) -> bool:
    """Whether that revision is one of this history."""
    return revision in _known(ScriptDirectory.from_config(_config(target)))


def upgrade_to(app: Flask, target: Target, revision: str = "head") -> None:
    """Bring one history to a revision; for a restore, which makes tables as they were."""
    with app.app_context(), _alone(), _connection() as connection:
        try:
            command.upgrade(_config(target, connection), revision)
        except Exception as error:
            raise _failed(target, error) from error


def _folder_of(package: str) -> Path | None:
    if loaded := sys.modules.get(package):
        return next(map(Path, loaded.__path__), None)
    try:
        spec = find_spec(package)
    except ImportError:
        return None
    return next(map(Path, spec.submodule_search_locations or ()), None) if spec else None


@contextmanager
def _alone() -> Iterator[None]:
    """Hold a lock that a dead process can't leave behind, on a connection of its own.

    Not on the one that migrates: a migration may have to commit in between
    (``CREATE INDEX CONCURRENTLY``).
    """
    with db.engine.begin() as connection:
        connection.execute(sa.select(sa.func.pg_advisory_xact_lock(LOCK)))
        yield


@contextmanager
def _connection() -> Iterator[sa.Connection]:
    with db.engine.connect() as connection:
        yield connection
        connection.commit()


def _upgrade(target: Target) -> None:
    with _connection() as connection:
        before = _state(target, connection)
        _refuse_newer_database(before)
        if before.is_current:
            return
        log.info("migrating %s from %s to %s", target.name, before.at or "nothing", before.head)
        connection.rollback()
        try:
            command.upgrade(_config(target, connection), "head")
        except Exception as error:
            raise _failed(target, error) from error


def _failed(target: Target, error: Exception) -> AudimaxError:
    if target is CORE:
        return SchemaError(f"migrating core's tables failed: {error}")
    remedy = "nothing of it was kept; take it out of enabled_plugins or install a version that works"
    return PluginError(target.name, f"its migration failed: {error}", remedy)


def _check_one(target: Target) -> None:
    with _connection() as connection:
        _refuse_stale(_state(target, connection))
        connection.rollback()
        try:
            command.check(_config(target, connection))
        except CommandError as error:
            remedy = f"write a revision: audimax db revise {target.name} MESSAGE"
            raise SchemaError(f"{target.name}: models and migrations differ: {error}; {remedy}") from error


def _state(target: Target, connection: sa.Connection) -> State:
    script = ScriptDirectory.from_config(_config(target, connection))
    heads = script.get_heads()
    if len(heads) > 1:
        problem = f"has {len(heads)} newest revisions ({', '.join(heads)}): chain them into one line"
        return State(target.name, None, None, problem)
    head = heads[0] if heads else None
    at = _revision(target, connection)
    if at == head:
        return State(target.name, at, head)
    if at is not None and at not in _known(script):
        problem = f"the database is at {at}, which this version doesn't know: install the newer version again"
        return State(target.name, at, head, problem, is_newer=True)
    problem = f"the database is at {at or 'nothing'}, this version needs {head}: run `audimax db upgrade`"
    return State(target.name, at, head, problem)


def _known(script: ScriptDirectory) -> set[str]:
    return {revision.revision for revision in script.walk_revisions()}


def _revision(target: Target, connection: sa.Connection) -> str | None:
    context = MigrationContext.configure(connection, opts={"version_table": target.version_table})
    heads = context.get_current_heads()
    return heads[0] if heads else None


def _refuse_newer_database(state: State) -> None:
    if (state.head is None and state.problem) or state.is_newer:
        raise SchemaError(f"{state.name}: {state.problem}")


def _refuse_stale(state: State) -> None:
    if state.problem:
        raise SchemaError(f"{state.name}: {state.problem}")


def _next_number(script: ScriptDirectory) -> str:
    numbers = [int(m[1]) for r in script.walk_revisions() if (m := re.match(r"(\d+)", r.revision))]
    return f"{max(numbers, default=0) + 1:04d}"


def _forget(target: Target, connection: sa.Connection) -> None:
    """After the way back to nothing: no trace in core's tables either."""
    connection.execute(sa.text("DELETE FROM personal_column WHERE plugin = :name"), {"name": target.name})
    connection.execute(sa.text(f'DROP TABLE IF EXISTS "{target.version_table}"'))


def _config(target: Target, connection: sa.Connection | None = None) -> Config:
    config = Config(str(MIGRATIONS / "alembic.ini"))
    config.set_main_option("script_location", _escaped(MIGRATIONS))
    _point_at(config, target)
    if connection is not None:
        config.attributes["connection"] = connection
    return config


@migrate.configure
def _for_flask_db(config: Config) -> Config:
    """``flask db …`` works on core's history."""
    return _point_at(config, config.attributes.get("target", CORE))


def _point_at(config: Config, target: Target) -> Config:
    config.attributes["target"] = target
    config.set_main_option("path_separator", "newline")
    config.set_main_option("version_locations", _escaped(target.versions))
    return config


def _escaped(path: Path) -> str:
    return str(path).replace("%", "%%")
