"""A WebM made of packets that are encoded already; written so that players find every second of it."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any, BinaryIO, Literal, NamedTuple

import av
from av.container import InputContainer
from av.packet import Packet
from av.stream import Stream

MILLISECOND = Fraction(1, 1000)
Kind = Literal["video", "audio"]
# An entry of the index for every key frame, twenty-odd bytes each: kept free before the pictures, so
# that a player needs one request for it. Where it isn't enough the file is rewritten once.
INDEX_BYTES = 64 * 1024


def opened(source: Path | BinaryIO, *, only_to_copy: bool = False) -> InputContainer:
    """A WebM to read from; anything else is refused, whatever it says it is (``av.error.FFmpegError``).

    ``only_to_copy``: five times as fast, for the streams are not looked into beyond what their heads say.
    """
    # The least that FFmpeg takes.
    options = {"probesize": "32"} if only_to_copy else {}
    return av.open(
        str(source) if isinstance(source, Path) else source, "r", format="matroska", options=options
    )


class Target:
    """The file that is written; ``close`` makes the index. Times are in milliseconds of the new file."""

    def __init__(self, path: Path, index_bytes: int = INDEX_BYTES) -> None:
        options = {"reserve_index_space": str(index_bytes), "cues_to_front": "1"}
        self._file = av.open(str(path), "w", format="webm", container_options=options)
        self._streams: dict[Kind, Stream] = {}
        self._last: dict[Kind, int] = {"video": -1_000, "audio": -1_000}

    def like(self, source: InputContainer) -> bool:
        """Take the kinds of packets from a file, if it has both and nobody did before."""
        if not self._streams:
            if not source.streams.video or not source.streams.audio:
                return False
            video, audio = source.streams.video[0], source.streams.audio[0]
            self._streams["video"] = self._file.add_stream_from_template(video, opaque=True)
            self._streams["audio"] = self._file.add_stream_from_template(audio, opaque=True)
        return True

    def write(self, kind: Kind, packet: Packet[Any], at: int) -> bool:
        """Write a packet; False if it is older than what is there, as at the seam of two takes."""
        if at <= self._last[kind]:
            return False
        self._last[kind] = at
        packet.pts = packet.dts = at
        packet.stream = self._streams[kind]
        self._file.mux_one(packet)
        return True

    def close(self) -> None:
        self._file.close()


class Timed(NamedTuple):
    """A packet with its time and its length (0 if it doesn't say), in milliseconds."""

    kind: Kind
    at: int
    lasts: int
    packet: Packet[Any]


def packets(file: InputContainer) -> Iterator[Timed]:
    """The packets of a WebM from where it stands; raises ``FFmpegError`` where it is damaged.

    Three hours have half a million of them: what is the same for all isn't asked of each.
    """
    kinds: dict[int, Kind] = {one.index: "video" for one in file.streams.video[:1]}
    kinds |= {one.index: "audio" for one in file.streams.audio[:1]}
    if any(file.streams[index].time_base != MILLISECOND for index in kinds):
        raise ValueError("the times of this file aren't those of a WebM")
    for packet in file.demux():
        kind = kinds.get(packet.stream_index)
        at = packet.pts
        if kind is not None and at is not None:
            yield Timed(kind, at, packet.duration or 0, packet)


def key_frames(path: Path) -> list[float]:
    """Seconds of all key frames, as the index of the file has them."""
    with opened(path) as file:
        video = file.streams.video[0]
        unit = video.time_base or MILLISECOND
        return sorted({float(one.timestamp * unit) for one in video.index_entries if one.is_keyframe})


def duration(path: Path) -> float:
    """Seconds of a file, as it says itself."""
    with opened(path) as file:
        return (file.duration or 0) / 1_000_000
