"""The plan of what a machine carries: its numbers are those that were measured last."""

from __future__ import annotations

import copy
import json
import re

import pytest

from bench import figures
from docs.capacity import PAGE, Plan, page, read

MEASURED = json.loads(figures.LATEST.read_text("utf-8"))
TOLD = re.compile(r"([\d.,]+) (?:\S+ )?\(`([a-z0-9_]+)`\)")
NAMED = re.compile(r"`([a-z0-9_]+)`")


def test_the_page_is_that_of_the_figures() -> None:
    assert PAGE.read_text("utf-8") == page(read()), "run `python -m docs.capacity`"


def test_every_figure_that_is_named_was_measured_and_has_that_number() -> None:
    known = {row["name"]: row["value"] for row in MEASURED["figures"]}
    text = PAGE.read_text("utf-8")
    told = TOLD.findall(text)
    assert len(told) > 15
    assert [name for _number, name in told] == [n for n in NAMED.findall(text) if n in figures.FIGURES]
    for number, name in told:
        assert float(number.replace(",", "")) == pytest.approx(known[name]), name


def test_what_costs_twice_as_much_needs_twice_as_many_cores() -> None:
    dearer = copy.deepcopy(MEASURED)
    for row in dearer["figures"]:
        row["value"] *= 2 if row["name"].endswith("_cpu_ms") else 1
    assert Plan(dearer).both_cores > 1.5 * read().both_cores
    assert page(Plan(dearer)) != page(read())


def test_a_figure_that_is_missing_is_named() -> None:
    poorer = {**MEASURED, "figures": [row for row in MEASURED["figures"] if row["name"] != "join_cpu_ms"]}
    with pytest.raises(KeyError, match="join_cpu_ms"):
        page(Plan(poorer))


def test_the_plan_of_streams_is_that_of_the_setting() -> None:
    assert f"{read().streams:,} streams by default" in PAGE.read_text("utf-8").replace("\n", " ")
