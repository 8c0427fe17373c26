"""Any server that speaks OpenAI's language: it is sent each piece of speech as a recording."""

from __future__ import annotations

import asyncio
from typing import Any

from livekit import rtc
from livekit.agents import APIConnectOptions
from livekit.plugins import openai

from plugins.ai_assistant.agent.speech import RATE, Trouble, Wanted
from plugins.ai_assistant.agent.speech.batches import BatchEar
from plugins.ai_assistant.agent.speech.segments import Sound
from plugins.ai_assistant.agent.speech.terms import prompt
from plugins.ai_assistant.agent.speech.troubles import trouble

NAME = "The speech server"
ANSWER_SECONDS = 15.0
AT_ONCE = 4


class OpenAi:
    """The provider with one room's settings."""

    # Each line in the making costs as much as one that is done.
    interim_seconds = 2.5

    def __init__(self, wanted: Wanted, key: str) -> None:
        self._key = key
        is_auto = wanted.language in ("", "auto")
        given: dict[str, Any] = {"base_url": wanted.url} if wanted.url else {}
        if wanted.terms:
            given["prompt"] = prompt(wanted.terms)
        # Servers of one's own want no key, but the library does.
        self._stt = openai.STT(
            model=wanted.model or "whisper-1",
            api_key=key or "none",
            language="en" if is_auto else wanted.language,
            detect_language=is_auto,
            use_realtime=False,
            **given,
        )
        self._busy = 0
        self._turn = asyncio.Semaphore(AT_ONCE)

    def warm_up(self) -> None:
        pass

    async def open(self) -> BatchEar:
        return BatchEar(self)

    @property
    def is_free(self) -> bool:
        return self._busy < AT_ONCE

    async def recognize(self, sound: Sound, final: bool) -> tuple[str, str]:
        frame = rtc.AudioFrame(sound.tobytes(), RATE, 1, len(sound))
        self._busy += 1
        try:
            async with self._turn:
                return await self._ask(frame)
        except Exception as error:
            raise trouble(error, NAME, self._key) from None
        finally:
            self._busy -= 1

    async def _ask(self, frame: rtc.AudioFrame) -> tuple[str, str]:
        options = APIConnectOptions(max_retry=0, timeout=ANSWER_SECONDS)
        async with asyncio.timeout(ANSWER_SECONDS):
            answer = await self._stt.recognize(frame, conn_options=options)
        if not answer.alternatives:
            raise Trouble("provider_down", f"{NAME} answered nothing")
        first = answer.alternatives[0]
        return first.text.strip(), str(first.language or "")
