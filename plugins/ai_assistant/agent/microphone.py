"""One microphone that is open: its sound goes to an ear, what is heard comes out as lines.

When the ear fails another is opened after a pause, and hears what the last one hadn't finished.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import deque
from typing import Protocol

from livekit import rtc
from livekit.agents import utils

from core.agents import Clock
from plugins.ai_assistant.agent.health import Health
from plugins.ai_assistant.agent.lines import LONGEST_TEXT, Line, Speaker, new_id
from plugins.ai_assistant.agent.speech import RATE, Ear, Engine, Heard, Trouble
from plugins.ai_assistant.agent.speech.troubles import trouble

log = logging.getLogger(__name__)

FRAME_MS = 50
# Sound that is still on its way when somebody mutes.
TAIL_SECONDS = 0.3
# For the last words.
DRAIN_SECONDS = 8.0
REMEMBERED_SECONDS = 15.0
SLOWLY = frozenset({"bad_key", "no_credit", "no_model", "no_language"})
PAUSES = {True: (30.0, 300.0), False: (0.5, 15.0)}
# An ear that heard for so long was a good one.
LONG_ENOUGH = 60.0


class Desk(Protocol):
    """Where lines go."""

    clock: Clock
    health: Health

    def change_engine(self) -> None:
        """There is another one from now on, with a health of its own."""

    def count(self, seconds: float) -> None:
        """So much more sound was given to the engine."""

    async def guess(self, line: Line) -> None: ...

    async def finish(self, line: Line) -> None: ...

    async def take_back(self, line_id: str) -> None: ...


class Microphone:
    """Listens from its making until ``mute`` or ``forget``."""

    def __init__(self, track: rtc.Track, speaker: Speaker, engine: Engine, desk: Desk) -> None:
        self.speaker = speaker
        self._track, self._engine, self._desk = track, engine, desk
        # The engine's that it listens with: there may be another before the last words are heard.
        self._health = desk.health
        self._sound = _Sound()
        self._ear: Ear | None = None
        self._counted = 0.0
        self._line_id = new_id()
        self._heard_at = desk.clock.now()
        self._over = asyncio.Event()
        self._limit: asyncio.Timeout | None = None
        self._reader = asyncio.create_task(self._read(), name=f"sound of {speaker.track}")
        self.task = asyncio.create_task(self._listen(), name=f"speech of {speaker.track}")

    def mute(self) -> None:
        """Nothing more is said: the last words are heard, then it ends by itself."""
        asyncio.get_running_loop().call_later(TAIL_SECONDS, self._reader.cancel)

    async def forget(self) -> None:
        """End at once; what is being said was not heard."""
        await utils.aio.cancel_and_wait(self._reader, self.task)

    async def _read(self) -> None:
        stream = rtc.AudioStream(self._track, sample_rate=RATE, num_channels=1, frame_size_ms=FRAME_MS)
        try:
            async for event in stream:
                self._take(event.frame)
        finally:
            self._end()
            await stream.aclose()

    def _take(self, frame: rtc.AudioFrame) -> None:
        self._heard_at = self._desk.clock.now()
        self._sound.add(frame)
        if self._ear is not None:
            with contextlib.suppress(RuntimeError):
                # One that has just failed takes no more; the sound is remembered for the next.
                self._ear.push(frame)
            self._count()

    def _end(self) -> None:
        self._over.set()
        if self._ear is not None:
            self._end_ear(self._ear)

    def _end_ear(self, ear: Ear) -> None:
        with contextlib.suppress(RuntimeError):
            ear.end()
        if self._limit is not None:
            self._limit.reschedule(asyncio.get_running_loop().time() + DRAIN_SECONDS)

    async def _listen(self) -> None:
        pauses = _Pauses()
        try:
            while True:
                # Once the sound is over, what is left of it gets one more try.
                is_last = self._over.is_set()
                if await self._listens_well() or is_last:
                    break
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(pauses.next(self._failed_with)):
                        await self._over.wait()
        finally:
            self._reader.cancel()
            self._health.gone(self)
            await self._desk.take_back(self._line_id)

    async def _listens_well(self) -> bool:
        """Listen until there is no more sound; whether that went well."""
        try:
            async with asyncio.timeout(None) as self._limit:
                await self._listen_with(await self._engine.open())
            return True
        except TimeoutError:
            log.warning("the last words of a microphone took too long")
            return True
        except Exception as error:
            found = trouble(error, "The engine of speech")
            if not isinstance(error, Trouble):
                log.exception("the engine of speech failed")
            self._failed_with = found.code
            self._health.failed(self, found)
            return False

    async def _listen_with(self, ear: Ear) -> None:
        base = self._sound.begins
        self._counted = 0.0
        for frame in self._sound.frames():
            ear.push(frame)
        self._ear = ear
        if self._over.is_set():
            self._end_ear(ear)
        try:
            async for heard in ear:
                self._count()
                await self._hear(heard, base)
        finally:
            self._count()
            self._ear = None
            await ear.close()

    async def _hear(self, heard: Heard, base: float) -> None:
        self._health.worked(self)
        if heard.final:
            self._sound.forget(base + heard.end)
        if heard.text:
            line = self._line(heard, base)
            await (self._desk.finish(line) if heard.final else self._desk.guess(line))
        elif heard.final:
            await self._desk.take_back(self._line_id)
        if heard.final:
            self._line_id = new_id()

    def _line(self, heard: Heard, base: float) -> Line:
        # The last sound has come just now, whatever was lost on the way before.
        zero = self._heard_at - self._sound.ends + base
        return Line(
            id=self._line_id,
            speaker=self.speaker,
            text=heard.text[:LONGEST_TEXT],
            started_at=zero + heard.start,
            ended_at=zero + max(heard.start, heard.end),
            language=heard.language,
            final=heard.final,
        )

    def _count(self) -> None:
        if self._ear is not None:
            self._desk.count(self._ear.seconds - self._counted)
            self._counted = self._ear.seconds


class _Sound:
    """What was said lately and isn't understood for good, in seconds since the microphone opened."""

    def __init__(self) -> None:
        self.begins = self.ends = 0.0
        self._frames: deque[rtc.AudioFrame] = deque()

    def add(self, frame: rtc.AudioFrame) -> None:
        self._frames.append(frame)
        self.ends += frame.duration
        self.forget(self.ends - REMEMBERED_SECONDS)

    def forget(self, until: float) -> None:
        while self._frames and self.begins + self._frames[0].duration <= until:
            self.begins += self._frames.popleft().duration

    def frames(self) -> list[rtc.AudioFrame]:
        return list(self._frames)


class _Pauses:
    """How long to wait before the next try: longer each time, and long where a human has to act."""

    def __init__(self) -> None:
        self._pause, self._is_slow = 0.0, False
        self._last = 0.0

    def next(self, code: str) -> float:
        now = asyncio.get_running_loop().time()
        is_slow = code in SLOWLY
        first, longest = PAUSES[is_slow]
        starts_anew = (
            not self._pause or is_slow != self._is_slow or now - self._last > LONG_ENOUGH + self._pause
        )
        self._pause = first if starts_anew else min(self._pause * 2, longest)
        self._is_slow, self._last = is_slow, now
        return self._pause
