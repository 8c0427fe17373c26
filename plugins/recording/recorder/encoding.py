"""Pictures to VP9, sound to Opus; packets carry seconds of the recording as their times."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

import av
from av import AudioFrame
from av.audio.stream import AudioStream
from av.packet import Packet
from av.video.frame import PictureType
from av.video.stream import VideoStream

from plugins.recording.recorder.film import Exposure
from plugins.recording.recorder.mixing import RATE, Mixed
from plugins.recording.recorder.picture import Fitting, Size

MILLISECOND = Fraction(1, 1000)
SAMPLE = Fraction(1, RATE)


@dataclass(frozen=True)
class Quality:
    """``picture``: bits a second at most, 0 for what suits the size. ``threads``: 1 or 2."""

    size: Size = field(default_factory=Size)
    picture: int = 0
    sound: int = 48_000
    threads: int = 1

    @property
    def bits(self) -> int:
        # 1.4 Mbit/s at 720p. Slides need a tenth of it, a camera in a dim hall all.
        return self.picture or 1_000_000 * self.size.width * self.size.height // (1280 * 720) * 14 // 10


class Encoder:
    """Two encoders that live as long as a take; ``picture_like`` and ``sound_like`` describe them to files.

    The encoders belong to a file that nobody reads: that is how PyAV hands their parameters on.
    """

    def __init__(self, quality: Quality) -> None:
        self._fitting = Fitting(quality.size)
        self._home = av.open(io.BytesIO(), "w", format="webm")
        self.picture_like = self._video(quality)
        self.sound_like = self._audio(quality)
        self._home.start_encoding()
        self._last_ms = -1

    def expose(self, exposure: Exposure) -> Iterator[Packet[Any]]:
        """The packets of one frame; times in milliseconds, each later than the last."""
        frame = self._fitting.fit(exposure.picture)
        frame.pts = self._last_ms = max(self._last_ms + 1, round(exposure.at * 1000))
        frame.time_base = MILLISECOND
        frame.pict_type = PictureType.I if exposure.is_key else PictureType.NONE
        yield from self.picture_like.encode(frame)

    def hear(self, mixed: Mixed) -> Iterator[Packet[Any]]:
        """The packets of 20 ms of sound."""
        frame = AudioFrame.from_ndarray(mixed.samples.reshape(1, -1), format="s16", layout="mono")
        frame.sample_rate = RATE
        frame.pts, frame.time_base = mixed.start, SAMPLE
        yield from self.sound_like.encode(frame)

    def _video(self, quality: Quality) -> VideoStream:
        options = {
            "deadline": "realtime",
            "cpu-used": "8",
            "row-mt": "1",
            # No look ahead: every frame has its packet at once, and none is shown out of order.
            "lag-in-frames": "0",
            "auto-alt-ref": "0",
            # As good as this and no better: a slide is sharp, and what it saves isn't spent on noise.
            "crf": "36",
            # Bits go where something moves. With `tune-content` screen a camera costs a third more time.
            "aq-mode": "3",
        }
        stream = self._home.add_stream("libvpx-vp9", rate=15, options=options)
        stream.width, stream.height, stream.pix_fmt = quality.size.width, quality.size.height, "yuv420p"
        context = stream.codec_context
        context.time_base = MILLISECOND
        context.bit_rate = quality.bits
        context.thread_count = quality.threads
        # Key frames are three quarters of a still slide's bytes, and sharp enough at this.
        context.qmin = 20
        # Key frames are asked for one by one; this is only never reached.
        context.gop_size = 100_000
        return stream

    def _audio(self, quality: Quality) -> AudioStream:
        options = {"application": "audio", "frame_duration": "20"}
        stream = self._home.add_stream("libopus", rate=RATE, layout="mono", options=options)
        stream.codec_context.bit_rate = quality.sound
        return stream
