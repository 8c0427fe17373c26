"""How something that plugins use goes away: it works for a release, warns, and is gone in the next.

Whoever still uses it reads so in their tests (``PluginDeprecation``), administrators in the log.
"""

from __future__ import annotations

import functools
import inspect
import logging
import sys
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

log = logging.getLogger(__name__)
T = TypeVar("T", bound=Callable[..., Any])


class PluginDeprecation(DeprecationWarning):
    """Something that a plugin uses will be gone; the text says when, and what to use."""


@dataclass(frozen=True)
class Leaving:
    """``name`` is deprecated since one version, gone in another; ``instead`` is what to use."""

    name: str
    since: str
    gone_in: str
    instead: str

    def __str__(self) -> str:
        return f"{self.name} is deprecated since {self.since} and gone in {self.gone_in}: use {self.instead}"


# Everything that is on its way out; a test fails when something has outstayed its time.
LEAVING: dict[str, Leaving] = {}


def deprecated(*, since: str, gone_in: str, instead: str, name: str = "") -> Callable[[T], T]:
    """Mark a function that goes away; calling it warns, with the place of the call.

    Its docstring says so too, and with it the reference. A class or a constant gets a new name instead
    (``renamed``), an argument of a hook or a whole hook is named in its ``hookspec``.
    """

    def mark(thing: T) -> T:
        leaving = announce(name or thing.__name__, since=since, gone_in=gone_in, instead=instead)

        @functools.wraps(thing)
        def warned(*args: Any, **given: Any) -> Any:
            warn(leaving)
            return thing(*args, **given)

        warned.__deprecated__ = str(leaving)  # type: ignore[attr-defined]
        doc = inspect.cleandoc(thing.__doc__ or "")
        warned.__doc__ = f"{doc}\n\nDeprecated since {since}, gone in {gone_in}: use {instead}.".strip()
        return warned  # type: ignore[return-value]

    return mark


def announce(name: str, *, since: str, gone_in: str, instead: str) -> Leaving:
    """Write down that something goes away."""
    LEAVING[name] = made = Leaving(name, since, gone_in, instead)
    return made


def renamed(name: str, module: str, names: Mapping[str, str], known: Mapping[str, Any]) -> Any:
    """For a module's ``__getattr__``: the new thing of an old name, with a warning.

    ``names`` gives the new name for each old one that was announced as ``<module>.<name>``.
    """
    if name not in names:
        raise AttributeError(f"module {module!r} has no attribute {name!r}")
    warn(LEAVING[f"{module}.{name}"], depth=3)
    return known[names[name]]


def warn(leaving: Leaving, depth: int = 2) -> None:
    """Warn whoever has called, ``depth`` calls up; the log names the module once in each process."""
    warnings.warn(str(leaving), PluginDeprecation, stacklevel=depth + 1)
    _note(_caller(depth + 1), str(leaving))


def warn_of(function: Callable[..., Any], leaving: Leaving) -> None:
    """Warn whoever wrote that function; it isn't called."""
    code = inspect.unwrap(function).__code__
    warnings.warn_explicit(str(leaving), PluginDeprecation, code.co_filename, code.co_firstlineno)
    _note(function.__module__, str(leaving))


@functools.lru_cache(maxsize=1000)
def _note(module: str, words: str) -> None:
    log.warning("%s: %s", module, words)


def _caller(depth: int) -> str:
    frame = sys._getframe(depth)
    while frame.f_back is not None and frame.f_globals.get("__name__", "").startswith("importlib."):
        frame = frame.f_back
    return str(frame.f_globals.get("__name__", ""))
