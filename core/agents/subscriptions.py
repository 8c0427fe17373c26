"""What is asked for in a room, and asked for again: a request is lost while a connection is repaired."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from typing import Protocol

# LiveKit has sent the track long before, where it heard the request.
AGAIN_SECONDS = 3.0


class Publication(Protocol):
    """What is needed of LiveKit's ``RemoteTrackPublication``."""

    @property
    def sid(self) -> str: ...

    @property
    def track(self) -> object | None: ...

    def set_subscribed(self, subscribed: bool) -> None: ...


class Subscriptions:
    """Asks for the tracks that are wanted, and only for those; to be told of every change, and now and then.

    ``clock``: seconds that only grow.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        # When each was asked for; None where that may have been lost.
        self._asked: dict[str, float | None] = {}

    def want(self, wanted: Mapping[str, Publication], there: Iterable[Publication]) -> None:
        """Have these, by their SIDs, out of all that are ``there``."""
        now = self._clock()
        for sid, publication in wanted.items():
            asked = self._asked.get(sid)
            if asked is None or (publication.track is None and asked <= now - AGAIN_SECONDS):
                publication.set_subscribed(True)
                self._asked[sid] = now
        gone = self._asked.keys() - wanted.keys()
        for publication in there:
            if publication.sid in gone:
                publication.set_subscribed(False)
        for sid in gone:
            del self._asked[sid]

    def reconnected(self) -> None:
        """The connection may be another, which knows nothing of what was asked for before."""
        self._asked = dict.fromkeys(self._asked)
