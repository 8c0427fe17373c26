"""How long sound and pictures have waited before they reach us: each track's buffer waits in its own way.

WebRTC holds sound back some 40 to 100 ms against the network's jitter, pictures hardly; tracks that
aren't published together aren't kept together. What it says about that wait brings them together again.
"""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any

from livekit import rtc

ANSWER_SECONDS = 2.0
# Sound that comes later is put where it came; the mixer's patience ends there.
LONGEST = 0.25
# A buffer that grows is followed slowly enough for the mixer to stretch rather than to jump.
STEP = 0.004
# By more than this sound would be seen to be late: then a jump is better.
TOO_FAR = 0.04


class Delay:
    """``seconds``: for how long what comes now has waited; measured again at each ``measure``."""

    def __init__(self, track: rtc.Track) -> None:
        self.seconds = 0.0
        self._track = track
        self._waited, self._count = 0.0, 0
        self._is_known = False

    async def measure(self) -> None:
        """Ask once more. A track that doesn't answer keeps what it has."""
        with contextlib.suppress(Exception):
            async with asyncio.timeout(ANSWER_SECONDS):
                stats = await self._track.get_stats()
            for inbound in _inbound(stats):
                self.take(inbound.jitter_buffer_delay, inbound.jitter_buffer_emitted_count)

    def take(self, waited: float, count: int) -> None:
        """``waited``: seconds that ``count`` samples or frames have waited, all together, since the start."""
        more, times = waited - self._waited, count - self._count
        if times <= 0 or more < 0:
            return
        self._waited, self._count = waited, count
        found = min(LONGEST, more / times)
        change = found - self.seconds
        is_small = self._is_known and abs(change) <= TOO_FAR
        self.seconds += max(-STEP, min(STEP, change)) if is_small else change
        self._is_known = True


def _inbound(stats: list[Any]) -> list[Any]:
    return [one.inbound_rtp.inbound for one in stats if one.HasField("inbound_rtp")]
