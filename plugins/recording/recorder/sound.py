"""The sound of a film alone, for who listens on the way. Nothing is encoded again."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import av
from av.error import FFmpegError

# By codec: what it goes into, the ending of such a file, its type.
CONTAINERS = {"opus": ("ogg", "ogg", "audio/ogg"), "aac": ("ipod", "m4a", "audio/mp4")}


class Sound(NamedTuple):
    """A file of sound; ``ending`` without a dot."""

    path: Path
    ending: str
    mime: str


def sound_of(source: Path, target: Path) -> Sound | None:
    """Write the sound of ``source`` to ``target``; None where it has none that can be taken out as it is.

    ``target`` is there whole or not at all. ``FFmpegError`` where the film is damaged.
    """
    half = target.with_name(f".{target.name}.half")
    with suppress(FileNotFoundError), av.open(str(source), "r") as film:
        codec = film.streams.audio[0].codec_context.name if film.streams.audio else ""
        if codec not in CONTAINERS:
            return None
        kind, ending, mime = CONTAINERS[codec]
        try:
            with av.open(str(half), "w", format=kind) as made:
                stream = made.add_stream_from_template(film.streams.audio[0], opaque=True)
                for packet in film.demux(film.streams.audio[0]):
                    if packet.dts is not None:
                        packet.stream = stream
                        made.mux(packet)
            half.replace(target)
        finally:
            with suppress(FileNotFoundError, FFmpegError):
                half.unlink()
        return Sound(target, ending, mime)
    return None
