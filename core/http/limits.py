"""Rate limits, counted by address (IPv6 by /64) unless a view says otherwise."""

from __future__ import annotations

import time
from typing import Any

from flask import Flask
from flask_limiter import Limiter
from limits.storage import MemoryStorage

from core.config import Config
from core.errors import AudimaxError
from core.http.security import client_address

limiter = Limiter(key_func=client_address, strategy="fixed-window")
SWEEP_SECONDS = 5.0
# Of Redis; its client would wait for five, and ask again three times, with pauses.
ANSWER_SECONDS = 1.0


class SweptMemory(MemoryStorage):
    """The library's memory, swept every few seconds.

    Its own starts a thread and walks all keys at every count: with a thousand addresses that costs
    more than what is limited. The two names are the library's private ones; a test holds them.
    """

    STORAGE_SCHEME = ["swept"]  # noqa: RUF012  (declared so by the library)

    def __init__(self, uri: str | None = None, **more: Any) -> None:
        self._swept = time.monotonic()
        super().__init__(uri, **more)

    def _MemoryStorage__schedule_expiry(self) -> None:
        if time.monotonic() - self._swept > SWEEP_SECONDS:
            self._swept = time.monotonic()
            self._MemoryStorage__expire_events()  # type: ignore[attr-defined]


def init_app(app: Flask) -> None:
    """Count in the configured storage; without it PIN and log-in limits fall back to memory."""
    settings: Config = app.extensions["audimax_config"]
    in_memory = settings.rate_limit_storage.startswith("memory")
    app.config.update(
        RATELIMIT_STORAGE_URI="swept://" if in_memory else settings.rate_limit_storage,
        RATELIMIT_STORAGE_OPTIONS=_options(settings.rate_limit_storage),
        RATELIMIT_IN_MEMORY_FALLBACK_ENABLED=not in_memory,
        RATELIMIT_HEADERS_ENABLED=False,
        RATELIMIT_ENABLED=True,
    )
    limiter.init_app(app)


def _options(storage: str) -> dict[str, Any]:
    """How long a count may take: no request stands still because Redis does.

    A connection that Redis has closed meanwhile is made anew, once and at once.
    """
    if not storage.startswith(("redis://", "rediss://")):
        return {}
    try:
        from redis.backoff import NoBackoff
        from redis.retry import Retry
    except ImportError as error:
        words = "rate_limit_storage names Redis, whose client isn't installed: pip install 'audimax[redis]'"
        raise AudimaxError(words) from error
    return {
        "socket_connect_timeout": ANSWER_SECONDS,
        "socket_timeout": ANSWER_SECONDS,
        "retry": Retry(NoBackoff(), 1),
    }
