"""Whole installations, each with a database and a folder of its own, full of rows and files."""

from __future__ import annotations

import io
import itertools
import secrets
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg2
import pytest
import sqlalchemy as sa
from flask import Flask
from sqlalchemy.dialects import postgresql

from core.backup import making, restoring
from core.db import db
from core.engine import schema
from core.files import storages
from core.files.models import StoredFile, new_key
from core.run.topology import first_party_plugins

NUMBERS = itertools.count(1)
# Nobody restores who was at work.
NOT_COMPARED = {"procrastinate_workers"}
ODD = "ü \\ \t \r\n \\N '\" 𝄞"


class House:
    """One installation."""

    def __init__(self, app: Flask, url: str) -> None:
        self.app, self.url = app, url
        self.folder = Path(app.extensions["audimax_config"].instance_dir)

    def migrate(self) -> House:
        schema.upgrade_all(self.app)
        return self

    def run(self, statement: str, *values: Any) -> list[Any]:
        with closing(psycopg2.connect(self.url.replace("+psycopg2", ""))) as connection:
            with connection.cursor() as cursor:
                cursor.execute(statement, values)
                found = cursor.fetchall() if cursor.description else []
            connection.commit()
            return found

    def rows(self) -> dict[str, list[str]]:
        """All rows of all tables, as PostgreSQL writes them."""
        url = self.url.replace("+psycopg2", "")
        with closing(psycopg2.connect(url)) as connection, connection.cursor() as cursor:
            cursor.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
            names = {name for (name,) in cursor.fetchall()} - NOT_COMPARED
            return {name: _rows_of(cursor, name) for name in sorted(names)}

    def files(self, storage: str = "local") -> dict[str, bytes]:
        """All bytes that are kept."""
        with self.app.app_context():
            there = storages.named(storage)
            return {key: _read(there, key) for prefix in ("kept/", "previews/") for key in there.list(prefix)}

    def add_file(self, content: bytes, storage: str = "local", **values: Any) -> str:
        """A file of a lecture that is ready; its key."""
        with self.app.app_context():
            key = new_key()
            storages.named(storage).save(key, io.BytesIO(content), "x/y")
            facts = {"state": "ready", "name": ODD, "extension": "pdf", "uploader_name": "Ada", **values}
            made = StoredFile(
                plugin="files", storage=storage, key=key, mime="x/y", size=len(content), **facts
            )
            db.session.add(made)
            db.session.commit()
            return key

    def delete_bytes(self, key: str, storage: str = "local") -> None:
        with self.app.app_context():
            storages.named(storage).delete(key)

    def fill(self) -> int:
        """Two rows in nearly every table; how many tables have some."""
        engine = sa.create_engine(self.url)
        metadata = sa.MetaData()
        metadata.reflect(engine)
        with engine.connect() as connection:
            filled = sum(_fill(connection, table) for table in metadata.sorted_tables)
        engine.dispose()
        return filled

    def back_up(self, target: Path | None = None, **wish: Any) -> Path:
        made = making.to_folder(self.app, making.Wish(target, **wish), lambda _said: None)
        return Path(made.where)

    def restore(self, source: Path, passphrase: str = "", *without: str) -> restoring.Restored:
        found = restoring.opened(source, passphrase)
        return restoring.restore(self.app, found, without, lambda _said: None)

    def tables(self) -> set[str]:
        return {name for (name,) in self.run("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")}


def _rows_of(cursor: Any, name: str) -> list[str]:
    # Columns may be in another order after migrations on an older state.
    cursor.execute(
        "SELECT attname FROM pg_attribute WHERE attrelid = %s::regclass AND attnum > 0 AND NOT attisdropped",
        (f'"{name}"',),
    )
    columns = ", ".join(f'"{column}"' for column in sorted(column for (column,) in cursor.fetchall()))
    written = io.StringIO()
    cursor.copy_expert(f'COPY (SELECT {columns} FROM "{name}") TO STDOUT', written)
    return sorted(written.getvalue().split("\n"))


def _read(storage: Any, key: str) -> bytes:
    with closing(storage.open(key)) as body:
        return bytes(body.read())


