"""What plugins have looked at is told like the rest; a check that fails or hangs stops nothing."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

import pytest
from flask import Flask

from core import doctor
from core.config import Config, load
from core.contracts import HealthCheck
from tests.fixtures.livekit import MediaServer


def test_a_check_that_returns_is_well() -> None:
    assert doctor.of_plugin("files.disk", HealthCheck("disk", lambda: None)).text() == "✓ files.disk: works"


def test_a_check_that_raises_says_what_to_do() -> None:
    def fail() -> None:
        raise RuntimeError("the disk is full: make room")

    assert doctor.of_plugin("files.disk", HealthCheck("disk", fail)).text() == (
        "✗ files.disk: the disk is full: make room"
    )


def test_a_check_that_hangs_is_given_up() -> None:
    found = doctor.of_plugin("files.disk", HealthCheck("disk", threading.Event().wait, timeout=0.1))  # type: ignore[arg-type]
    assert found.is_bad and "took longer than 0.1 seconds" in found.said


@pytest.fixture
def direct(hosted_server: MediaServer, settings: dict[str, Any]) -> Config:
    """Settings for a LiveKit without gate and webhooks."""
    del settings["livekit_url"]
    return load({**settings, "gated": False, "livekit_api_url": hosted_server.url}, {"AUDIMAX_CONFIG": ""})


def found(findings: Iterable[doctor.Finding]) -> dict[str, tuple[str, str]]:
    return {one.check: (one.state, one.said) for one in findings}


def test_without_the_gate_nothing_is_bad_and_everything_is_said(
    direct: Config, make_app: Callable[..., Flask], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(doctor, "WEBHOOK_SECONDS", 0.5)
    app = make_app(gated=False, livekit_api_url=direct.livekit_api_url)
    said = found([*doctor._livekit(direct, app), *doctor._gate(direct)])
    assert said["gate"] == ("warning", "switched off: a removed person is out within seconds, not at once")
    assert said["webhooks"][0] == "warning" and "seen by looking, within seconds" in said["webhooks"][1]
    assert said["rooms"][0] == "warning" and "closed within seconds" in said["rooms"][1]
    assert said["media address"] == ("good", f"{direct.livekit_url} answers and takes our key")


def test_an_address_that_browsers_cannot_use_is_named(direct: Config) -> None:
    plain = replace(direct, public_url="https://hall.uni.example")
    assert "isn't encrypted" in found(doctor._gate(plain))["media address"][1]
    nowhere = replace(direct, livekit_url="ws://127.0.0.1:9")
    assert found(doctor._gate(nowhere))["media address"][0] == "bad"
