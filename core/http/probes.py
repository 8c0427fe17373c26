"""Probes come by address (Kubernetes names a pod's), so their host isn't looked at, nor any cookie."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any
from urllib.parse import urlsplit

from flask import Flask

from core.config import Config

PATHS = frozenset({"/healthz", "/readyz", "/metrics"})
# For `audimax doctor`, which asks them at the public address and proves itself (core.health.echo).
ECHO, ECHO_STREAM, ECHO_BODY, ECHO_SOCKET = "/doctor", "/doctor/stream", "/doctor/body", "/ws/doctor"
FOR_DOCTOR = frozenset({ECHO, ECHO_STREAM, ECHO_BODY, ECHO_SOCKET})
App = Callable[[dict[str, Any], Any], Iterable[bytes]]


def init_app(app: Flask) -> None:
    """Stand before the app, whose first look is at the host."""
    settings: Config = app.extensions["audimax_config"]
    app.wsgi_app = _Probes(app.wsgi_app, urlsplit(settings.public_url).netloc)  # type: ignore[assignment, method-assign]


class _Probes:
    def __init__(self, app: App, host: str) -> None:
        self._app, self._host = app, host

    def __call__(self, environ: dict[str, Any], start: Any) -> Iterable[bytes]:
        if environ.get("PATH_INFO") in PATHS:
            environ["HTTP_HOST"] = self._host
            environ.pop("HTTP_COOKIE", None)
        return self._app(environ, start)