def _fill(connection: sa.Connection, table: sa.Table) -> bool:
    if table.name.endswith("alembic_version"):
        return False
    done = 0
    for _ in range(2):
        try:
            with connection.begin():
                values = {c.name: _value(connection, c) for c in table.columns if not _is_given(c)}
                connection.execute(sa.insert(table).values(values))
                done += 1
        except (sa.exc.IntegrityError, sa.exc.DataError):
            # A rule of its own, which a random row doesn't keep.
            pass
    return bool(done)


def _is_given(column: sa.Column[Any]) -> bool:
    counts = column.identity is not None or "nextval" in str(getattr(column.server_default, "arg", ""))
    return bool(column.computed is not None or counts)


def _value(connection: sa.Connection, column: sa.Column[Any]) -> Any:
    if column.name == "worker_id":
        return None
    for key in column.foreign_keys:
        return connection.scalar(sa.select(key.column).order_by(sa.func.random()).limit(1))
    number, kind = next(NUMBERS), column.type
    if column.table.name == "procrastinate_jobs" and column.name == "status":
        return "todo"
    if isinstance(kind, postgresql.ENUM):
        return kind.enums[0]
    if isinstance(kind, postgresql.TSVECTOR):
        return sa.func.to_tsvector("simple", f"groups {number}")
    if isinstance(kind, postgresql.ARRAY):
        return [number, number + 1] if isinstance(kind.item_type, sa.Integer) else [ODD, str(number)]
    if isinstance(kind, (postgresql.JSONB, postgresql.JSON)):
        return {"said": ODD, "n": [number, None, 1.5]}
    if isinstance(kind, sa.Boolean):
        return bool(number % 2) and column.name != "abort_requested"
    if isinstance(kind, sa.DateTime):
        return datetime.now(UTC) - timedelta(seconds=number)
    if isinstance(kind, (sa.Integer, sa.Numeric, sa.Float)):
        return number
    if isinstance(kind, sa.LargeBinary):
        return secrets.token_bytes(40)
    plain = {"config": "simple", "email": f"user{number}@uni.example"}
    return plain.get(column.name, f"{ODD} {number}")


@pytest.fixture(scope="session")
def furnished(postgres: Any, base_settings: dict[str, Any]) -> str:
    """A database with rows in all tables, to be copied."""
    from core import create_app

    name = "furnished"
    postgres.create_database(name)
    url = postgres.url_of(name)
    app = create_app({**base_settings, "database_url": url, "enabled_plugins": first_party_plugins()})
    made = House(app, url).migrate()
    assert made.fill() > 40
    made.run("DELETE FROM stored_file; DELETE FROM person_export")
    # With the migrations rooms get their guards in writing.
    made.migrate()
    app.extensions["audimax_bus"].close()
    with app.app_context():
        db.engine.dispose()
    return name


@pytest.fixture
def make_house(
    postgres: Any, make_app: Callable[..., Flask], tmp_path: Path
) -> Iterator[Callable[..., House]]:
    """``make_house("pin", file_storage="s3")``: an installation with these plugins, its database empty."""
    made: list[str] = []

    def make(*enabled: str, template: str = "template0", **changed: Any) -> House:
        name = f"house_{next(NUMBERS)}"
        postgres.create_database(name, template)
        made.append(name)
        folder = tmp_path / name
        folder.mkdir(mode=0o700)
        url = postgres.url_of(name)
        app = make_app(database_url=url, instance_dir=str(folder), enabled_plugins=list(enabled), **changed)
        return House(app, url)

    yield make
    for name in made:
        postgres.drop_database(name)


@pytest.fixture
def house(make_house: Callable[..., House], furnished: str) -> House:
    """One with every plugin that needs nothing of its own, and with rows and files."""
    made = make_house(*first_party_plugins(), template=furnished)
    for size in (0, 1, 300_000, 3_000_000):
        made.add_file(secrets.token_bytes(size))
    return made


@pytest.fixture
def empty(make_house: Callable[..., House]) -> House:
    """Another one with the same plugins, and nothing in it yet."""
    return make_house(*first_party_plugins())
