"""Agents are asked for at the real server, once, and not where it has no such room."""

from __future__ import annotations

import json
import logging
from types import SimpleNamespace
from typing import Any

import pytest

from core.errors import LiveKitDown
from core.livekit import agents
from core.livekit.client import LiveKit

LECTURE: Any = SimpleNamespace(public_id="algebra")
ERRAND = {"lecture": "algebra"}


def asked_for(server: LiveKit) -> list[tuple[str, Any]]:
    return [
        (one.agent_name, json.loads(one.metadata))
        for one in server.list_dispatch("algebra")
        if one.agent_name
    ]


def test_one_is_asked_for_in_place_of_those_before(server: LiveKit) -> None:
    server.create_room("algebra")
    assert agents.dispatch(LECTURE, "writer", ERRAND) and agents.dispatch(LECTURE, "painter", {})
    assert agents.dispatch(LECTURE, "writer", {**ERRAND, "again": "yes"})
    found = sorted(asked_for(server), key=lambda one: one[0])
    assert found == [("painter", {}), ("writer", {**ERRAND, "again": "yes"})]
    agents.dismiss(LECTURE, "writer", "nobody")
    assert asked_for(server) == [("painter", {})]


def test_where_nobody_is_nobody_is_asked_for_and_no_alarm_is_raised(
    server: LiveKit,
    caplog: pytest.LogCaptureFixture,
) -> None:
    with caplog.at_level(logging.INFO):
        assert agents.dispatch(LECTURE, "writer", ERRAND) is False
    assert {(one.name, one.levelname) for one in caplog.records if "asked for" in one.message} == {
        ("core.livekit.agents", "INFO")
    }


def test_a_livekit_that_is_down_is_told(
    server: LiveKit,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fail(*_about: Any) -> None:
        raise LiveKitDown("LiveKit can't be reached")

    monkeypatch.setattr(server, "list_dispatch", fail)
    assert agents.dispatch(LECTURE, "writer", ERRAND) is False
    agents.dismiss(LECTURE, "writer", "nobody")
    assert [one.levelname for one in caplog.records if "LiveKit can't be reached" in one.message] == [
        "WARNING",
        "WARNING",
    ]
