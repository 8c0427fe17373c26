"""The one clock of a take: seconds of the recording, without what lies in pauses and gaps."""

from __future__ import annotations

# Sound is encoded in frames of this length; the clock stops between two of them only.
FRAME_SECONDS = 0.02


class Timeline:
    """Turns moments of ``time.monotonic`` into seconds of the recording; runs from its making."""

    def __init__(self, now: float) -> None:
        self._zero = now
        self._stopped_at: float | None = None

    @property
    def is_running(self) -> bool:
        return self._stopped_at is None

    def at(self, now: float) -> float:
        """Seconds of the recording at a moment; while it is stopped, those at which it stopped."""
        return max(0.0, now - self._zero) if self._stopped_at is None else self._stopped_at

    def stop(self, now: float) -> float:
        """From here on nothing is recorded; gives the second, a whole number of sound frames."""
        if self._stopped_at is None:
            frames = int(self.at(now) / FRAME_SECONDS + 1e-6)
            self._stopped_at = frames * FRAME_SECONDS
        return self._stopped_at

    def go_on(self, now: float) -> float:
        """Record again, as if no time had passed; gives the second."""
        if self._stopped_at is not None:
            self._zero = now - self._stopped_at
            self._stopped_at = None
        return self.at(now)
