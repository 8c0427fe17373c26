"""What plugins have looked at is told like the rest; a check that fails or hangs stops nothing."""

from __future__ import annotations

import threading

from core.contracts import HealthCheck
from core.doctor import plugins as doctor


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
