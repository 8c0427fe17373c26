"""Rate limits, counted by address (IPv6 by /64) unless a view says otherwise."""

from __future__ import annotations

from flask import Flask
from flask_limiter import Limiter

from core.config import Config
from core.http.security import client_address

limiter = Limiter(key_func=client_address, strategy="fixed-window")


def init_app(app: Flask) -> None:
    """Count in the configured storage; without it PIN and log-in limits fall back to memory."""
    settings: Config = app.extensions["audimax_config"]
    app.config.update(
        RATELIMIT_STORAGE_URI=settings.rate_limit_storage,
        RATELIMIT_IN_MEMORY_FALLBACK_ENABLED=not settings.rate_limit_storage.startswith("memory"),
        RATELIMIT_HEADERS_ENABLED=False,
        RATELIMIT_ENABLED=True,
    )
    limiter.init_app(app)
