"""Passages of a film that are to go, and what remains of it then. Knows nothing of files."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Sequence
from typing import Literal, NamedTuple

# Seconds, from the beginning of the file.
Passage = tuple[float, float]
# Pages and files round the end differently.
ROUNDING = 0.25
# Two frames; shorter remains aren't worth a seam.
SHORTEST = 0.15

Code = Literal["number", "before", "backwards", "after", "order", "nothing_left"]


class Wrong(ValueError):
    """``number``: which passage, from 0 on; ``code``: what is wrong with it."""

    def __init__(self, code: Code, number: int, words: str) -> None:
        super().__init__(words)
        self.code, self.number = code, number


class Kept(NamedTuple):
    """Seconds ``start`` to ``end`` of the old file, which begin at second ``at`` of the new one."""

    start: float
    end: float
    at: float


def kept(passages: Sequence[Passage], keys: Sequence[float], length: float) -> list[Kept]:
    """What remains when ``passages`` are taken out of a file of so many seconds with these key frames.

    A picture can only begin at a key frame, so the file goes on at the first one after each passage.
    ``Wrong`` if the passages make no sense or nothing would remain.
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
        words = "nothing of the recording would remain: delete it instead"
        raise Wrong("nothing_left", len(passages) - 1, words)
    return made


def new_time(parts: Sequence[Kept], old: float) -> float | None:
    """Where a second of the old file is in the new one; None for one that is gone."""
    for part in parts:
        if part.start <= old < part.end:
            return part.at + old - part.start
    return None


def _check(passages: Sequence[Passage], length: float) -> None:
    before = 0.0
    for number, (start, end) in enumerate(passages):
        if not (math.isfinite(start) and math.isfinite(end)):
            raise Wrong("number", number, "a passage begins and ends at numbers of seconds")
        if start < 0:
            words = f"a passage can't begin {-start:g} seconds before the recording does"
            raise Wrong("before", number, words)
        if end <= start:
            words = f"a passage from second {start:g} to {end:g} ends before it begins"
            raise Wrong("backwards", number, words)
        if end > length + ROUNDING:
            words = f"the recording is {length:.1f} seconds long, a passage can't go on to {end:g}"
            raise Wrong("after", number, words)
        if start < before:
            words = f"passages must come in order and apart: {start:g} is before {before:g}"
            raise Wrong("order", number, words)
        before = end


def _next_key(keys: Sequence[float], end: float, length: float) -> float:
    if end >= length - ROUNDING:
        return length
    # Times of a file are milliseconds.
    place = bisect_left(keys, round(end, 3))
    return keys[place] if place < len(keys) else length
