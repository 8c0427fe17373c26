"""A migration leaves the release before working: two versions run side by side while one web after the other is replaced.

So nothing is taken away, renamed or made stricter that the release before still reads or writes; what has to go is
left unused for one release, and goes with the next. What each migration really sends to the database is looked at.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from io import StringIO
from typing import Any

import pytest
import sqlalchemy as sa
from alembic.migration import MigrationContext
from alembic.operations import Operations
from flask import Flask

from core.db import db
from core.engine import schema
from core.engine.schema import Target
from tests.conftest import BUILT_IN

# Histories and revisions that break the rule, each with its reason. What was made before the first release has no
# release before it; from 0.1.0 on a reason must say why both versions work all the same.
ALLOWED: Mapping[tuple[str, str], str] = {
    ("core", "0006"): "the check is about a column that the same migration adds, and holds where it is empty",
    ("moderation", "0002"): "before the first release; its uniqueness is what the code before meant to keep",
}
BREAKS = {
    "drops": r"^DROP (?:TABLE|VIEW|FUNCTION|TYPE|SEQUENCE) ",
    "drops a part of": r"^ALTER TABLE .* DROP (?:COLUMN|CONSTRAINT) ",
    "renames": r"^ALTER (?:TABLE|INDEX|SEQUENCE|TYPE) .* RENAME ",
    "changes a type in": r"^ALTER TABLE .* ALTER COLUMN \S+ TYPE ",
    "requires a value in": r"^ALTER TABLE .* ALTER COLUMN \S+ SET NOT NULL",
    "takes a default from": r"^ALTER TABLE .* ALTER COLUMN \S+ DROP DEFAULT",
    "adds a column without a default to": r"^ALTER TABLE .* ADD COLUMN (?!.*(?:DEFAULT|GENERATED)).* NOT NULL",
    "is stricter with": r"^ALTER TABLE .* ADD (?:CONSTRAINT \S+ )?(?:CHECK|UNIQUE|PRIMARY KEY|EXCLUDE|FOREIGN KEY) ?\(",
    "is stricter about": r"^CREATE UNIQUE INDEX .* ON ",
}
MADE = re.compile(r"^CREATE TABLE (?:IF NOT EXISTS )?(\S+)")
ADDED = re.compile(r"^ALTER TABLE (\S+) ADD COLUMN (\S+) ")
TIED = re.compile(r"^ALTER TABLE (\S+) ADD (?:CONSTRAINT \S+ )?FOREIGN KEY ?\((\S+)\)")
ABOUT = re.compile(
    r"^CREATE (?:UNIQUE )?INDEX .*? ON (\S+) |^(?:ALTER|DROP|CREATE) [A-Z]+ (?:IF EXISTS )?(\S+)"
)


def what_breaks(statements: list[str]) -> list[str]:
    """What in one migration the release before would stumble over; empty when it fits."""
    said = [" ".join(statement.split()).rstrip(";") for statement in statements]
    new = {found[1] for one in said if (found := MADE.match(one))}
    added = {found.groups() for one in said if (found := ADDED.match(one))}
    old = [one for one in said if _table(one) not in new and not _is_tied(one, added)]
    return [
        f"{what} {_table(one)}: {one}" for one in old for what, form in BREAKS.items() if re.match(form, one)
    ]


def _table(statement: str) -> str:
    found = ABOUT.search(statement)
    return found[1] or found[2] if found else ""


def _is_tied(statement: str, added: set[Any]) -> bool:
    """Whether it is the foreign key of a column that the same migration adds."""
    found = TIED.match(statement)
    return found is not None and found.groups() in added


# --- what is seen -----------------------------------------------------------------------

Does = Callable[[Operations], object]


def sql_of(does: Does) -> list[str]:
    out = StringIO()
    options = {"as_sql": True, "output_buffer": out}
    does(Operations(MigrationContext.configure(dialect_name="postgresql", opts=options)))
    return [one for one in out.getvalue().split(";") if one.strip()]


def text(name: str, **more: Any) -> sa.Column[str]:
    return sa.Column(name, sa.Text(), **more)


def make_with_key(op: Operations) -> None:
    op.create_table("x", text("a"))
    op.create_index("one_a", "x", ["a"], unique=True)
    op.add_column("x", text("b", nullable=False))


BREAKING: dict[str, Does] = {
    "a table is dropped": lambda op: op.drop_table("room"),
    "a column is dropped": lambda op: op.drop_column("room", "title"),
    "a table is renamed": lambda op: op.rename_table("room", "hall"),
    "a column is renamed": lambda op: op.alter_column("room", "title", new_column_name="name"),
    "a type is changed": lambda op: op.alter_column("room", "title", type_=sa.Integer()),
    "a value is required": lambda op: op.alter_column("room", "title", nullable=False),
    "a default is taken": lambda op: op.alter_column("room", "title", server_default=None),
    "a new column is required": lambda op: op.add_column("room", text("hue", nullable=False)),
    "values are unique": lambda op: op.create_unique_constraint("one", "room", ["title"]),
    "values are unique by an index": lambda op: op.create_index("one", "room", ["title"], unique=True),
    "values are checked": lambda op: op.create_check_constraint("short", "room", "length(title) < 9"),
    "a column is tied": lambda op: op.create_foreign_key("to", "room", "user", ["owner"], ["id"]),
    "a constraint is dropped": lambda op: op.drop_constraint("one", "room"),
    "by hand": lambda op: op.execute("ALTER TABLE room\n  DROP COLUMN title"),
}
FITTING: dict[str, Does] = {
    "a table is made": lambda op: op.create_table("x", text("a", nullable=False)),
    "a new table is as strict as it likes": make_with_key,
    "a column may be empty": lambda op: op.add_column("room", text("hue")),
    "a column has a default": lambda op: op.add_column(
        "room", text("hue", nullable=False, server_default="")
    ),
    "a new column is tied": lambda op: op.add_column(
        "room", sa.Column("to_id", sa.BigInteger(), sa.ForeignKey("user.id"))
    ),
    "an index helps": lambda op: op.create_index("helps", "room", ["title"]),
    "an index goes": lambda op: op.drop_index("helps", "room"),
    "a value may be missing": lambda op: op.alter_column("room", "title", nullable=True),
}


@pytest.mark.parametrize("does", BREAKING.values(), ids=BREAKING)
def test_what_the_release_before_stumbles_over_is_seen(does: Does) -> None:
    assert len(what_breaks(sql_of(does))) == 1, sql_of(does)


@pytest.mark.parametrize("does", FITTING.values(), ids=FITTING)
def test_what_the_release_before_does_not_notice_is_allowed(does: Does) -> None:
    assert what_breaks(sql_of(does)) == []


# --- all that there are -----------------------------------------------------------------


@pytest.fixture
def bare(postgres: Any, settings: dict[str, Any], make_app: Any) -> Iterator[Flask]:
    """Core on a database without a table."""
    name, server = "audimax_migrations", sa.create_engine(postgres.url, isolation_level="AUTOCOMMIT")
    with server.connect() as connection:
        connection.execute(sa.text(f"CREATE DATABASE {name}"))
    url = sa.make_url(postgres.url).set(database=name).render_as_string(hide_password=False)
    app: Flask = make_app(database_url=url)
    yield app
    app.extensions["audimax_bus"].close()
    with app.app_context():
        db.session.remove()
        db.engine.dispose()
    with server.connect() as connection:
        connection.execute(sa.text(f"DROP DATABASE {name} WITH (FORCE)"))
    server.dispose()


def histories() -> list[Target]:
    return [one for name, one in schema.of_installed().items() if name == "core" or name in BUILT_IN]


def revisions(target: Target) -> list[str]:
    return sorted(path.stem.partition("_")[0] for path in target.versions.glob("[0-9]*.py"))


def sent(app: Flask, target: Target, revision: str) -> list[str]:
    """What that revision sends to the database."""
    heard: list[str] = []

    def hear(_connection: Any, _cursor: Any, statement: str, *_more: Any) -> None:
        heard.extend(statement.split(";"))

    with app.app_context():
        engine = db.engine
    sa.event.listen(engine, "before_cursor_execute", hear)
    try:
        schema.upgrade_to(app, target, revision)
    finally:
        sa.event.remove(engine, "before_cursor_execute", hear)
    return heard


def test_every_migration_leaves_the_release_before_working(bare: Flask) -> None:
    broken: dict[tuple[str, str], list[str]] = {}
    looked_at = 0
    for target in histories():
        for revision in revisions(target):
            statements = sent(bare, target, revision)
            assert any(f"{target.version_table}" in one for one in statements), "it was run"
            looked_at += 1
            if found := what_breaks(statements):
                broken[target.name, revision] = found
    assert looked_at >= 28
    new = {one: found for one, found in broken.items() if one not in ALLOWED}
    assert not new, f"add first, remove one release later: {new}"
    assert set(ALLOWED) == set(broken), "what isn't needed any more"
