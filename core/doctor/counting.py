"""Where tries are counted: in memory by one worker, in Redis by several together."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from typing import Any

from core.doctor.findings import Finding, bad, good, warning
from core.doctor.looking import Patient

SECONDS = 3.0
FORGETS_NOTHING = "noeviction"
CHECKS: Mapping[str, str] = {
    "limits": "several workers don't count apart from each other",
    "Redis": "`rate_limit_storage` answers, takes our password, and forgets no count when its memory is full",
}


def look(patient: Patient) -> Iterator[Finding]:
    url = patient.config.rate_limit_storage
    if url.startswith("memory"):
        yield from _in_memory(patient)
    elif url.startswith(("redis://", "rediss://", "unix://")):
        yield _redis(url)


def _in_memory(patient: Patient) -> Iterator[Finding]:
    workers = int(os.environ.get("AUDIMAX_WEB_WORKERS") or 1)
    if patient.is_in_earnest and workers > 1:
        said = f"{workers} workers count apart from each other"
        yield warning("limits", said, "set rate_limit_storage to redis://…")


def _redis(url: str) -> Finding:
    try:
        import redis
    except ImportError:
        return bad("Redis", "the package redis isn't installed", "pip install 'audimax[redis]'")
    try:
        with redis.Redis.from_url(url, socket_connect_timeout=SECONDS, socket_timeout=SECONDS) as client:
            return _judged(client.info())
    except redis.AuthenticationError:
        return bad("Redis", "it refuses our password", "correct the password in rate_limit_storage")
    except (redis.RedisError, ValueError) as error:
        remedy = "start Redis, or correct rate_limit_storage; until then each worker counts alone"
        return bad("Redis", f"it can't be asked: {error}", remedy)


def _judged(info: Mapping[str, Any]) -> Finding:
    version, policy = info.get("redis_version", "?"), str(info.get("maxmemory_policy", FORGETS_NOTHING))
    if policy != FORGETS_NOTHING:
        remedy = "set maxmemory-policy noeviction: who guesses passwords could have the counts thrown out"
        return warning("Redis", f"{version} answers, but forgets when it is full ({policy})", remedy)
    return good("Redis", f"{version} answers, and forgets no count")
