"""Which picture is shown when, and which of them are worth a frame: a still slide is hardly any."""

from __future__ import annotations

import math
from bisect import insort
from collections import Counter
from collections.abc import Callable, Iterator
from typing import NamedTuple

from plugins.recording.recorder.picture import Picture

# 15 frames a second at most; a little less than the distance, for sources aren't punctual either.
SHORTEST = 1 / 15 - 0.002
# A picture that stays is repeated so often, for players seek from frame to frame.
LONGEST = 2.5
# Seconds from key frame to key frame: what seeking costs, and how exact a cut is.
KEY_EVERY = 5.0
# While the next source has no picture yet the last one stays so long, rather than the card between two.
HOLD = 1.5
# One second of a camera. Who is slower than that can't show them all.
MOST_WAITING = 32
# The last pictures of so many sources are at hand when another is chosen.
MOST_SOURCES = 4


class Exposure(NamedTuple):
    """A frame to encode: at which second of the recording, and whether it must stand alone."""

    at: float
    picture: Picture
    is_key: bool


class _Event(NamedTuple):
    at: float
    order: int
    do: Callable[[float], None]


class _Shown(NamedTuple):
    """A picture and where it is from; the card is from nowhere."""

    source: str | None
    picture: Picture


class Film:
    """Is told what comes and what is to be shown; goes through it in the order of time.

    Times are seconds of the recording. ``card`` is shown when there is nothing else.
    """

    def __init__(self, card: Picture) -> None:
        self._card = card
        self._events: list[_Event] = []
        self._order = self._waiting = 0
        self._latest: dict[str, Picture] = {}
        self._forgotten: Counter[str] = Counter()
        self._choice: str | None = None
        self._held: _Shown | None = None
        self._held_until = 0.0
        self._exposed: _Shown | None = None
        self._exposed_at = self._key_at = -math.inf
        self._changed_at: float | None = 0.0
        self._must_be_key = True

    def see(self, source: str, picture: Picture, at: float) -> None:
        """A source's picture came. When they come faster than they are gone through, some are left out."""
        if self._waiting >= MOST_WAITING:
            return
        self._waiting += 1
        times = self._forgotten[source]

        def show(now: float) -> None:
            self._waiting -= 1
            if self._forgotten[source] == times:
                self._take(source, picture, now)

        self._plan(at, show)

    def choose(self, source: str | None, at: float) -> None:
        """From then on this source is shown; None: the card."""

        def choose(now: float) -> None:
            if source != self._choice:
                self._hold(now)
                self._choice = source
                self._change(now)

        self._plan(at, choose)

    def forget(self, source: str, at: float) -> None:
        """Nothing of this source is shown from now on, not even what has come already."""
        self._forgotten[source] += 1
        self._latest.pop(source, None)
        if self._held is not None and self._held.source == source:
            self._held = None
        if self._exposed is not None and self._exposed.source == source:
            self._exposed = _Shown(None, self._exposed.picture)
        self._change(at)

    def begin(self, at: float) -> None:
        """After a stop: the last picture stays until the next comes, the rest is forgotten."""
        for event in list(self._events):
            # Choices count, pictures don't.
            event.do(at)
        self._events.clear()
        self._latest.clear()
        self._held = None
        self._hold(at)
        self._must_be_key = True
        self._changed_at = at

    def until(self, horizon: float) -> Iterator[Exposure]:
        """All frames up to ``horizon`` that weren't given yet."""
        while True:
            ready = self._ready_at()
            event_at = self._events[0].at if self._events else math.inf
            if event_at <= min(ready, horizon):
                event = self._events.pop(0)
                event.do(event.at)
            elif ready <= horizon:
                yield from self._expose(ready)
            else:
                return

    def _plan(self, at: float, do: Callable[[float], None]) -> None:
        self._order += 1
        insort(self._events, _Event(at, self._order, do))

    def _take(self, source: str, picture: Picture, now: float) -> None:
        self._latest.pop(source, None)
        self._latest[source] = picture
        if len(self._latest) > MOST_SOURCES:
            self._latest.pop(next(one for one in self._latest if one != self._choice))
        if source == self._choice:
            self._held = None
            self._change(now)

    def _hold(self, now: float) -> None:
        if self._exposed is not None and self._exposed.source is not None:
            self._held, self._held_until = self._exposed, now + HOLD
            self._plan(now + HOLD, self._release)

    def _release(self, now: float) -> None:
        if self._held is not None and now >= self._held_until:
            self._held = None
            self._change(now)

    def _change(self, now: float) -> None:
        if self._changed_at is None:
            self._changed_at = now

    def _shown(self) -> _Shown:
        if self._choice is not None and self._choice in self._latest:
            return _Shown(self._choice, self._latest[self._choice])
        return self._held or _Shown(None, self._card)

    def _ready_at(self) -> float:
        if self._changed_at is None:
            return self._exposed_at + LONGEST
        if self._must_be_key:
            return self._changed_at
        return max(self._changed_at, self._exposed_at + SHORTEST)

    def _expose(self, now: float) -> Iterator[Exposure]:
        shown = self._shown()
        last, self._changed_at = self._exposed, None
        is_due = now >= self._exposed_at + LONGEST - 1e-9 or self._must_be_key
        if last is not None and not is_due and shown.picture.looks_like(last.picture):
            return
        is_key = self._must_be_key or now >= self._key_at + KEY_EVERY - 1e-9
        self._exposed, self._exposed_at, self._must_be_key = shown, now, False
        if is_key:
            self._key_at = now
        yield Exposure(now, shown.picture, is_key)
