"""Synthetic lectures: a picture that flashes in step with a beep, told to a take second by second."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray

from plugins.recording.recorder.encoding import Quality
from plugins.recording.recorder.finishing import Piece
from plugins.recording.recorder.mixing import RATE, Sound
from plugins.recording.recorder.parts import After
from plugins.recording.recorder.picture import Picture, Size
from plugins.recording.recorder.take import Plan, Take

SIZE = Size(320, 180)
PLAN = Plan(Quality(SIZE, picture=300_000))
DARK, BRIGHT = (Picture.plain(SIZE, y) for y in (40, 220))
# A flash and a beep last so long, and come every second.
LASTS = 0.2
HZ = 1000
WALL = 1_700_000_000.0


def beep(seconds: NDArray[np.float64], hz: int = HZ) -> Sound:
    """The sound at moments of the speaker's own clock: a tone in the first part of every second."""
    return (12_000 * np.sin(2 * np.pi * hz * seconds) * (seconds % 1.0 < LASTS)).astype(np.int16)


def tone(hz: int, seconds: float, loud: int = 8000) -> Sound:
    return (loud * np.sin(2 * np.pi * hz * np.arange(round(seconds * RATE)) / RATE)).astype(np.int16)


@dataclass
class Speaker:
    """Says a beep each second. ``fast``: by how much the clock is (of 1); ``late``: seconds on the way.

    Sound comes in its order, as the jitter buffer of a receiver gives it.
    """

    name: str = "ada"
    fast: float = 0.0
    late: Callable[[float], float] = lambda _now: 0.0
    is_lost: Callable[[float], bool] = lambda _now: False
    hz: int = HZ
    _told: int = 0
    _came: float = 0.0

    def frames(self, now: float) -> Iterator[tuple[float, Sound]]:
        """What has been sent by ``now`` and wasn't given yet: when each comes, and the sound."""
        size = RATE // 50
        while (end := (self._told + 1) * size / RATE / (1 + self.fast)) <= now:
            places = (self._told * size + np.arange(size)) / RATE / (1 + self.fast)
            self._told += 1
            if not self.is_lost(end):
                self._came = max(self._came, end + self.late(end))
                yield self._came, beep(places, self.hz)


@dataclass
class Lecture:
    """A take and its clock, which runs as fast as it can; time begins with 0."""

    plan: Plan = PLAN
    name: str = "a"
    began: float = 0.0
    pieces: list[Piece] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.now = self.began
        self.take = Take(self.plan, self._keep, self.now, WALL + self.began)
        self.take.choose("screen", self.now)
        self._shown: bool | None = None

    def run(self, seconds: float, *speakers: Speaker) -> None:
        """Go on for so long: somebody speaks, the screen flashes at every full second."""
        end = self.now + seconds
        coming: list[tuple[float, str, Sound]] = []
        while self.now < end - 1e-9:
            self.now = round(self.now + 0.02, 6)
            for speaker in speakers:
                coming += [(at, speaker.name, sound) for at, sound in speaker.frames(self.now)]
            coming.sort(key=lambda one: one[0])
            while coming and coming[0][0] <= self.now:
                _, name, sound = coming.pop(0)
                self.take.hear(name, sound, self.now)
            self._flash()
            self.take.work(self.now)

    def pause(self) -> None:
        self.take.stop(self.now)

    def go_on(self, after: After = After.PAUSE) -> None:
        self._shown = None
        self.take.go_on(self.now, WALL + self.now, after)

    def end(self) -> list[Piece]:
        self.take.end(self.now)
        return self.pieces

    def _flash(self) -> None:
        # What comes while a take settles isn't taken: it is shown again.
        is_bright = self.now % 1.0 < LASTS
        if is_bright is not self._shown or round(self.now % 1.0, 6) in (0.4, 0.6):
            self._shown = is_bright
            self.take.see("screen", BRIGHT if is_bright else DARK, self.now)

    def _keep(self, number: int, body: bytes) -> None:
        self.pieces.append(Piece(self.name, number, body))


@dataclass(frozen=True)
class Watched:
    """A file as a player shows it: when the picture gets bright and the beeps begin, in seconds."""

    flashes: list[float]
    beeps: list[float]
    duration: float
    sound: Sound
    times: list[float]

    def apart(self, begin: float = 0.0, end: float = 1e9) -> list[float]:
        """How much later than its flash each beep is, of the flashes between two seconds."""
        flashes = [one for one in self.flashes if begin <= one < end]
        return [min((beep - one for beep in self.beeps), key=abs) for one in flashes]


def watch(path: Path) -> Watched:
    """Decode a file from its beginning to its end."""
    times, bright = [], []
    with av.open(str(path)) as file:
        for frame in file.decode(video=0):
            times.append(frame.time)
            bright.append(float(frame.to_ndarray()[:180].mean()) > 130)
    sound, starts = [], []
    with av.open(str(path)) as file:
        for heard in file.decode(audio=0):
            samples = heard.to_ndarray().reshape(-1)
            starts.append(round(heard.time * RATE))
            sound.append(samples if samples.dtype == np.int16 else (samples * 32767).astype(np.int16))
        duration = file.duration / 1_000_000
    whole = np.zeros(max(s + len(p) for s, p in zip(starts, sound, strict=True)), np.int16)
    for start, part in zip(starts, sound, strict=True):
        at = max(0, start)
        whole[at : at + len(part)] = part[: len(whole) - at]
    flashes = [
        now for now, is_on, was in zip(times[1:], bright[1:], bright, strict=False) if is_on and not was
    ]
    return Watched(flashes, _onsets(whole), duration, whole, times)


def loudness(sound: Sound, hz: int) -> float:
    """How much of a tone (of whole hundreds of Hz) is in a sound, 1 for a full one."""
    return float(_envelope(sound, hz).mean())


def _envelope(sound: Sound, hz: int) -> NDArray[np.float64]:
    """How loud a tone is in every hundredth of a second; other tones of whole hundreds of Hz don't count."""
    size = RATE // 100
    windows = sound[: len(sound) // size * size].reshape(-1, size) / 32767
    return 2 * np.abs(windows @ np.exp(-2j * np.pi * hz * np.arange(size) / RATE)) / size


def _onsets(sound: Sound) -> list[float]:
    is_on = _envelope(sound, HZ) > 0.08
    starts = [place for place in np.flatnonzero(is_on) if not is_on[max(0, place - 10) : place].any()]
    return [float(place) / 100 for place in starts]
