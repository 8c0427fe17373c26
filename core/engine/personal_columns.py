"""Which columns are about a person: written down by plugins' migrations, used while a plugin is off."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any, Literal

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from core.contracts import Erasure, Person
from core.db import db
from core.lectures.models import Lecture, Participant, rows_of
from core.models import PersonalColumn
from core.people.models import User

Kind = Literal["user", "guest_session", "participant", "email"]
NOBODY = "Deleted person"


@dataclass(frozen=True)
class AboutPerson:
    """A column that is about a person, and what erasing that person does to it.

    ``person`` is the column of the same table that says who: an id of a user, a guest session
    or a participant, or the address of an account (``email``, in small letters as accounts have it),
    as ``kind`` says.
    """

    table: str
    column: str
    person: str
    kind: Kind
    erasure: Erasure


# --- in migrations --------------------------------------------------------------------


def register_personal_columns(op: Any, plugin: str, columns: Iterable[AboutPerson]) -> None:
    """Call it in ``upgrade()`` with Alembic's ``op``, for every column that is about a person."""
    for about in columns:
        _refuse_foreign(plugin, about)
        facts = {"person_column": about.person, "person_kind": about.kind, "erasure": about.erasure.value}
        values = {"plugin": plugin, "table": about.table, "column": about.column, **facts}
        key = ["plugin", "table", "column"]
        op.execute(
            insert(PersonalColumn).values(values).on_conflict_do_update(index_elements=key, set_=facts)
        )


def forget_personal_columns(op: Any, plugin: str, table: str) -> None:
    """Call it in the migration that drops ``table`` or its personal columns."""
    mine = PersonalColumn.plugin == plugin, PersonalColumn.table == table
    op.execute(sa.delete(PersonalColumn).where(*mine))


def _refuse_foreign(plugin: str, about: AboutPerson) -> None:
    if not about.table.startswith(f"{plugin}__"):
        raise ValueError(
            f"{about.table!r} is not a table of plugin {plugin!r}: its name starts with '{plugin}__'"
        )


# --- for people -----------------------------------------------------------------------


def collect(person: Person) -> dict[str, dict[str, list[dict[str, Any]]]]:
    """What the registered columns hold of somebody: rows by plugin and table."""
    found: dict[str, dict[str, list[dict[str, Any]]]] = {}
    for plugin, table, columns in _tables():
        rows = _rows(table, columns, person)
        if rows:
            found.setdefault(plugin, {})[table.name] = rows
    return found


def erase(person: Person) -> int:
    """Do to every registered column what was said of it; how many rows changed. May be repeated."""
    return sum(_erase(table, columns, person) for _plugin, table, columns in _tables())


def forget_participants(lecture: Lecture, name: str) -> None:
    """Names of all who took part become ``name``, and rows that only say what one of them did are deleted.

    What people wrote stays: rows and columns that erasing a person would blank are left as they are.
    """
    people = sa.select(Participant.id).where(Participant.lecture_id == lecture.id)
    for _plugin, table, columns in _tables():
        for about in columns:
            theirs = table.c[about.person_column].in_(people)
            if about.person_kind != "participant" or about.erasure == Erasure.BLANK.value:
                continue
            if about.erasure == Erasure.DELETE_ROW.value:
                db.session.execute(sa.delete(table).where(theirs))
            else:
                db.session.execute(sa.update(table).where(theirs).values({table.c[about.column]: name}))


def _tables() -> Iterator[tuple[str, sa.Table, list[PersonalColumn]]]:
    known = set(sa.inspect(db.session.connection()).get_table_names())
    query = sa.select(PersonalColumn).order_by(
        PersonalColumn.plugin, PersonalColumn.table, PersonalColumn.column
    )
    for (plugin, name), group in groupby(db.session.scalars(query).all(), key=lambda c: (c.plugin, c.table)):
        if name in known:
            yield plugin, _reflected(name), list(group)


def _reflected(name: str) -> sa.Table:
    # The plugin may be off: its models aren't there, its table is.
    return sa.Table(name, sa.MetaData(), autoload_with=db.session.connection(), resolve_fks=False)


def _rows(table: sa.Table, columns: Sequence[PersonalColumn], person: Person) -> list[dict[str, Any]]:
    names = dict.fromkeys(name for about in columns for name in (about.person_column, about.column))
    chosen = sa.select(*(table.c[name] for name in names)).where(_is_about(table, columns, person))
    return [dict(row) for row in db.session.execute(chosen).mappings()]


def _is_about(table: sa.Table, columns: Sequence[PersonalColumn], person: Person) -> sa.ColumnElement[bool]:
    return sa.or_(*(table.c[about.person_column].in_(_ids(about.person_kind, person)) for about in columns))


def _ids(kind: str, person: Person) -> Any:
    if kind == "user":
        return [person.user_id] if person.user_id is not None else []
    if kind == "guest_session":
        return list(person.guest_session_ids)
    if kind == "email":
        return sa.select(User.email).where(User.id == person.user_id)
    return sa.select(Participant.id).where(rows_of(person))


def _erase(table: sa.Table, columns: Sequence[PersonalColumn], person: Person) -> int:
    return sum(_erase_column(table, about, person) for about in columns)


def _erase_column(table: sa.Table, about: PersonalColumn, person: Person) -> int:
    theirs = table.c[about.person_column].in_(_ids(about.person_kind, person))
    if about.erasure == Erasure.DELETE_ROW.value:
        return _count(sa.delete(table).where(theirs))
    column = table.c[about.column]
    value = NOBODY if about.erasure == Erasure.ANONYMISE_NAME.value else _blank(column)
    return _count(sa.update(table).where(theirs).values({column: value}))


def _blank(column: sa.Column[Any]) -> Any:
    return None if column.nullable else _empty(column)


def _empty(column: sa.Column[Any]) -> Any:
    empties: Mapping[type, Any] = {str: "", int: 0, float: 0.0, bool: False, dict: {}, list: []}
    return empties[column.type.python_type]


def _count(statement: Any) -> int:
    return int(db.session.execute(statement).rowcount)  # type: ignore[attr-defined]
