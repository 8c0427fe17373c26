"""The recording leaves in pieces: each is a small WebM that begins with a key frame and stands alone.

A piece is handed on whole or not at all, so a crash costs what wasn't full yet, ten seconds or so, and
no piece needs another to be read. What a piece must say about itself is in its own header: at which
moment it begins, and why. Packets carry seconds of the take, so pieces are put together by these.
"""

from __future__ import annotations

import io
import logging
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Protocol

import av
from av.audio.stream import AudioStream
from av.container import OutputContainer
from av.packet import Packet
from av.video.stream import VideoStream

log = logging.getLogger(__name__)

MIME = "video/webm"
# A piece ends with the first key frame after so many seconds, or so many bytes.
PIECE_SECONDS = 9.9
PIECE_BYTES = 5 * 1024 * 1024
# While nobody takes them pieces wait in memory: four minutes of a busy picture, hours of a slide.
MOST_WAITING_BYTES = 64 * 1024 * 1024
FIRST_PAUSE, LONGEST_PAUSE = 0.5, 10.0
BEGAN_AT, AFTER = "AUDIMAX_BEGAN_AT", "AUDIMAX_AFTER"


class After(StrEnum):
    """What was before a piece."""

    START = "start"
    PIECE = "piece"
    PAUSE = "pause"
    GAP = "gap"


class Pieces(Protocol):
    """Where pieces go. Called in a thread, one at a time, again with the same number until it returns."""

    def put(self, number: int, body: bytes) -> None:
        """Keep a piece for good; numbers begin with 0 and none is left out.

        Raises ``Unwanted`` when nobody wants this recording any more (its lecture is gone); any other
        ``Exception`` means not now.
        """
        ...


class Unwanted(Exception):
    """There is nobody to record for."""


def key_of(prefix: str, take: str, number: int) -> str:
    """A key of a storage for a piece: in the order of numbers when sorted as text."""
    return f"{prefix}/{take}-{number:06d}.webm"


class PieceWriter:
    """Makes pieces of packets, which come in the order of time; ``done(number, body)`` gets each."""

    def __init__(self, pictures: VideoStream, sound: AudioStream, done: Callable[[int, bytes], None]) -> None:
        self._pictures, self._sound, self._done = pictures, sound, done
        self._number = 0
        self._open: _Piece | None = None

    def cut(self) -> None:
        """End the piece here; the next packet must be a key frame."""
        if self._open is not None:
            self._done(self._number, self._open.close())
            self._number += 1
            self._open = None

    def picture(self, packet: Packet[Any], wall: float, after: After) -> None:
        """A packet of the picture. ``wall``: unix seconds of it; ``after``: why, if a piece begins."""
        if packet.is_keyframe and (self._open is None or self._open.is_full(packet)):
            after = after if self._open is None else After.PIECE
            self.cut()
            self._open = _Piece(self._pictures, self._sound, packet, wall, after)
        if self._open is None:
            raise ValueError("a piece must begin with a key frame")
        self._open.picture(packet)

    def sound(self, packet: Packet[Any]) -> None:
        """A packet of the sound; before the first picture there is no place for it."""
        if self._open is not None:
            self._open.sound(packet)


class _Piece:
    def __init__(
        self, pictures: VideoStream, sound: AudioStream, first: Packet[Any], wall: float, after: After
    ) -> None:
        self._began = first.pts or 0
        self._buffer = io.BytesIO()
        self._file: OutputContainer = av.open(self._buffer, "w", format="webm")
        self._file.metadata[BEGAN_AT] = f"{wall:.3f}"
        self._file.metadata[AFTER] = after.value
        self._pictures = self._file.add_stream_from_template(pictures, opaque=True)
        self._sound = self._file.add_stream_from_template(sound, opaque=True)

    def is_full(self, packet: Packet[Any]) -> bool:
        return (packet.pts or 0) - self._began >= PIECE_SECONDS * 1000 or self._buffer.tell() >= PIECE_BYTES

    def picture(self, packet: Packet[Any]) -> None:
        packet.stream = self._pictures
        self._file.mux(packet)

    def sound(self, packet: Packet[Any]) -> None:
        packet.stream = self._sound
        self._file.mux(packet)

    def close(self) -> bytes:
        self._file.close()
        return self._buffer.getvalue()


@dataclass(frozen=True)
class Waiting:
    """How handing on goes: what waits, what was lost for good, and in words why it doesn't go on."""

    pieces: int = 0
    bytes: int = 0
    lost: int = 0
    trouble: str = ""


class Outbox:
    """Hands pieces on in a thread of its own, one after the other, again and again until they are kept.

    ``unwanted`` is called, in that thread, when nobody wants them. When too much waits the oldest is
    lost, and the recording has a marked gap there.
    """

    def __init__(self, pieces: Pieces, unwanted: Callable[[], None]) -> None:
        self._pieces, self._unwanted = pieces, unwanted
        self._waiting: deque[tuple[int, bytes]] = deque()
        self._changed = threading.Condition()
        self._lost = 0
        self._trouble = ""
        self._is_closing = self._is_over = False
        self._thread = threading.Thread(target=self._work, name="pieces", daemon=True)
        self._thread.start()

    def put(self, number: int, body: bytes) -> None:
        """Hand this on; returns at once."""
        with self._changed:
            if self._is_over:
                return
            self._waiting.append((number, body))
            # The one that is just being sent stays.
            while len(self._waiting) > 2 and self._bytes() > MOST_WAITING_BYTES:
                gone, _ = self._waiting[1]
                del self._waiting[1]
                self._lost += 1
                log.error("piece %d of the recording is lost: %s", gone, self._trouble or "sending is slow")
            self._changed.notify_all()

    @property
    def state(self) -> Waiting:
        with self._changed:
            return Waiting(len(self._waiting), self._bytes(), self._lost, self._trouble)

    def close(self, seconds: float) -> Waiting:
        """Hand on what is left, for so long at most; gives how it went."""
        with self._changed:
            self._is_closing = True
            self._changed.notify_all()
        self._thread.join(seconds)
        with self._changed:
            self._is_over = True
            self._changed.notify_all()
        return self.state

    def _bytes(self) -> int:
        return sum(len(body) for _, body in self._waiting)

    def _work(self) -> None:
        pause = FIRST_PAUSE
        while (piece := self._next()) is not None:
            try:
                self._pieces.put(*piece)
            except Unwanted:
                self._give_up()
                return
            except Exception as error:
                # Whatever it was: the piece is still there, and the next try may go well.
                log.warning("piece %d of the recording isn't kept yet: %s", piece[0], error)
                self._wait(pause, str(error) or type(error).__name__)
                pause = min(pause * 2, LONGEST_PAUSE)
            else:
                pause = FIRST_PAUSE
                self._sent()

    def _next(self) -> tuple[int, bytes] | None:
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._is_closing or self._is_over)
            return self._waiting[0] if self._waiting and not self._is_over else None

    def _sent(self) -> None:
        with self._changed:
            self._waiting.popleft()
            self._trouble = ""

    def _wait(self, seconds: float, why: str) -> None:
        with self._changed:
            self._trouble = why
            self._changed.wait_for(lambda: self._is_over, seconds)

    def _give_up(self) -> None:
        with self._changed:
            self._is_over = True
            self._waiting.clear()
        self._unwanted()
