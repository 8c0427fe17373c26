"""One picture: its planes, whether it looks like another, and how it fits into the recording's size."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from av import VideoFrame
from av.video.reformatter import Interpolation, VideoReformatter
from numpy.typing import NDArray

Plane = NDArray[np.uint8]

BLACK, GREY = 16, 128
# Of every plane one point in so many, across and down, is compared.
STRIDE = 4
# What a codec makes of a picture that doesn't move differs by less (of 255).
SAME = 6


@dataclass(frozen=True)
class Size:
    """Of the recording, in points; even."""

    width: int = 1280
    height: int = 720

    def __post_init__(self) -> None:
        if not (2 <= self.width <= 1920 and 2 <= self.height <= 1080):
            raise ValueError(f"a recording of {self.width}×{self.height}: 1920×1080 is the largest")
        if self.width % 2 or self.height % 2:
            raise ValueError(f"a recording of {self.width}×{self.height}: both must be even")


@dataclass(frozen=True, eq=False)
class Picture:
    """I420: a full plane of brightness, two of colour with half the width and height (rounded up)."""

    y: Plane
    u: Plane
    v: Plane

    @classmethod
    def from_i420(cls, data: bytes | bytearray | memoryview, width: int, height: int) -> Picture:
        """The planes of a buffer that holds them one after the other; ``ValueError`` if it is too small."""
        half_width, half_height = (width + 1) // 2, (height + 1) // 2
        full, half = width * height, half_width * half_height
        flat = np.frombuffer(data, np.uint8)
        if width <= 0 or height <= 0 or len(flat) < full + 2 * half:
            raise ValueError(f"{len(flat)} bytes are no picture of {width}×{height}")
        return cls(
            flat[:full].reshape(height, width),
            flat[full : full + half].reshape(half_height, half_width),
            flat[full + half : full + 2 * half].reshape(half_height, half_width),
        )

    @classmethod
    def plain(cls, size: Size, y: int = BLACK) -> Picture:
        """One grey, ``y`` from 16 (black) to 235 (white)."""
        half = (size.height // 2, size.width // 2)
        colour = np.full(half, GREY, np.uint8)
        return cls(np.full((size.height, size.width), y, np.uint8), colour, colour)

    @property
    def width(self) -> int:
        return int(self.y.shape[1])

    @property
    def height(self) -> int:
        return int(self.y.shape[0])

    def turned(self, degrees: int) -> Picture:
        """Turned clockwise by 0, 90, 180 or 270: phones send what must be turned."""
        times = -(degrees // 90) % 4
        return Picture(*(np.rot90(plane, times) for plane in (self.y, self.u, self.v))) if times else self

    @cached_property
    def points(self) -> tuple[NDArray[np.int16], ...]:
        """A sample of it, by which it is compared."""
        return tuple(p[::STRIDE, ::STRIDE].astype(np.int16) for p in (self.y, self.u, self.v))

    def looks_like(self, other: Picture) -> bool:
        """Whether nobody would see a difference."""
        if self is other:
            return True
        if self.y.shape != other.y.shape:
            return False
        pairs = zip(self.points, other.points, strict=True)
        return all(np.abs(ours - theirs).max() <= SAME for ours, theirs in pairs)


class Fitting:
    """Brings pictures of all sizes into one, whole and undistorted, with black at the sides."""

    def __init__(self, size: Size) -> None:
        self.size = size
        self._reformatter = VideoReformatter()

    def fit(self, picture: Picture) -> VideoFrame:
        """A ``yuv420p`` frame of the recording's size, without a time."""
        width, height = self.inner(picture.width, picture.height)
        inner = self._scaled(_as_frame(picture), width, height)
        return inner if (width, height) == (self.size.width, self.size.height) else self._framed(inner)

    def inner(self, width: int, height: int) -> tuple[int, int]:
        """How large a picture is inside of the frame: as large as it can be, both sides even."""
        scale = min(self.size.width / width, self.size.height / height)
        return (
            min(self.size.width, max(2, round(width * scale / 2) * 2)),
            min(self.size.height, max(2, round(height * scale / 2) * 2)),
        )

    def _scaled(self, frame: VideoFrame, width: int, height: int) -> VideoFrame:
        if (frame.width, frame.height) == (width, height):
            return frame
        return self._reformatter.reformat(frame, width, height, interpolation=Interpolation.FAST_BILINEAR)

    def _framed(self, inner: VideoFrame) -> VideoFrame:
        small = Picture.from_i420(inner.to_ndarray().tobytes(), inner.width, inner.height)
        whole = Picture.plain(self.size)
        # The two planes of colour are one while they are plain.
        whole = Picture(whole.y, whole.u, whole.v.copy())
        left, top = (self.size.width - inner.width) // 4 * 2, (self.size.height - inner.height) // 4 * 2
        _paste(whole.y, small.y, left, top)
        _paste(whole.u, small.u, left // 2, top // 2)
        _paste(whole.v, small.v, left // 2, top // 2)
        return _as_frame(whole)


def _paste(whole: Plane, part: Plane, left: int, top: int) -> None:
    height, width = part.shape
    whole[top : top + height, left : left + width] = part


def _as_frame(picture: Picture) -> VideoFrame:
    # An odd row or column at the edge is left out: half a point of colour has no place in a frame.
    width, height = picture.width // 2 * 2, picture.height // 2 * 2
    flat = np.concatenate(
        [
            picture.y[:height, :width].reshape(-1),
            picture.u[: height // 2, : width // 2].reshape(-1),
            picture.v[: height // 2, : width // 2].reshape(-1),
        ]
    )
    return VideoFrame.from_ndarray(flat.reshape(height * 3 // 2, width), format="yuv420p")
