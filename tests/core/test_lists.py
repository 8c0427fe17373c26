"""Long lists, gone through to the end and back."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask
from hypothesis import given
from hypothesis import strategies as st

from core.db import now
from core.lists import Order
from core.people.models import User

ALIKE = ["Ada", "ada", "Bob", "Bob", "Émilie", "Zoë", "张伟"]


@pytest.fixture
def people(app: Flask, make_user: Any) -> list[int]:
    with app.app_context():
        came = now()
    return [make_user(name=name, created_at=came - timedelta(hours=n // 2)) for n, name in enumerate(ALIKE)]


def walk(order: Order, way: str, start: dict[str, str]) -> list[int]:
    found: list[int] = []
    place = start
    while True:
        part = order.part(sa.select(User.id), place, size=2)
        rows = [row[0] for row in part.items]
        found = found + rows if way == "later" else rows + found
        if not (on := getattr(part, way)):
            return found
        place = {"after": on} if way == "later" else {"before": on}


@pytest.mark.parametrize("down", [False, True])
@pytest.mark.parametrize(
    "columns", [(sa.func.lower(User.name, type_=sa.Text), User.id), (User.created_at, User.id)]
)
def test_every_row_comes_once_there_and_back(
    app: Flask, people: list[int], columns: tuple[Any, ...], down: bool
) -> None:
    order = Order(*columns, down=down)
    with app.app_context():
        there = walk(order, "later", {})
        assert sorted(there) == sorted(people)
        at_the_end = order.part(sa.select(User.id), {}, size=6)
        back = walk(order, "earlier", {"before": at_the_end.later})
        assert back == there[:5]


def test_all_of_them_on_one_part_lead_nowhere(app: Flask, people: list[int]) -> None:
    with app.app_context():
        part = Order(User.id).part(sa.select(User.id), {})
    assert (len(part.items), part.earlier, part.later) == (len(ALIKE), "", "")


@pytest.mark.parametrize(
    "place", ["x", "W10", "WyJhIl0", "WyIxIiwgMl0", "bnVsbA", "%00", "WzEuNSwgMl0", "A" * 5000]
)
def test_a_place_that_nobody_gave_out_is_the_first(app: Flask, people: list[int], place: str) -> None:
    with app.app_context():
        part = Order(sa.func.lower(User.name, type_=sa.Text), User.id).part(
            sa.select(User.id), {"after": place}
        )
        assert len(part.items) == len(ALIKE)
        part = Order(User.created_at, User.id).part(sa.select(User.id), {"before": place})
        assert len(part.items) == len(ALIKE)


@given(st.text(max_size=700))
def test_whatever_is_typed_as_a_place_is_read_or_not(place: str) -> None:
    order = Order(User.created_at, sa.func.lower(User.name, type_=sa.Text), User.id)
    assert order._read(place) is None or len(order._read(place) or []) == 3


def test_a_column_without_a_type_is_refused() -> None:
    with pytest.raises(TypeError, match="type_"):
        Order(sa.func.something(User.name))
