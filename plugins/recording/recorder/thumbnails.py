"""Small pictures for the time bar, all in one. Only key frames are decoded, and not all of those."""

from __future__ import annotations

import io
import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import av
from av.container import InputContainer
from PIL import Image

from plugins.recording.recorder import remuxing

# A time bar has room for no more; 20 across are 3,200 points, which every browser shows.
MOST = 300
ACROSS = 20
WIDTH = 160


@dataclass(frozen=True)
class Sprite:
    """``count`` pictures of ``width`` × ``height`` points, ``across`` in a row, one every ``every`` s."""

    body: bytes
    mime: str
    width: int
    height: int
    across: int
    every: float
    count: int


def thumbnails(path: Path, every: float = 10.0, *, format: str = "matroska") -> Sprite:
    """The sprite of a finished file; of a long one they are further apart, 300 at most.

    ``format``: what the file is, ``matroska`` or ``mp4``. ``ValueError`` if the file has no picture.
    """
    with av.open(str(path), "r", format=format) as file:
        if not file.streams.video or not file.duration:
            raise ValueError("there is no picture in this file")
        length = file.duration / 1_000_000
        every = max(every, length / MOST)
        count = max(1, math.ceil(length / every - 1e-6))
        video = file.streams.video[0]
        height = max(2, round(WIDTH * video.height / video.width / 2) * 2)
        across = min(ACROSS, count)
        sheet = Image.new("RGB", (across * WIDTH, math.ceil(count / across) * height))
        for place, picture in enumerate(_pictures(file, every, count, height)):
            sheet.paste(picture, (place % across * WIDTH, place // across * height))
    body = io.BytesIO()
    sheet.save(body, "WEBP", quality=60, method=2)
    return Sprite(body.getvalue(), "image/webp", WIDTH, height, across, every, count)


def _pictures(file: InputContainer, every: float, count: int, height: int) -> Iterator[Image.Image]:
    video = file.streams.video[0]
    unit = video.time_base or remuxing.MILLISECOND
    video.codec_context.skip_frame = "NONKEY"
    for place in range(count):
        file.seek(round(place * every / unit), stream=video, backward=True)
        frame = next(iter(file.decode(video)), None)
        if frame is not None:
            yield frame.reformat(WIDTH, height, format="rgb24").to_image()
