"""The drill's judgement: what was acknowledged must be found, and everything goes on in time."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from bench.drill import report
from bench.drill.__main__ import FAULTS, Outcome
from bench.drill.people import Journal
from bench.drill.report import KINDS, Told

IN_TIME = dict.fromkeys(KINDS, 1.0)
BY_NAME = {fault.name: fault for fault in FAULTS}


def journal(*words: str) -> Journal:
    made = Journal()
    for word in words:
        for where in (made.sent, made.acknowledged, made.seen):
            Journal.note(where, word)
    return made


def lecture(lost: dict[str, list[str]] | None = None, doubled: list[str] | None = None) -> Any:
    """A lecture that is over, as far as the report knows of it."""
    nothing: dict[str, list[str]] = {kind: [] for kind in ("chat", "captions", "files", "decisions")}
    person = SimpleNamespace(refused=["POST /chat/messages 503", "POST /chat/messages 503"])
    return SimpleNamespace(
        lines=journal("one", "two"),
        captions=journal("word"),
        files=journal("notes.txt"),
        decisions=journal("Guest 1"),
        ada=person,
        kay=person,
        sharer=person,
        lost=lambda: nothing | (lost or {}),
        doubled=lambda: doubled or [],
    )


def told(*outcomes: Outcome, **about: Any) -> Told:
    return Told(list(outcomes), lecture(**about), [])


def test_a_drill_in_which_all_is_well_has_no_failures() -> None:
    made = told(Outcome(BY_NAME["Redis"], recovered=IN_TIME, meanwhile={"chat": 0.2}))
    assert made.failures == []
    assert made.figures["drill_recovery_max_s"] == 1
    assert made.figures["drill_lost"] == 0
    assert made.counts["chat"] == {"sent": 2, "acknowledged": 2, "found": 2}


def test_a_line_that_was_acknowledged_and_is_not_there_is_lost() -> None:
    made = told(lost={"chat": ["two"]})
    assert made.figures["drill_lost"] == 1
    assert made.counts["chat"]["found"] == 1
    assert made.failures == ["chat: 1 lost, as two"]


def test_a_line_that_stands_there_twice_is_a_failure() -> None:
    assert told(doubled=["one"]).failures == ["the line 'one' stands there twice"]


@pytest.mark.parametrize("took", [5.5, -1])
def test_what_goes_on_too_late_or_never_is_a_failure(took: float) -> None:
    made = told(Outcome(BY_NAME["PostgreSQL"], recovered={**IN_TIME, "decision": took}))
    assert len(made.failures) == 1
    assert made.figures["drill_recovery_max_s"] > report.MOST_RECOVERY
    assert json.loads(json.dumps(made.data))["figures"]["drill_recovery_max_s"] == took


def test_media_have_ten_seconds_after_livekit_and_only_then() -> None:
    late = {**IN_TIME, "media": 8.0}
    made = told(Outcome(BY_NAME["LiveKit"], recovered=late))
    assert made.failures == []
    assert made.figures["drill_media_s"] == 8
    assert told(Outcome(BY_NAME["gate"], recovered=late)).failures
    assert told(Outcome(BY_NAME["LiveKit"], recovered={**IN_TIME, "media": 11.0})).failures


def test_what_should_go_on_without_a_part_and_does_not_is_a_failure() -> None:
    made = told(Outcome(BY_NAME["Redis"], recovered=IN_TIME, meanwhile={"sign-in": -1}))
    assert made.failures == ["Redis: sign-in doesn't go on without it"]


def test_the_report_has_a_row_for_each_part_and_its_figures(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(report, "FOLDER", tmp_path)
    made = told(*(Outcome(fault, 3.0, 9.0, recovered=IN_TIME) for fault in FAULTS))
    made.write(whole=True)
    words = (tmp_path / "drill.md").read_text("utf-8")
    for fault in FAULTS:
        assert f"| **{fault.name}**, {fault.what} | 3 s | 9 s | 1.0 |" in words
    data = json.loads((tmp_path / "drill.json").read_text("utf-8"))
    assert [one["killed"] for one in data["faults"]] == [fault.name for fault in FAULTS]
    assert data["refused"]["Ada"] == {"POST /chat/messages 503": 2}


def test_the_drill_kills_every_part_of_a_large_installation() -> None:
    killed = {fault.part for fault in FAULTS}
    assert killed == {"web-a", "jobs", "agent", "gate", "redis", "pgbouncer", "postgres", "livekit"}
