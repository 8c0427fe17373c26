"""After the end: all pieces of all takes become one file that can be sought in. Nothing is encoded.

A take is what one recorder made. Where a take, or a piece of it, is missing its seconds are left out of
the file, and a gap says so; what lay in a pause is left out without one.
"""

from __future__ import annotations

import io
import logging
import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

from av.container import InputContainer
from av.error import FFmpegError

from plugins.recording.recorder import remuxing
from plugins.recording.recorder.parts import AFTER, BEGAN_AT, After
from plugins.recording.recorder.remuxing import Target, Timed

log = logging.getLogger(__name__)

# A shorter gap nobody notices, and no clock is so exact.
SHORTEST_GAP = 0.5
# Milliseconds of a packet of sound that doesn't say.
SOUND = 20


class Piece(NamedTuple):
    """A piece as it was handed on. ``take`` and ``number`` order them; ``body``: all its bytes."""

    take: str
    number: int
    body: bytes


@dataclass(frozen=True)
class Span:
    """Seconds ``start`` to ``end`` of the file are those of the lecture from ``began_at`` (unix) on."""

    start: float
    end: float
    began_at: float


@dataclass(frozen=True)
class Gap:
    """At second ``at`` of the file ``seconds`` of the lecture are missing that should be there."""

    at: float
    seconds: float


@dataclass(frozen=True)
class Facts:
    """What there is to know about a finished file. Seconds; ``size`` in bytes."""

    duration: float
    size: int
    width: int
    height: int
    spans: Sequence[Span]
    gaps: Sequence[Gap]
    keys: Sequence[float]
    pieces: int
    damaged: int

    def file_time(self, unix: float) -> float | None:
        """The second of the file that shows a moment; None for what isn't in it."""
        for span in self.spans:
            if 0 <= unix - span.began_at <= span.end - span.start:
                return span.start + unix - span.began_at
        return None

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


def finish(pieces: Iterable[Piece], target: Path) -> Facts:
    """Join pieces, which must come in order (a take's by number, takes by their beginning), into ``target``.

    One piece is in memory at a time. A piece that is cut off or damaged gives what can be read of it.
    ``ValueError`` when no piece has anything to show. ``target`` is there whole or not at all.
    """
    half = target.with_name(f".{target.name}.half")
    joining = _Joining(Target(half))
    try:
        for piece in pieces:
            joining.add(piece)
        joining.close()
        if joining.is_empty:
            raise ValueError("there is nothing in any piece of this recording")
        facts = joining.facts(half)
        half.replace(target)
        return facts
    finally:
        with suppress(FileNotFoundError, FFmpegError):
            half.unlink()


class _Joining:
    def __init__(self, target: Target) -> None:
        self._target = target
        self._spans: list[Span] = []
        self._gaps: list[Gap] = []
        self._keys: list[float] = []
        self._end = self._shift = 0
        self._is_broken = False
        self._size = (0, 0)
        self._pieces = self._damaged = 0
        self._last: tuple[str, int] | None = None

    @property
    def is_empty(self) -> bool:
        return not self._spans

    def add(self, piece: Piece) -> None:
        try:
            file = remuxing.opened(io.BytesIO(piece.body), only_to_copy=True)
        except FFmpegError as error:
            self._is_damaged(piece, error)
            return
        with file:
            if self._target.like(file):
                self._join(piece, file)
            else:
                self._is_damaged(piece, "it has no picture or no sound")

    def close(self) -> None:
        if self._spans:
            self._target.close()

    def facts(self, path: Path) -> Facts:
        return Facts(
            duration=round(max(self._end / 1000, remuxing.duration(path)), 3),
            size=os.path.getsize(path),
            width=self._size[0],
            height=self._size[1],
            spans=tuple(self._spans),
            gaps=tuple(self._gaps),
            keys=tuple(self._keys),
            pieces=self._pieces,
            damaged=self._damaged,
        )

    def _join(self, piece: Piece, file: InputContainer) -> None:
        packets = self._packets(piece, file)
        first = next((one for one in packets if one.kind == "video" and one.packet.is_keyframe), None)
        if first is None:
            self._is_damaged(piece, "it has no picture")
            return
        # Sound that comes before the first picture is left out: a frame, not more.
        began = first.at
        self._seam(piece, began)
        start = began + self._shift
        self._size = (
            self._size if self._spans else (file.streams.video[0].width, file.streams.video[0].height)
        )
        self._begin(piece, file, start)
        self._write(first)
        for packet in packets:
            self._write(packet)
        self._pieces += 1
        self._last = (piece.take, piece.number)
        self._spans[-1] = replace(self._spans[-1], end=self._end / 1000)

    def _seam(self, piece: Piece, began: int) -> None:
        """Pieces of a take go on where the last ended, to the sample; what is missing is left out."""
        is_same = self._last is not None and self._last[0] == piece.take
        if not is_same or abs(began + self._shift - self._end) >= SHORTEST_GAP * 1000:
            self._shift = self._end - began
            self._is_broken = True
        else:
            self._is_broken = False

    def _begin(self, piece: Piece, file: InputContainer, start: int) -> None:
        after = file.metadata.get(AFTER, After.START)
        wall = float(file.metadata.get(BEGAN_AT, "0"))
        if after == After.PIECE and not self._is_broken:
            return
        at = start / 1000
        if self._spans and (after != After.PAUSE or self._is_broken):
            last = self._spans[-1]
            missing = wall - (last.began_at + last.end - last.start)
            if missing >= SHORTEST_GAP:
                self._gaps.append(Gap(at, round(missing, 3)))
        if self._spans and not self._is_broken:
            # The last sound ends some milliseconds before the next picture begins.
            self._spans[-1] = replace(self._spans[-1], end=at)
        self._spans.append(Span(at, at, wall))

    def _write(self, timed: Timed) -> None:
        kind, at, lasts, packet = timed
        at += self._shift
        if not self._target.write(kind, packet, at):
            return
        if kind == "audio":
            end = at + (lasts or SOUND)
        else:
            # Sound goes on to the end; a picture says only when it begins.
            end = at + 1
            if packet.is_keyframe:
                self._keys.append(at / 1000)
        if end > self._end:
            self._end = end

    def _packets(self, piece: Piece, file: InputContainer) -> Iterator[Timed]:
        try:
            yield from remuxing.packets(file)
        except (FFmpegError, ValueError) as error:
            self._is_damaged(piece, error)

    def _is_damaged(self, piece: Piece, why: object) -> None:
        self._damaged += 1
        log.warning("piece %d of take %s is damaged: %s", piece.number, piece.take, why)
