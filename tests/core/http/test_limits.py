"""Counting in memory: cheap, and nothing is kept for longer than its window."""

from __future__ import annotations

import threading

from flask import Flask

from core.http import limits
from core.http.limits import SweptMemory, limiter


def test_the_app_counts_in_the_swept_memory(app: Flask) -> None:
    assert isinstance(limiter.storage, SweptMemory)


def test_counting_starts_no_thread_and_walks_no_keys(app: Flask) -> None:
    made = SweptMemory()
    made.timer.join()
    before = threading.active_count()
    for number in range(500):
        made.incr(f"key {number}", 60)
    assert threading.active_count() <= before
    assert made.get("key 1") == 1


def test_what_is_over_is_swept(monkeypatch) -> None:
    made = SweptMemory()
    made.incr("short", 0)
    made.incr("long", 600)
    monkeypatch.setattr(limits, "SWEEP_SECONDS", -1.0)
    made.incr("another", 600)
    assert set(made.storage) == {"long", "another"}
    assert made.get("short") == 0


def test_a_window_ends_by_itself() -> None:
    made = SweptMemory()
    made.incr("key", 0)
    assert made.incr("key", 60) == 1
