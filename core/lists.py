"""Long lists, part by part: found by the place it begins after, the last one costs what the first does."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

import sqlalchemy as sa
from flask import request

from core.db import db

PART = 50
LONGEST_PLACE = 600
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Part:
    """Some rows of a list, and the places where the parts before and after them begin; empty for none."""

    items: Sequence[Any]
    earlier: str = ""
    later: str = ""


def given(names: Iterable[str], longest: int) -> dict[str, str]:
    """What the address of this request says of these filters."""
    return {name: request.args.get(name, "")[:longest] for name in names}


def address(path: str, filters: Mapping[str, str], **place: str) -> str:
    """Where a list with these filters stands; ``place`` is one of a part: ``before=…`` or ``after=…``."""
    kept = {name: value for name, value in {**filters, **place}.items() if value}
    return f"{path}?{urlencode(kept)}" if kept else path


def has_words(text: str, *columns: Any) -> list[sa.ColumnElement[bool]]:
    """Each word of ``text`` is in one of the columns, whatever its case."""
    return [sa.or_(*(column.icontains(word, autoescape=True) for column in columns)) for word in text.split()]


class Order:
    """By what a list is ordered: columns that together name one row, all of them up or all down."""

    def __init__(self, *columns: Any, down: bool = False) -> None:
        if any(isinstance(column.type, sa.types.NullType) for column in columns):
            raise TypeError("places are read by the types of the columns: give each one (type_=…)")
        self.columns = columns
        self.down = down

    def part(self, query: sa.Select[Any], given: Mapping[str, str], size: int = PART) -> Part:
        """The part that ``given`` (``before`` or ``after``, as addresses have it) asks for; one statement.

        A place that nobody gave out is that of the first part.
        """
        found, goes_back = self._asked(given)
        rows = list(db.session.execute(self._from(query, found, goes_back).limit(size + 1)))
        has_more, rows = len(rows) > size, rows[:size]
        if goes_back:
            rows.reverse()
        if not rows:
            return Part([])
        came_from, goes_on = (has_more, True) if goes_back else (found is not None, has_more)
        return Part(
            [row[: -len(self.columns)] for row in rows],
            self._place(rows[0]) if came_from else "",
            self._place(rows[-1]) if goes_on else "",
        )

    def _asked(self, given: Mapping[str, str]) -> tuple[list[Any] | None, bool]:
        """The place, None for the list's beginning, and whether the part ends there instead of beginning."""
        after, before = self._read(given.get("after", "")), self._read(given.get("before", ""))
        goes_back = after is None and before is not None
        return (before if goes_back else after), goes_back

    def _from(self, query: sa.Select[Any], found: list[Any] | None, goes_back: bool) -> sa.Select[Any]:
        """The query with the columns of places, from there on; in the other order when it goes back."""
        query = query.add_columns(*self.columns)
        if found is not None:
            place, beyond = sa.tuple_(*self.columns), sa.tuple_(*(sa.literal(value) for value in found))
            query = query.where(place > beyond if self.down == goes_back else place < beyond)
        ordered = [column.desc() if self.down != goes_back else column.asc() for column in self.columns]
        return query.order_by(*ordered)

    def _place(self, row: Any) -> str:
        values = [_plain(value) for value in row[-len(self.columns) :]]
        return base64.urlsafe_b64encode(json.dumps(values).encode()).rstrip(b"=").decode()

    def _read(self, said: str) -> list[Any] | None:
        if not said or len(said) > LONGEST_PLACE:
            return None
        try:
            values = json.loads(base64.urlsafe_b64decode(said + "=" * (-len(said) % 4)))
            return [_typed(value, column) for value, column in zip(values, self.columns, strict=True)]
        except (ValueError, TypeError, OverflowError, binascii.Error):
            return None


def _plain(value: Any) -> Any:
    return (value - EPOCH) // timedelta(microseconds=1) if isinstance(value, datetime) else value


def _typed(value: Any, column: Any) -> Any:
    kind = column.type.python_type
    if type(value) is not (int if kind is datetime else kind):
        raise ValueError(value)
    if "\0" in str(value) or (kind is not str and abs(value) >= 2**63):
        raise ValueError(value)
    return EPOCH + timedelta(microseconds=value) if kind is datetime else value
