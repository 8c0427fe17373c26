"""What went wrong at a provider, in one of our words."""

from __future__ import annotations

import re

from livekit.agents import APIConnectionError, APIError, APIStatusError, APITimeoutError

from plugins.ai_assistant.agent.speech import Code, Trouble

BY_STATUS: dict[int, Code] = {401: "bad_key", 402: "no_credit", 403: "bad_key", 429: "too_many"}
# OpenAI says "too many" of both.
OUT_OF_MONEY = ("insufficient_quota", "billing")
LOOKS_SECRET = re.compile(r"\b(sk|key|token)[-_][\w*.-]{4,}|[\w*-]{32,}", re.IGNORECASE)


def trouble(error: BaseException, name: str, key: str = "") -> Trouble:
    """The trouble that an error of ``livekit.agents`` means at the provider of that name."""
    if isinstance(error, Trouble):
        return error
    if isinstance(error, APIStatusError):
        return _of_status(error, name, key)
    if isinstance(error, APITimeoutError | TimeoutError):
        return Trouble("provider_down", f"{name} takes too long to answer")
    if isinstance(error, APIConnectionError | APIError | OSError):
        return Trouble("provider_down", f"{name} can't be reached, or the connection was cut")
    return Trouble("unknown", f"{name}: {type(error).__name__}")


def _of_status(error: APIStatusError, name: str, key: str) -> Trouble:
    status = error.status_code
    if status == 429 and any(sign in f"{error.body} {error.message}" for sign in OUT_OF_MONEY):
        return Trouble("no_credit", f"{name} answered 429: the quota is used up")
    if status in BY_STATUS:
        return Trouble(BY_STATUS[status], f"{name} answered {status}")
    if 400 <= status < 500 and status != 408:
        return Trouble("unknown", f"{name} answered {status}: {_clean(error.message, key)}")
    how = f"answered {status}" if 500 <= status < 600 else "cut the connection"
    return Trouble("provider_down", f"{name} {how}")


def _clean(words: str, key: str) -> str:
    if key:
        words = words.replace(key, "…")
    return LOOKS_SECRET.sub("…", words)[:200]
