"""Tries that are taken before the work and given back when it succeeds.

A limiter that only counts failures afterwards lets parallel wrong ones through.
"""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import TypeVar
from weakref import WeakKeyDictionary

from flask_babel import gettext as _
from flask_babel import ngettext
from limits import RateLimitItem, parse
from limits.storage import Storage
from limits.strategies import MovingWindowRateLimiter, RateLimiter

from core.errors import Refusal
from core.http.limits import SweptMemory, limiter

T = TypeVar("T")
log = logging.getLogger(__name__)
# Counts on while the shared storage is away: weaker with several workers, but never open.
_fallback = MovingWindowRateLimiter(SweptMemory())
# A storage that didn't answer is left alone for so long: everybody would wait for it in turn.
AWAY_SECONDS = 2.0
_away_until: WeakKeyDictionary[Storage, float] = WeakKeyDictionary()


@dataclass(frozen=True)
class Tries:
    """How often something may be tried, in flask-limiter's words: ``10 per 15 minute``."""

    name: str
    limit: str

    @cached_property
    def item(self) -> RateLimitItem:
        return parse(self.limit)

    def take(self, *who: str) -> None:
        """Count a try of ``who``; a ``Refusal`` with words when none is left."""
        if not _counted(lambda by: by.hit(self.item, self.name, *who)):
            self._refuse(who)

    def check(self, *who: str) -> None:
        """A ``Refusal`` when none is left; counts nothing. For look-ups, of which only misses count."""
        if not _counted(lambda by: by.test(self.item, self.name, *who)):
            self._refuse(who)

    def give_back(self, *who: str) -> None:
        """It succeeded: forget the tries of ``who``."""
        _counted(lambda by: by.clear(self.item, self.name, *who))

    def _refuse(self, who: tuple[str, ...]) -> None:
        reset = _counted(lambda by: by.get_window_stats(self.item, self.name, *who).reset_time)
        raise refusal(max(1, math.ceil(reset - time.time())))


def refusal(seconds: int) -> Refusal:
    """Too many tries, and when to come back."""
    minutes = math.ceil(seconds / 60)
    when = ngettext("in a minute", "in %(num)s minutes", minutes)
    return Refusal(429, _("Too many tries. Please try again %(when)s.", when=when), code="too_many",
                   retry_after=seconds)  # fmt: skip


def _counted(work: Callable[[RateLimiter], T]) -> T:
    shared = limiter.limiter
    if time.monotonic() < _away_until.get(shared.storage, 0.0):
        return work(_fallback)
    try:
        return work(shared)
    except Exception as error:
        # The storage's client may raise anything when its server is away.
        _away_until[shared.storage] = time.monotonic() + AWAY_SECONDS
        log.warning("tries are counted in memory: %s", type(error).__name__)
        return work(_fallback)
