"""What Prometheus reads."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import cast

from flask import Flask, current_app
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.multiprocess import MultiProcessCollector

from core.health import checks
from core.metrics import counts
from core.metrics.stock import Stock
from core.metrics.workers import VARIABLE


def init_app(app: Flask) -> None:
    """Give the app its figures."""
    app.extensions["audimax_stock"] = Stock()


def text() -> bytes:
    """All figures, of all workers of this machine."""
    app = current_app._get_current_object()  # type: ignore[attr-defined]
    counts.note_streams(app)
    return _counted() + generate_latest(_Known())


def _counted() -> bytes:
    if VARIABLE not in os.environ:
        return generate_latest(counts.registry)
    gathered = CollectorRegistry()
    MultiProcessCollector(gathered)
    return generate_latest(gathered)


class _Known:
    """The database's figures, and what was found when it was last looked."""

    def collect(self) -> Iterable[Metric]:
        yield from cast(Stock, current_app.extensions["audimax_stock"]).collect()
        yield _checks()


def _checks() -> Metric:
    made = GaugeMetricFamily("audimax_check_up", "Whether what /readyz looks at works", labels=["check"])
    for seen in checks.look():
        made.add_metric([seen.name], 1 if seen.is_good else 0)
    return made
