"""Every error that core raises on purpose: who, what, what to do."""

from __future__ import annotations

from typing import Any


class AudimaxError(Exception):
    """Parent of all below; its text can be shown to an admin as it is."""


class ConfigError(AudimaxError):
    """Settings that don't work. The text names every mistake and its remedy."""


class PluginError(AudimaxError):
    """A plugin is missing, malformed or broke a promise. Always names the plugin."""

    def __init__(self, plugin: str, problem: str, remedy: str = "") -> None:
        super().__init__(f"plugin {plugin!r}: {problem}" + (f"; {remedy}" if remedy else ""))
        self.plugin, self.problem, self.remedy = plugin, problem, remedy


class Refusal(AudimaxError):
    """A request that is answered with a problem document (RFC 9457) or an error page.

    ``detail`` is shown to people: what happened and what to do next, translated.
    """

    def __init__(
        self,
        status: int,
        detail: str,
        *,
        code: str = "",
        retry_after: int | None = None,
        errors: list[dict[str, Any]] | None = None,
        **extra: Any,
    ) -> None:
        super().__init__(detail)
        self.status, self.detail, self.code = status, detail, code
        self.retry_after, self.errors, self.extra = retry_after, errors, extra


class LiveKitDown(AudimaxError):
    """LiveKit can't be reached, timed out or answered 5xx: try again later.

    ``code`` is its Twirp code, if it answered with one.
    """

    def __init__(self, words: str, code: str = "") -> None:
        super().__init__(words)
        self.code = code


class LiveKitError(AudimaxError):
    """LiveKit refused a call; ``code`` is its Twirp code, e.g. ``not_found``."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(f"LiveKit: {code}: {message}")
        self.code = code


class EgressBusy(AudimaxError):
    """No LiveKit Egress is free, or none runs: LiveKit has asked all of them."""


class StorageDown(AudimaxError):
    """A storage can't be reached, is full or refuses us: the text says which, and what an admin can do."""


class StorageFull(StorageDown):
    """A storage has no room left; an admin must make some."""


class DestinationDown(AudimaxError):
    """A place elsewhere can't be reached or takes nothing now: the text is for whoever exports."""


class ScannerDown(AudimaxError):
    """The virus scanner can't be reached, or couldn't look at all of a file, and what to do."""

    def __init__(self, problem: str, remedy: str) -> None:
        super().__init__(f"{problem}; {remedy}")
        self.problem, self.remedy = problem, remedy


class ContentChanged(AudimaxError):
    """What a storage keeps under a key isn't what it was when it was looked at."""
