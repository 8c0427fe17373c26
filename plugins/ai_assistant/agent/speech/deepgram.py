"""Deepgram: a socket for each microphone, that writes along as people speak."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

from livekit import rtc
from livekit.agents import APIConnectOptions, stt, utils
from livekit.plugins import deepgram

from plugins.ai_assistant.agent.speech import RATE, Heard, Trouble, Wanted
from plugins.ai_assistant.agent.speech.troubles import trouble

NAME = "Deepgram"
CONNECT_SECONDS = 8.0
# Deepgram takes 500 tokens of key terms.
MOST_TERMS, LONGEST_TERMS = 100, 1500
# The library goes on for up to five seconds after the last words; so long no more have come.
QUIET_SECONDS = 1.5
ANSWERS = Heard("", 0, 0, final=False)
KINDS = {stt.SpeechEventType.INTERIM_TRANSCRIPT: False, stt.SpeechEventType.FINAL_TRANSCRIPT: True}


class _Wake:
    """Nothing was heard, but look again."""


class Deepgram:
    """The provider with one room's settings."""

    def __init__(self, wanted: Wanted, key: str) -> None:
        if not key:
            raise Trouble("bad_key", "no key of Deepgram is set")
        self._wanted, self._key = wanted, key

    def warm_up(self) -> None:
        pass

    async def open(self) -> DeepgramEar:
        # One of its own for each stream: only so its reports tell which of them has connected.
        return DeepgramEar(deepgram.STT(**self._options()), self._key)

    def _options(self) -> dict[str, Any]:
        model = self._wanted.model or "nova-3"
        made: dict[str, Any] = {
            "api_key": self._key,
            "model": model,
            "language": _language(self._wanted.language),
            "interim_results": True,
            "smart_format": True,
            "filler_words": False,
            "endpointing_ms": 300,
            "sample_rate": RATE,
            "mip_opt_out": True,
            "http_session": utils.http_context.http_session(),
        }
        if self._wanted.url:
            made["base_url"] = self._wanted.url
        if model.startswith("nova-3") and self._wanted.terms:
            made["keyterm"] = _key_terms(self._wanted.terms)
        return made


class DeepgramEar:
    """One socket."""

    def __init__(self, maker: deepgram.STT, key: str) -> None:
        self.seconds = 0.0
        self._key = key
        self._quiet: float | None = None
        self._heard: asyncio.Queue[Heard | Exception | _Wake | None] = asyncio.Queue()
        maker.on("metrics_collected", self._connected)
        self._stream = maker.stream(conn_options=APIConnectOptions(max_retry=0, timeout=CONNECT_SECONDS))
        self._reader = asyncio.create_task(self._read())

    def push(self, frame: rtc.AudioFrame) -> None:
        self.seconds += frame.duration
        self._stream.push_frame(frame)

    def end(self) -> None:
        self._stream.end_input()
        self._quiet = QUIET_SECONDS
        # Wakes who waits without a limit.
        self._heard.put_nowait(_Wake())

    async def __aiter__(self) -> AsyncIterator[Heard]:
        while (one := await self._next()) is not None:
            if isinstance(one, Exception):
                raise trouble(one, NAME, self._key) from None
            if isinstance(one, Heard):
                yield one

    async def close(self) -> None:
        await utils.aio.cancel_and_wait(self._reader)
        await self._stream.aclose()

    async def _next(self) -> Heard | Exception | _Wake | None:
        try:
            # Not wait_for: what is heard at the moment of the cancellation would swallow it.
            async with asyncio.timeout(self._quiet):
                return await self._heard.get()
        except TimeoutError:
            return None

    async def _read(self) -> None:
        try:
            async for event in self._stream:
                if event.type in KINDS and event.alternatives:
                    self._heard.put_nowait(_heard(event.alternatives[0], KINDS[event.type]))
            self._heard.put_nowait(None)
        except Exception as error:
            self._heard.put_nowait(error)

    def _connected(self, metrics: Any) -> None:
        if getattr(metrics, "acquire_time", 0):
            self._heard.put_nowait(ANSWERS)


def _heard(said: stt.SpeechData, final: bool) -> Heard:
    return Heard(said.text.strip(), said.start_time, said.end_time, final, str(said.language or ""))


def _language(wanted: str) -> str:
    return "multi" if wanted in ("", "auto") else wanted


def _key_terms(terms: tuple[str, ...]) -> list[str]:
    taken, length = [], 0
    for term in terms[:MOST_TERMS]:
        length += len(term)
        if length > LONGEST_TERMS:
            break
        taken.append(term)
    return taken
