"""What a worker counts while it works. Labels are few: routes, never addresses; plugins, never people."""

from __future__ import annotations

from typing import Any

from flask import Flask
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

registry = CollectorRegistry()
METHODS = frozenset({"GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE"})
NOWHERE = "(none)"
BUCKETS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
DIRECTIVES = frozenset(
    f"{kind}-src{part}"
    for kind in ("script", "style", "img", "font", "media", "connect", "frame", "worker", "default")
    for part in ("", "-elem", "-attr")
) | {"form-action", "base-uri", "frame-ancestors"}
STREAMS = {"waiting": "audimax_halls", "hosts": "audimax_sockets", "lecture": "audimax_lecture_streams"}

_requests = Histogram(
    "audimax_http_request_seconds",
    "Time to the answer, of streams to their beginning",
    ("route", "method", "status"),
    buckets=BUCKETS,
    registry=registry,
)
_joins = Counter("audimax_joins", "Joins by what was answered", ("answer",), registry=registry)
_gate = Counter(
    "audimax_gate_answers", "Connects at LiveKit's gate by answer", ("status",), registry=registry
)
_hooks = Counter("audimax_hook_errors", "Failed hooks of plugins", ("plugin", "hook"), registry=registry)
_forbidden = Counter(
    "audimax_csp_reports", "What browsers were forbidden, by directive", ("directive",), registry=registry
)
_errors = Counter("audimax_errors_logged", "Lines of level ERROR", registry=registry)
_streams = Gauge(
    "audimax_streams_open", "Open streams", ("kind",), registry=registry, multiprocess_mode="livesum"
)


def request(route: str | None, method: str, status: int, seconds: float) -> None:
    """A request was answered; ``route`` is the template, None where nothing is served."""
    known = method if method in METHODS else "other"
    _requests.labels(route or NOWHERE, known, f"{status // 100}xx").observe(seconds)


def join(answer: str) -> None:
    """Somebody asked to enter: admitted, waiting, asked or denied."""
    _joins.labels(answer).inc()


def gate(status: int) -> None:
    """Somebody connected to LiveKit's signalling, or was refused."""
    _gate.labels(str(status)).inc()


def hook_error(plugin: str, hook: str) -> None:
    """A plugin failed."""
    _hooks.labels(plugin, hook).inc()


def forbidden(directive: str) -> None:
    """A browser told that the content policy forbade something."""
    _forbidden.labels(directive if directive in DIRECTIVES else "other").inc()


def error() -> None:
    """An error was written down."""
    _errors.inc()


def note_streams(app: Flask) -> None:
    """How many streams this worker holds now."""
    for kind, name in STREAMS.items():
        _streams.labels(kind).set(_count(app.extensions[name]))


def _count(streams: Any) -> int:
    if hasattr(streams, "count"):
        return int(streams.count())
    return sum(map(len, list(streams.open.values())))
