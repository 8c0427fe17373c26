"""After the end: what each egress has written becomes one MP4 that can be sought in. Nothing is encoded.

A take is what one egress recorded, an MP4 of H.264 and AAC. Between two takes lies a pause, a stop, or an
egress that died: the hole is left out of the film, and a gap says so. What of it nobody wanted is for the
caller to take out.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any, NamedTuple

import av
from av.container import InputContainer
from av.error import FFmpegError
from av.packet import Packet
from av.stream import Stream

from plugins.recording.recorder.finishing import SHORTEST_GAP, Facts, Gap, Span

log = logging.getLogger(__name__)

KINDS = {"video": "h264", "audio": "aac"}
LENGTH_BYTES = 4


class Take(NamedTuple):
    """What one egress recorded from ``began_at`` (unix) on. ``path``: its file, None where it is lost."""

    began_at: float
    path: Path | None


def finish(takes: Iterable[Take], target: Path, *, several: bool) -> Facts:
    """Join takes, which must come in the order of their beginning, into ``target``.

    ``several``: more than one has a file. A take that is damaged gives what can be read of it. ``ValueError``
    when none has anything to show. ``target`` is there whole or not at all.
    """
    half = target.with_name(f".{target.name}.half")
    joining = _Joining(half, several)
    try:
        for take in takes:
            joining.add(take)
        joining.close()
        if not joining.spans:
            raise ValueError("there is nothing in any file of this recording")
        facts = joining.facts()
        half.replace(target)
        return facts
    finally:
        with suppress(FileNotFoundError):
            half.unlink()


def opened(path: Path) -> InputContainer:
    """An MP4 to read from; anything else is refused, whatever it says it is (``av.error.FFmpegError``)."""
    return av.open(str(path), "r", format="mp4")


class _Joining:
    def __init__(self, path: Path, several: bool) -> None:
        self._path, self._several = path, several
        # The index comes before the pictures, so that a player needs one request for it.
        self._file = av.open(str(path), "w", format="mp4", container_options={"movflags": "faststart"})
        self._streams: dict[str, Stream] = {}
        self._last: dict[str, Fraction] = {}
        self.spans: list[Span] = []
        self._gaps: list[Gap] = []
        self._keys: list[float] = []
        self._lost_since: float | None = None
        self._end = self._shift = Fraction(0)
        self._size = (0, 0)
        self._damaged = 0

    def add(self, take: Take) -> None:
        if take.path is None:
            if not self.spans and self._lost_since is None:
                self._lost_since = take.began_at
            return
        try:
            with opened(take.path) as file:
                self._join(take, file)
        except (FFmpegError, ValueError) as error:
            self._damaged += 1
            log.warning("a take of %d is damaged: %s", take.began_at, error)

    def close(self) -> None:
        if self.spans:
            self._file.close()

    def facts(self) -> Facts:
        return Facts(
            duration=round(float(self._end), 3),
            size=os.path.getsize(self._path),
            width=self._size[0],
            height=self._size[1],
            spans=tuple(self.spans),
            gaps=tuple(self._gaps),
            keys=tuple(self._keys),
            pieces=len(self.spans),
            damaged=self._damaged,
        )

    def _join(self, take: Take, file: InputContainer) -> None:
        streams, has_begun = self._like(file), False
        sets = _parameter_sets(file) if self._several else b""
        try:
            for packet in file.demux([file.streams.video[0], file.streams.audio[0]]):
                # The last one of each stream is empty.
                if packet.pts is None or packet.dts is None:
                    continue
                has_begun = has_begun or self._begins(take, packet)
                if has_begun:
                    self._write(packet, streams, sets)
        finally:
            if has_begun:
                self.spans[-1] = replace(self.spans[-1], end=round(float(self._end), 3))
        if not has_begun:
            raise ValueError("it has no picture")

    def _like(self, file: InputContainer) -> dict[str, Stream]:
        """The streams of the film that fit those of a take; made like those of the first."""
        found = {one.type: one for one in (*file.streams.video[:1], *file.streams.audio[:1])}
        if {kind: one.codec_context.name for kind, one in found.items()} != KINDS:
            raise ValueError("it isn't H.264 with AAC")
        if not self._streams:
            for kind, one in sorted(found.items(), reverse=True):
                self._streams[kind] = self._file.add_stream_from_template(one, opaque=True)
            video = file.streams.video[0]
            self._size = (video.width, video.height)
        return self._streams

    def _begins(self, take: Take, packet: Packet[Any]) -> bool:
        """A take begins with a picture that needs no other; what comes before it is left out."""
        if packet.stream.type != "video" or not packet.is_keyframe or packet.pts is None:
            return False
        start, missing = round(float(self._end), 3), self._missing(take)
        self._shift = self._end - packet.pts * packet.time_base
        if missing >= SHORTEST_GAP:
            self._gaps.append(Gap(start, round(missing, 3)))
        self.spans.append(Span(start, start, take.began_at))
        return True

    def _missing(self, take: Take) -> float:
        """Seconds between what was recorded last and this take; before the first, since one that is lost."""
        if self.spans:
            last = self.spans[-1]
            return take.began_at - (last.began_at + last.end - last.start)
        return take.began_at - self._lost_since if self._lost_since is not None else 0.0

    def _write(self, packet: Packet[Any], streams: dict[str, Stream], sets: bytes) -> None:
        kind, unit = packet.stream.type, packet.time_base
        assert packet.pts is not None and packet.dts is not None
        shift = round(self._shift / unit)
        pts, dts = packet.pts + shift, packet.dts + shift
        if kind in self._last and dts * unit <= self._last[kind]:
            # At the seam of two takes the last sound of one may reach into the other.
            dts = int(self._last[kind] / unit) + 1
            if pts < dts:
                return
        self._last[kind] = dts * unit
        self._end = max(self._end, (pts + (packet.duration or 0)) * unit)
        if kind == "video" and packet.is_keyframe:
            self._keys.append(round(float(pts * unit), 3))
            packet = _with_parameter_sets(packet, sets)
        packet.pts, packet.dts, packet.stream = pts, dts, streams[kind]
        self._file.mux(packet)


def _parameter_sets(file: InputContainer) -> bytes:
    """What a decoder must know of a take's pictures, as it may stand before any of them.

    An MP4 says it once, for all takes; two of them may have come from encoders that differ.
    """
    config = file.streams.video[0].codec_context.extradata or b""
    if len(config) < 7 or config[0] != 1 or config[4] & 3 != LENGTH_BYTES - 1:
        raise ValueError("its pictures aren't kept as MP4 keeps them")
    found, at = b"", 5
    for mask in (0x1F, 0xFF):
        count, at = config[at] & mask, at + 1
        for _number in range(count):
            size = int.from_bytes(config[at : at + 2], "big")
            found += size.to_bytes(LENGTH_BYTES, "big") + config[at + 2 : at + 2 + size]
            at += 2 + size
    return found


def _with_parameter_sets(packet: Packet[Any], sets: bytes) -> Packet[Any]:
    if not sets:
        return packet
    made: Packet[Any] = Packet(sets + bytes(packet))
    made.time_base, made.duration, made.is_keyframe = packet.time_base, packet.duration, True
    return made
