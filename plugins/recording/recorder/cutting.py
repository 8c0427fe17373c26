"""Passages are taken out of a finished file. Nothing is encoded again, so nothing gets worse.

How exact that is: what is to go is gone, to the frame (picture) and to 20 ms (sound). But a picture can
only begin at a key frame, so the file goes on at the first one after the passage: up to ``KEY_EVERY``
(five) seconds more than asked for are lost at the end of each passage, none before it. A passage after
whose end there is no key frame goes on to the end of the file. ``kept`` says beforehand what will remain.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from av.container import InputContainer
from av.error import FFmpegError

from plugins.recording.recorder import remuxing
from plugins.recording.recorder.remuxing import Target, Timed

# Seconds, from the beginning of the file.
Passage = tuple[float, float]
# Pages and files round the end differently.
ROUNDING = 0.25
# Two frames; shorter remains aren't worth a seam.
SHORTEST = 0.15


class Kept(NamedTuple):
    """Seconds ``start`` to ``end`` of the old file, which begin at second ``at`` of the new one."""

    start: float
    end: float
    at: float


@dataclass(frozen=True)
class Cut:
    """What became of a file: its new length in seconds, its bytes, and where everything is now."""

    duration: float
    size: int
    kept: Sequence[Kept]
    keys: Sequence[float]

    def new_time(self, old: float) -> float | None:
        """Where a second of the old file is; None for one that is gone."""
        return new_time(self.kept, old)


def new_time(kept: Sequence[Kept], old: float) -> float | None:
    """Where a second of the old file is in the new one; None for one that is gone."""
    for part in kept:
        if part.start <= old < part.end:
            return part.at + old - part.start
    return None


def kept(passages: Sequence[Passage], keys: Sequence[float], length: float) -> list[Kept]:
    """What remains when ``passages`` are taken out of a file of so many seconds with these key frames.

    ``ValueError``, in words for who asked, if the passages make no sense or nothing would remain.
    """
    _check(passages, length)
    made: list[Kept] = []
    begin, at = 0.0, 0.0
    for start, end in passages:
        if start - begin >= SHORTEST:
            made.append(Kept(begin, start, at))
            at += start - begin
        begin = max(begin, _next_key(keys, end, length))
    if length - begin >= SHORTEST:
        made.append(Kept(begin, length, at))
    if not made:
        raise ValueError("nothing of the recording would remain: delete it instead")
    return made


def cut(source: Path, target: Path, passages: Sequence[Passage]) -> Cut:
    """Write ``source`` without ``passages`` (in order, apart from each other) to ``target``.

    ``target`` is there whole or not at all. ``ValueError`` as of ``kept``.
    """
    keys, length = remuxing.key_frames(source), remuxing.duration(source)
    parts = kept(passages, keys, length)
    half = target.with_name(f".{target.name}.half")
    try:
        with remuxing.opened(source) as file:
            made = Target(half)
            made.like(file)
            for part in parts:
                _copy(file, made, part)
            made.close()
        done = Cut(remuxing.duration(half), half.stat().st_size, tuple(parts), remuxing.key_frames(half))
        half.replace(target)
        return done
    finally:
        with suppress(FileNotFoundError, FFmpegError):
            half.unlink()


def _check(passages: Sequence[Passage], length: float) -> None:
    if not passages:
        raise ValueError("no passage is named that is to go")
    before = 0.0
    for start, end in passages:
        if not (math.isfinite(start) and math.isfinite(end)):
            raise ValueError("a passage begins and ends at numbers of seconds")
        if start < 0:
            raise ValueError(f"a passage can't begin {-start:g} seconds before the recording does")
        if end <= start:
            raise ValueError(f"a passage from second {start:g} to {end:g} ends before it begins")
        if end > length + ROUNDING:
            raise ValueError(f"the recording is {length:.1f} seconds long, a passage can't go on to {end:g}")
        if start < before:
            raise ValueError(f"passages must come in order and apart: {start:g} is before {before:g}")
        before = end


def _next_key(keys: Sequence[float], end: float, length: float) -> float:
    if end >= length - ROUNDING:
        return length
    # Times of a file are milliseconds.
    place = bisect_left(keys, round(end, 3))
    return keys[place] if place < len(keys) else length


def _copy(file: InputContainer, target: Target, part: Kept) -> None:
    start, end, at = (round(seconds * 1000) for seconds in part)
    for kind, packet_at, length, packet in _from(file, start):
        # Both tracks are past the end: a packet of one may come a little after the other's.
        if packet_at >= end + 1_000:
            return
        lasts = length if kind == "audio" else 0
        # Opus packets begin some milliseconds before the picture they belong to.
        if packet_at >= start - (10 if kind == "audio" else 0) and packet_at + lasts <= end:
            if kind == "video" and packet_at >= end:
                continue
            target.write(kind, packet, packet_at - start + at)


def _from(file: InputContainer, start: int) -> Iterator[Timed]:
    video = file.streams.video[0]
    file.seek(
        round(start / 1000 / (video.time_base or remuxing.MILLISECOND)),
        stream=video,
        backward=True,
        any_frame=False,
    )
    yield from remuxing.packets(file)
