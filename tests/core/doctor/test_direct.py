"""A LiveKit by address and key alone: without the gate, without webhooks."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

import pytest
from flask import Flask

from core.config import Config, load
from core.doctor import gate, livekit
from core.doctor.findings import Finding
from core.doctor.looking import Patient
from tests.fixtures.livekit import MediaServer


@pytest.fixture
def direct(hosted_server: MediaServer, settings: dict[str, Any]) -> Config:
    """Settings for a LiveKit without gate and webhooks."""
    del settings["livekit_url"]
    return load({**settings, "gated": False, "livekit_api_url": hosted_server.url}, {"AUDIMAX_CONFIG": ""})


def found(findings: Iterable[Finding]) -> dict[str, tuple[str, str]]:
    return {one.check: (one.state, one.said) for one in findings}


def test_without_the_gate_nothing_is_bad_and_everything_is_said(
    direct: Config, make_app: Callable[..., Flask], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(livekit, "WEBHOOK_SECONDS", 0.5)
    app = make_app(gated=False, livekit_api_url=direct.livekit_api_url)
    with app.app_context():
        said = found([*livekit.look(Patient(direct, app)), *gate.look(Patient(direct))])
    assert said["gate"] == ("warning", "switched off: a removed person is out within seconds, not at once")
    assert said["webhooks"][0] == "warning" and "seen by looking, within seconds" in said["webhooks"][1]
    assert said["rooms"][0] == "warning" and "closed within seconds" in said["rooms"][1]
    assert said["media address"] == ("good", f"{direct.livekit_url} answers and takes our key")


def test_an_address_that_browsers_cannot_use_is_named(direct: Config) -> None:
    plain = replace(direct, public_url="https://hall.uni.example")
    assert "isn't encrypted" in found(gate.look(Patient(plain)))["media address"][1]
    nowhere = replace(direct, livekit_url="ws://127.0.0.1:9")
    assert found(gate.look(Patient(nowhere)))["media address"][0] == "bad"
