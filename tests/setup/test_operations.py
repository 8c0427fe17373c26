"""Dashboard and alerts ask for figures that are there."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from flask.testing import FlaskClient
from prometheus_client.parser import text_string_to_metric_families

ROOT = Path(__file__).resolve().parents[2]
BOARD = json.loads((ROOT / "deploy/grafana/audimax.json").read_text("utf-8"))
RULES = yaml.safe_load((ROOT / "deploy/prometheus/audimax.rules.yml").read_text("utf-8"))
GUIDE = (ROOT / "docs/operations.md").read_text("utf-8")
NAME = re.compile(r"\baudimax_[a-z_]+")
SUFFIXES = ("_total", "_bucket", "_count", "_sum", "_info")


def names_and_labels(client: FlaskClient) -> dict[str, set[str]]:
    text = client.get("/metrics").text
    found: dict[str, set[str]] = {}
    for family in text_string_to_metric_families(text):
        # One that hasn't counted yet has a family only.
        whole = f"{family.name}_total" if family.type == "counter" else family.name
        for name in (family.name, whole):
            found.setdefault(name, set())
        for sample in family.samples:
            found.setdefault(sample.name, set()).update(sample.labels)
    return found


def panels() -> list[dict[str, Any]]:
    return list(BOARD["panels"])


def alerts() -> list[dict[str, Any]]:
    return [rule for group in RULES["groups"] for rule in group["rules"]]


def expressions() -> Iterator[str]:
    for panel in panels():
        yield from (target["expr"] for target in panel.get("targets", ()))
    yield from (rule["expr"] for rule in alerts())


def test_every_figure_that_is_asked_for_is_told(client: FlaskClient) -> None:
    client.get("/sign-in")
    told = names_and_labels(client)
    for expression in expressions():
        named = NAME.findall(expression)
        assert named or "up{" in expression, expression
        assert set(named) <= set(told), expression


def test_every_figure_is_in_the_guide_and_on_the_dashboard(client: FlaskClient) -> None:
    families = {family.name for family in text_string_to_metric_families(client.get("/metrics").text)}
    shown = " ".join(expressions())
    for name in families:
        if not name.endswith("_created"):
            assert f"`{name}" in GUIDE, name
            assert name in shown, name


def test_labels_that_are_asked_for_are_those_of_the_code(client: FlaskClient) -> None:
    known = {"le", "job", "instance", "version", "route", "method", "status", "answer", "plugin", "hook", "kind",
             "task", "state", "storage", "check", "directive"}  # fmt: skip
    for expression in expressions():
        grouped = re.findall(r"\bby \(([^)]*)\)", expression)
        matched = re.findall(r"[{,]\s*([a-z_]+)\s*[=!]", expression)
        for label in [*matched, *(part.strip() for group in grouped for part in group.split(","))]:
            assert label in known, f"{label}: {expression}"


@pytest.mark.parametrize("expression", sorted(set(expressions())))
def test_brackets_of_an_expression_close(expression: str) -> None:
    waiting: list[str] = []
    for letter in re.sub(r'"[^"]*"', '""', expression):
        if letter in "([{":
            waiting.append({"(": ")", "[": "]", "{": "}"}[letter])
        elif letter in ")]}":
            assert waiting
            assert waiting.pop() == letter
    assert not waiting


def test_the_dashboard_is_one_that_grafana_takes() -> None:
    assert BOARD["uid"] == "audimax" and BOARD["schemaVersion"] >= 36 and BOARD["title"]
    ids = [panel["id"] for panel in panels()]
    assert len(ids) == len(set(ids))
    assert [one["type"] for one in BOARD["templating"]["list"]] == ["datasource"]
    taken: set[tuple[int, int]] = set()
    for panel in panels():
        place = panel["gridPos"]
        assert place["x"] + place["w"] <= 24 and panel["title"]
        cells = {(x, y) for x in range(place["x"], place["x"] + place["w"])
                 for y in range(place["y"], place["y"] + place["h"])}  # fmt: skip
        assert not cells & taken, f"{panel['title']} lies on another one"
        taken |= cells
        assert panel["type"] == "row" or all(target["refId"] for target in panel["targets"])


def test_every_alert_says_how_bad_it_is_and_the_guide_what_to_do() -> None:
    for rule in alerts():
        assert rule["labels"]["severity"] in ("page", "ticket") and rule["annotations"]["summary"]
        assert f"`{rule['alert']}`" in GUIDE
    assert set(re.findall(r"`(Audimax[A-Z]\w+)`", GUIDE)) == {rule["alert"] for rule in alerts()}
