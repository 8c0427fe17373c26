"""The sound of all who speak, on one sample clock.

A frame carries no time, only the moment when it came. Sound can't come before it was made, and comes
early more often than not: so the earliest of the last frames tell where a voice belongs, and every
voice is moved there, by a click-free stretch where a stretch is enough.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Sound = NDArray[np.int16]

RATE = 48_000
FRAME = RATE // 50
# Sound may come so late and is still put where it belongs. More than the buffers and the jitter of a bad
# network, less than what makes a queue of pictures long.
PATIENCE = 0.4
# A voice that is behind its own last sound by more wasn't late, it was silent.
GAP = round(0.2 * RATE)
# What is missing of a voice, found over a window, is filled with silence from here on, else stretched.
LOSS = round(0.04 * RATE)
# Rounding of the moment when a frame came.
EARLY = round(0.005 * RATE)
# Differences that nobody hears or sees are left alone.
ENOUGH = round(0.002 * RATE)
WINDOW = RATE // 2
# Of a voice that was silent for so long nothing is remembered.
FORGOTTEN = 10 * RATE
# One sample in so many is doubled or left out: 0.4 %, twenty times the worst clock, and not heard.
STRETCH = 240
LOUDEST = 32_000
# After somebody was too loud it takes a second until the rest is as loud as it was.
RELEASE = FRAME / RATE


class Mixed(NamedTuple):
    """20 ms of sound. ``start``: number of its first sample, at 48 kHz, since the beginning."""

    start: int
    samples: Sound


class Mixer:
    """Takes frames as they come, gives 20 ms after 20 ms without end or hole."""

    def __init__(self) -> None:
        self._lanes: dict[str, _Lane] = {}
        self._taken = 0
        self._gain = 1.0

    def push(self, source: str, samples: Sound, at: float) -> None:
        """Samples (mono, 48 kHz) of a voice, the last of which came at ``at`` (seconds of the recording)."""
        if len(samples) == 0:
            return
        lane = self._lanes.get(source)
        if lane is None:
            lane = self._lanes[source] = _Lane()
        lane.push(samples, round(at * RATE), self._taken)

    def forget(self, source: str) -> None:
        """Nothing of this voice is mixed from now on, not even what has come already."""
        self._lanes.pop(source, None)

    def forget_all(self) -> None:
        """As ``forget``, of everybody: the clock stops here."""
        self._lanes.clear()

    def until(self, horizon: float) -> Iterator[Mixed]:
        """All frames that end before ``horizon`` (seconds) and weren't given yet."""
        end = int(horizon * RATE + 0.5)
        while self._taken + FRAME <= end:
            yield Mixed(self._taken, self._mix())
            self._taken += FRAME

    def _mix(self) -> Sound:
        self._leave_out_the_gone()
        heard = [part for lane in self._lanes.values() if (part := lane.take(self._taken)) is not None]
        if not heard:
            self._gain = min(1.0, self._gain + RELEASE)
            return np.zeros(FRAME, np.int16)
        total = np.zeros(FRAME, np.int32)
        for part in heard:
            total += part
        return self._limit(total)

    def _leave_out_the_gone(self) -> None:
        gone = [name for name, lane in self._lanes.items() if lane.end < self._taken - FORGOTTEN]
        for name in gone:
            del self._lanes[name]

    def _limit(self, total: NDArray[np.int32]) -> Sound:
        """Never louder than a sample can hold; what isn't too loud stays as it is."""
        peak = int(np.abs(total).max())
        allowed = min(1.0, LOUDEST / peak) if peak > 32_767 or (peak and self._gain < 1.0) else 1.0
        first = min(self._gain, allowed)
        last = min(self._gain + RELEASE, allowed)
        self._gain = last
        if first == last == 1.0:
            return total.astype(np.int16)
        ramp = np.linspace(first, last, FRAME, dtype=np.float32)
        return (total * ramp).astype(np.int16)


class _Lane:
    """One voice: what has come and isn't mixed yet, from the sample ``_start`` on."""

    def __init__(self) -> None:
        self._start = 0
        self._kept: Sound = np.zeros(0, np.int16)
        self._wrong = 0
        self._least, self._seen = GAP, 0

    @property
    def end(self) -> int:
        return self._start + len(self._kept)

    def push(self, samples: Sound, came: int, taken: int) -> None:
        late = came - len(samples) - self.end
        if late > GAP or self.end < taken:
            self._jump(max(came - len(samples), taken))
        elif late < -EARLY:
            self._move(late, taken)
        else:
            samples = self._correct(samples, late)
        self._kept = np.concatenate((self._kept, samples))

    def take(self, start: int) -> Sound | None:
        """The 20 ms from a sample on, with silence where nothing is; None where nothing at all is."""
        self._trim(start)
        if not len(self._kept) or self._start >= start + FRAME:
            return None
        offset = self._start - start
        part = self._kept[: FRAME - offset]
        if len(part) == FRAME:
            return part
        whole = np.zeros(FRAME, np.int16)
        whole[offset : offset + len(part)] = part
        return whole

    def _jump(self, to: int) -> None:
        """The voice goes on at a sample, after silence."""
        if len(self._kept):
            self._kept = np.concatenate((self._kept, np.zeros(max(0, to - self.end), np.int16)))
        else:
            self._start = to
        self._begin_window()
        self._wrong = 0

    def _move(self, by: int, taken: int) -> None:
        """Everything that isn't mixed yet belongs earlier: it was late from the first frame on."""
        self._start += by
        self._trim(taken)
        self._begin_window()
        self._wrong = 0

    def _correct(self, samples: Sound, late: int) -> Sound:
        if self._wrong:
            return self._put_right(samples)
        self._least = min(self._least, late)
        self._seen += len(samples)
        if self._seen >= WINDOW:
            self._wrong = self._least if abs(self._least) > ENOUGH else 0
            self._begin_window()
        if self._wrong > LOSS:
            self._jump(self.end + self._wrong)
        return samples

    def _put_right(self, samples: Sound) -> Sound:
        most = len(samples) // STRETCH
        by = max(-most, min(most, self._wrong))
        self._wrong -= by
        return _stretched(samples, by) if by else samples

    def _begin_window(self) -> None:
        self._least, self._seen = GAP, 0

    def _trim(self, start: int) -> None:
        gone = min(start - self._start, len(self._kept))
        if gone > 0:
            self._kept = self._kept[gone:]
            self._start += gone


def _stretched(samples: Sound, by: int) -> Sound:
    size = len(samples)
    places = np.linspace(0, size - 1, size + by)
    return np.interp(places, np.arange(size), samples).astype(np.int16)
