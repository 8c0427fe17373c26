"""An ear for engines that take whole recordings: speech is found, cut into pieces, and they are heard.

Last lines go before lines in the making, which are left out while the engine is behind.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from typing import Protocol

import numpy as np
from livekit import rtc

# The detector of livekit.agents.inference without its stream, which keeps sound and threads of its own.
from livekit.local_inference import VAD

from plugins.ai_assistant.agent.speech import Heard
from plugins.ai_assistant.agent.speech.segments import SECONDS, WINDOW, Piece, Sound, Splitter


class Recognizer(Protocol):
    """Understands one piece of speech; raises ``Trouble``."""

    interim_seconds: float

    @property
    def is_free(self) -> bool:
        """Whether it has time for a line in the making."""

    async def recognize(self, sound: Sound, final: bool) -> tuple[str, str]:
        """The text of it, and its language if the engine tells."""


class BatchEar:
    """One stream of sound, heard in pieces. ``seconds`` counts what the engine was given."""

    def __init__(self, recognizer: Recognizer) -> None:
        self.seconds = 0.0
        self._recognizer = recognizer
        self._detector = VAD()
        self._splitter = Splitter(interim_every=round(recognizer.interim_seconds / SECONDS))
        self._left: Sound = np.zeros(0, np.int16)
        self._finals: deque[Piece] = deque()
        self._interim: Piece | None = None
        self._more = asyncio.Event()
        self._is_over = False

    def push(self, frame: rtc.AudioFrame) -> None:
        sound = np.concatenate([self._left, np.frombuffer(frame.data, np.int16)])
        whole = len(sound) // WINDOW * WINDOW
        self._left = sound[whole:]
        for window in sound[:whole].reshape(-1, WINDOW):
            # A thirtieth of a millisecond: handing it to a thread takes longer.
            voice = self._detector.predict(window)
            for piece in self._splitter.add(window, voice):
                self._put(piece)

    def end(self) -> None:
        for piece in self._splitter.rest():
            self._put(piece)
        self._is_over = True
        self._more.set()

    async def __aiter__(self) -> AsyncIterator[Heard]:
        while True:
            piece = self._next()
            if piece is not None:
                yield await self._understand(piece)
            elif self._is_over:
                return
            else:
                self._more.clear()
                await self._more.wait()

    async def close(self) -> None:
        self._is_over = True
        self._more.set()

    def _next(self) -> Piece | None:
        if self._finals:
            return self._finals.popleft()
        piece, self._interim = self._interim, None
        return piece if piece is not None and self._recognizer.is_free else None

    async def _understand(self, piece: Piece) -> Heard:
        self.seconds += piece.end - piece.start
        text, language = await self._recognizer.recognize(piece.sound, piece.final)
        is_old = not piece.final and bool(self._finals)
        return Heard("" if is_old else text, piece.start, piece.end, piece.final, language)

    def _put(self, piece: Piece) -> None:
        if piece.final:
            self._finals.append(piece)
            self._interim = None
        else:
            self._interim = piece
        self._more.set()
