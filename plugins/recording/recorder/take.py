"""One take: what a recorder makes of what it is told, without threads, rooms or clocks of its own.

``now`` is always ``time.monotonic()``, never before the last one told.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from plugins.recording.recorder.encoding import Encoder, Quality
from plugins.recording.recorder.film import Exposure, Film
from plugins.recording.recorder.mixing import PATIENCE, Mixer, Sound
from plugins.recording.recorder.parts import After, PieceWriter
from plugins.recording.recorder.picture import Picture
from plugins.recording.recorder.timeline import Timeline

# What was said before somebody pressed "record" or "go on" is still on its way for so long.
SETTLE = 0.25


@dataclass(frozen=True)
class Plan:
    """How to record. ``card``: the picture while there is no other, black if None."""

    quality: Quality = field(default_factory=Quality)
    card: Picture | None = None


class Take:
    """Records from its making until ``end``; ``done(number, body)`` gets the pieces."""

    def __init__(self, plan: Plan, done: Callable[[int, bytes], None], now: float, wall: float) -> None:
        self._timeline = Timeline(now)
        self._mixer = Mixer()
        self._film = Film(plan.card or Picture.plain(plan.quality.size))
        self._encoder = Encoder(plan.quality)
        self._writer = PieceWriter(self._encoder.picture_like, self._encoder.sound_like, done)
        self._after = After.START
        self._deaf_until = now + SETTLE
        self._wall_at_zero = wall

    @property
    def is_running(self) -> bool:
        return self._timeline.is_running

    def seconds(self, now: float) -> float:
        """How long the recording is."""
        return self._timeline.at(now)

    def hear(self, source: str, samples: Sound, now: float, delay: float = 0.0) -> None:
        """Sound (mono, 48 kHz) has come, the end of it just now, after so many seconds on the way."""
        if self._takes(now):
            self._mixer.push(source, samples, self._timeline.at(now) - delay)

    def see(self, source: str, picture: Picture, now: float, delay: float = 0.0) -> None:
        """A picture has come, after so many seconds on the way."""
        if self._takes(now):
            self._film.see(source, picture, self._timeline.at(now) - delay)

    def choose(self, source: str | None, now: float) -> None:
        """Show this source from now on; None: the card."""
        self._film.choose(source, self._timeline.at(now))

    def forget(self, source: str, now: float) -> None:
        """Somebody may not be recorded any more: what isn't encoded yet never will be."""
        self._mixer.forget(source)
        self._film.forget(source, self._timeline.at(now))

    def stop(self, now: float) -> None:
        """A pause, or a lost connection: the clock stands still, and nothing is taken."""
        if self._timeline.is_running:
            self._advance(self._timeline.stop(now))
            self._mixer.forget_all()
            self._writer.cut()

    def go_on(self, now: float, wall: float, after: After) -> None:
        """Record again. ``wall``: unix seconds of ``now``; ``after``: what it was."""
        if self._timeline.is_running:
            return
        at = self._timeline.go_on(now)
        self._film.begin(at)
        self._after, self._wall_at_zero = after, wall - at
        self._deaf_until = now + SETTLE

    def work(self, now: float) -> None:
        """Encode what is due; to be called some times a second."""
        if self._timeline.is_running:
            self._advance(self._timeline.at(now) - PATIENCE)

    def end(self, now: float) -> float:
        """The last piece is made; gives how many seconds were recorded. Nothing may be told afterwards."""
        self.stop(now)
        return self._timeline.at(now)

    def _takes(self, now: float) -> bool:
        return self._timeline.is_running and now >= self._deaf_until

    def _advance(self, horizon: float) -> None:
        # In the order of time, so that a piece holds what belongs to its seconds.
        for mixed in self._mixer.until(horizon):
            self._expose(mixed.start / 48_000)
            for packet in self._encoder.hear(mixed):
                self._writer.sound(packet)
        self._expose(horizon - 1e-6)

    def _expose(self, until: float) -> None:
        for exposure in self._film.until(until):
            self._write(exposure)

    def _write(self, exposure: Exposure) -> None:
        for packet in self._encoder.expose(exposure):
            self._writer.picture(packet, self._wall_at_zero + exposure.at, self._after)
            self._after = After.PIECE
