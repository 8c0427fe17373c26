"""The thread in which a take is made: encoding never holds up those who bring sound and pictures."""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import NamedTuple

from plugins.recording.recorder.mixing import Sound
from plugins.recording.recorder.parts import After
from plugins.recording.recorder.picture import Picture
from plugins.recording.recorder.take import Plan, Take

log = logging.getLogger(__name__)

TICK = 0.04
# Pictures wait no longer than this; a machine that is too slow for them shows fewer.
MOST_PICTURES = 8
# Thirty seconds of ten voices. More can't be caught up with, and must not fill the memory.
MOST_ERRANDS = 15_000


class _Errand(NamedTuple):
    now: float
    do: Callable[[Take, float], None]
    is_picture: bool


class Workshop:
    """Makes one take from its making until ``end``; its methods return at once, from any thread.

    ``done(number, body)`` gets the pieces and ``failed(error)``, once, what ended the take before its
    time; both are called in the workshop's thread. ``wall()``: unix seconds now, as the web has them.
    """

    def __init__(
        self,
        plan: Plan,
        done: Callable[[int, bytes], None],
        failed: Callable[[Exception], None],
        wall: Callable[[], float] = time.time,
    ) -> None:
        self._plan, self._done, self._failed, self._wall = plan, done, failed, wall
        self._errands: deque[_Errand] = deque()
        self._pictures = 0
        self._lock = threading.Lock()
        self._is_ending = threading.Event()
        self._ended_at = 0.0
        self._began = time.monotonic()
        self._began_at = wall()
        self._seconds = 0.0
        self._thread = threading.Thread(target=self._run, name="recording", daemon=True)
        self._thread.start()

    @property
    def seconds(self) -> float:
        """How long the recording is so far."""
        return self._seconds

    def hear(self, source: str, samples: Sound, delay: float = 0.0) -> None:
        """Sound (mono, 48 kHz) that has just come, after so many seconds on the way."""
        self._put(lambda take, now: take.hear(source, samples, now, delay))

    def see(self, source: str, picture: Picture, delay: float = 0.0) -> None:
        """A picture that has just come, after so many seconds on the way."""
        self._put(lambda take, now: take.see(source, picture, now, delay), is_picture=True)

    def choose(self, source: str | None) -> None:
        """Show this source from now on; None: the card."""
        self._put(lambda take, now: take.choose(source, now), must=True)

    def forget(self, source: str) -> None:
        """Keep nothing more of this source."""
        self._put(lambda take, now: take.forget(source, now), must=True)

    def stop(self) -> None:
        """Record nothing until ``go_on``."""
        self._put(lambda take, now: take.stop(now), must=True)

    def go_on(self, after: After) -> None:
        """Record again, after a pause or a gap."""
        wall = self._wall()
        self._put(lambda take, now: take.go_on(now, wall, after), must=True)

    def end(self, seconds: float = 30.0) -> float:
        """Encode what is left, for so long at most; gives how many seconds were recorded. It blocks."""
        self._ended_at = time.monotonic()
        self._is_ending.set()
        self._thread.join(seconds)
        return self._seconds

    def _put(self, do: Callable[[Take, float], None], is_picture: bool = False, must: bool = False) -> None:
        with self._lock:
            if self._is_ending.is_set() or (len(self._errands) >= MOST_ERRANDS and not must):
                return
            if is_picture and self._pictures >= MOST_PICTURES:
                self._errands.remove(next(one for one in self._errands if one.is_picture))
                self._pictures -= 1
            self._pictures += is_picture
            self._errands.append(_Errand(time.monotonic(), do, is_picture))

    def _run(self) -> None:
        try:
            take = Take(self._plan, self._done, self._began, self._began_at)
            while not self._is_ending.wait(TICK):
                now = time.monotonic()
                self._do_all(take)
                take.work(now)
                self._seconds = take.seconds(now)
            self._do_all(take)
            self._seconds = take.end(self._ended_at)
        except Exception as error:
            log.exception("the recording can't go on")
            self._is_ending.set()
            self._failed(error)

    def _do_all(self, take: Take) -> None:
        while self._errands:
            with self._lock:
                errand = self._errands.popleft()
                self._pictures -= errand.is_picture
            errand.do(take, errand.now)
