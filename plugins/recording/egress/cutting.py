"""Passages are taken out of an MP4, by the rules of ``recorder.cutting``. Nothing is encoded again."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
from av.container import InputContainer, OutputContainer
from av.packet import Packet
from av.stream import Stream

from plugins.recording.egress.finishing import opened
from plugins.recording.passages import Kept, Passage, kept
from plugins.recording.recorder.cutting import Cut

# Seconds that packets of one kind may come after those of the other.
APART = 2
# Half a frame: what is said to begin at a key frame begins there.
NEAR = Fraction(1, 100)


def cut(source: Path, target: Path, passages: Sequence[Passage], keys: Sequence[float], length: float) -> Cut:
    """Write ``source``, whose key frames these are, without ``passages`` to ``target``.

    ``target`` is there whole or not at all. ``passages.Wrong`` where the passages make no sense.
    """
    parts = kept(passages, keys, length)
    half = target.with_name(f".{target.name}.half")
    try:
        with av.open(str(half), "w", format="mp4", container_options={"movflags": "faststart"}) as made:
            copier = _Copier(made)
            for part in parts:
                with opened(source) as file:
                    copier.copy(file, part)
        done = Cut(round(float(copier.end), 3), half.stat().st_size, tuple(parts), tuple(copier.keys))
        half.replace(target)
        return done
    finally:
        with suppress(FileNotFoundError):
            half.unlink()


class _Copier:
    def __init__(self, made: OutputContainer) -> None:
        self._made = made
        self._streams: dict[str, Stream] = {}
        self._last: dict[str, Fraction] = {}
        self.end = Fraction(0)
        self.keys: list[float] = []

    def copy(self, file: InputContainer, part: Kept) -> None:
        video, audio = file.streams.video[0], file.streams.audio[0]
        for stream in (video, audio):
            if stream.type not in self._streams:
                self._streams[stream.type] = self._made.add_stream_from_template(stream, opaque=True)
        start, end, at = (Fraction(seconds).limit_denominator(1000) for seconds in part)
        unit = video.time_base or Fraction(1, 90_000)
        file.seek(round((start + NEAR) / unit), stream=video, backward=True, any_frame=False)
        has_begun = False
        for packet in file.demux([video, audio]):
            if packet.pts is None or packet.dts is None:
                continue
            moment = packet.pts * packet.time_base
            if moment >= end + APART:
                return
            has_begun = has_begun or (packet.stream.type == "video" and moment >= start - NEAR)
            over = moment + (packet.duration or 0) * packet.time_base
            within = moment >= start - NEAR and (
                moment < end if packet.stream.type == "video" else over <= end
            )
            if has_begun and within:
                self._write(packet, at - start)

    def _write(self, packet: Packet[Any], by: Fraction) -> None:
        kind, unit = packet.stream.type, packet.time_base
        assert packet.pts is not None and packet.dts is not None
        shift = round(by / unit)
        pts, dts = packet.pts + shift, packet.dts + shift
        if dts * unit <= self._last.get(kind, Fraction(-1)):
            return
        self._last[kind] = dts * unit
        self.end = max(self.end, (pts + (packet.duration or 0)) * unit)
        if kind == "video" and packet.is_keyframe:
            self.keys.append(round(float(pts * unit), 3))
        packet.pts, packet.dts, packet.stream = pts, dts, self._streams[kind]
        self._made.mux(packet)
