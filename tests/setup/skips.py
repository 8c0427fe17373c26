"""With CI=true a skipped test is a failure: what CI doesn't run, nobody knows to work.

Tests marked ``optional`` need what can't be had everywhere; they may be skipped, and are listed.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import pytest

WORD = "skipped, and CI=true allows that for tests marked `optional` only"


def is_strict() -> bool:
    return os.environ.get("CI", "").lower() in ("true", "1")


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Iterator[None]:
    outcome: Any = yield
    report = outcome.get_result()
    may_skip = hasattr(report, "wasxfail") or item.get_closest_marker("optional") is not None
    if report.skipped and is_strict() and not may_skip:
        report.outcome, report.longrepr = "failed", f"{WORD}: {_reason(report)}"


@pytest.hookimpl(hookwrapper=True)
def pytest_make_collect_report(collector: pytest.Collector) -> Iterator[None]:
    outcome: Any = yield
    report = outcome.get_result()
    if report.outcome == "skipped" and is_strict():
        report.outcome, report.longrepr = "failed", f"{collector.nodeid} {WORD}: {_reason(report)}"


def _reason(report: Any) -> str:
    found = report.longrepr
    return str(found[2]) if isinstance(found, tuple) else str(found)


def pytest_terminal_summary(terminalreporter: Any) -> None:
    skipped = terminalreporter.stats.get("skipped", [])
    if skipped and is_strict():
        terminalreporter.section("optional, not run here")
        for report in skipped:
            terminalreporter.line(f"{report.nodeid}: {_reason(report)}")
