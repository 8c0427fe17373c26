"""Where speech is cut into pieces for engines that take whole recordings, while it goes on.

Every sample of speech is in exactly one piece, so that no word is lost or said twice. A piece ends at a
pause; in longer speech at a shorter one, in speech without any at the quietest place.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

Sound = NDArray[np.int16]

RATE = 16_000
# What the detector of voice judges at once.
WINDOW = 512
SECONDS = WINDOW / RATE
VOICE, STILL_VOICE = 0.5, 0.35
FIRST_WINDOWS = 2


def _windows(seconds: float) -> int:
    return round(seconds / SECONDS)


LEAD_IN = _windows(0.35)
PAUSE = _windows(0.5)
SHORT_PAUSE, SHORT_PAUSE_AFTER = _windows(0.2), _windows(3)
BREATH, BREATH_AFTER = _windows(0.1), _windows(6)
LONGEST = _windows(10)
LOOK_BACK = _windows(5)
# As long as the quiet before a consonant; what is quiet for longer is found as a breath.
DIP = _windows(0.1)
INTERIM = _windows(1)


@dataclass(frozen=True)
class Piece:
    """Speech from ``start`` to ``end``, in seconds of the stream; ``final`` when no more is added to it."""

    sound: Sound
    start: float
    end: float
    final: bool


@dataclass
class _Window:
    sound: Sound
    place: int
    is_voice: bool
    loudness: float


@dataclass
class Splitter:
    """Takes windows with the probability that somebody speaks in them; gives pieces."""

    interim_every: int = INTERIM
    _windows: list[_Window] = field(default_factory=list)
    _lead: deque[_Window] = field(default_factory=lambda: deque(maxlen=LEAD_IN))
    _place: int = 0
    _silent: int = 0
    _first: int = 0
    _since_interim: int = 0

    def add(self, sound: Sound, voice: float) -> Iterator[Piece]:
        """Take the next window; gives what is finished by it, or the piece so far when it is time."""
        window = self._window(sound, voice)
        if self._windows:
            yield from self._go_on(window)
        else:
            self._wait(window)

    def rest(self) -> Iterator[Piece]:
        """The last piece, when nothing more comes."""
        if self._windows:
            yield from self._cut(len(self._windows))
        self._windows = []

    @property
    def is_speaking(self) -> bool:
        return bool(self._windows)

    def _window(self, sound: Sound, voice: float) -> _Window:
        is_voice = voice >= (STILL_VOICE if self._windows else VOICE)
        loudness = float(np.sqrt(np.mean(np.square(sound, dtype=np.float64)))) if len(sound) else 0.0
        made = _Window(sound, self._place, is_voice, loudness)
        self._place += 1
        return made

    def _wait(self, window: _Window) -> None:
        self._lead.append(window)
        self._first = self._first + 1 if window.is_voice else 0
        if self._first >= FIRST_WINDOWS:
            self._windows = list(self._lead)
            self._lead.clear()
            self._first = self._silent = self._since_interim = 0

    def _go_on(self, window: _Window) -> Iterator[Piece]:
        self._windows.append(window)
        self._silent = 0 if window.is_voice else self._silent + 1
        self._since_interim += 1
        if self._silent >= PAUSE:
            yield from self._end()
        elif self._may_breathe():
            yield from self._cut(len(self._windows) - self._silent // 2)
        elif len(self._windows) >= LONGEST:
            yield from self._cut(self._quietest())
        elif self.interim_every and self._since_interim >= self.interim_every and self._has_voice():
            self._since_interim = 0
            yield _piece(self._windows, final=False)

    def _may_breathe(self) -> bool:
        length, silent = len(self._windows), self._silent
        if length - silent >= BREATH_AFTER:
            return silent >= BREATH
        return length - silent >= SHORT_PAUSE_AFTER and silent >= SHORT_PAUSE

    def _end(self) -> Iterator[Piece]:
        """Speech is over: the silence after it is kept for what is said next."""
        keep = len(self._windows) - self._silent // 2
        yield from self._cut(keep)
        self._lead.extend(self._windows)
        self._windows = []

    def _cut(self, at: int) -> Iterator[Piece]:
        done, self._windows = self._windows[:at], self._windows[at:]
        self._since_interim = 0
        if any(window.is_voice for window in done):
            yield _piece(done, final=True)

    def _quietest(self) -> int:
        loudness = [window.loudness for window in self._windows[-LOOK_BACK:]]
        dips = np.convolve(loudness, np.ones(DIP) / DIP, mode="valid")
        return len(self._windows) - len(loudness) + int(np.argmin(dips)) + DIP // 2

    def _has_voice(self) -> bool:
        return any(window.is_voice for window in self._windows)


def _piece(windows: list[_Window], final: bool) -> Piece:
    start = windows[0].place * SECONDS
    sound = np.concatenate([window.sound for window in windows])
    return Piece(sound, start, start + len(sound) / RATE, final)
