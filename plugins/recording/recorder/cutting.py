"""Passages are taken out of a finished file. Nothing is encoded again, so nothing gets worse.

How exact that is: what is to go is gone, to the frame (picture) and to 20 ms (sound). But a picture can
only begin at a key frame, so the file goes on at the first one after the passage: up to ``KEY_EVERY``
(five) seconds more than asked for are lost at the end of each passage, none before it. A passage after
whose end there is no key frame goes on to the end of the file. ``kept`` says beforehand what will remain.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from av.container import InputContainer
from av.error import FFmpegError

from plugins.recording.passages import Kept, Passage, kept, new_time
from plugins.recording.recorder import remuxing
from plugins.recording.recorder.remuxing import Target, Timed


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


def cut(source: Path, target: Path, passages: Sequence[Passage]) -> Cut:
    """Write ``source`` without ``passages`` (in order, apart from each other) to ``target``.

    ``target`` is there whole or not at all. ``ValueError`` as of ``kept``.
    """
    if not passages:
        raise ValueError("no passage is named that is to go")
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
