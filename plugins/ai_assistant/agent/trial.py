"""``python -m plugins.ai_assistant.agent try``: a spoken sample, taken the way of a lecture's sound.

Prints one line of JSON: ``text``, ``seconds`` until it was there, ``model``; or ``code``, why not.
"""

from __future__ import annotations

import asyncio
import json
import time
import wave
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from livekit import rtc

from plugins.ai_assistant.agent.speech import RATE, Engine, Keys, Trouble, Wanted, engine
from plugins.ai_assistant.settings import Settings

SAMPLE = Path(__file__).with_name("sample.wav")
# As they come from LiveKit.
FRAME = RATE // 50
PATIENCE = 60.0


def wanted(own: Settings) -> Wanted:
    """What the settings say; the sample is English."""
    url, model = {
        "deepgram": (own.deepgram_url, own.deepgram_model),
        "openai": (own.speech_url, own.speech_model),
    }.get(own.provider, ("", own.whisper_folder or "moonshine"))
    return Wanted(own.provider, "en", url, model, own.whisper_folder)


async def attempt(own: Settings) -> dict[str, Any]:
    """Send the sample through the chosen provider."""
    chosen = wanted(own)
    begun = time.monotonic()
    try:
        async with asyncio.timeout(PATIENCE):
            text = await _heard(engine(chosen, Keys(own.deepgram_key, own.speech_key)))
    except Trouble as trouble:
        return {"code": trouble.code, "detail": trouble.detail}
    except TimeoutError:
        return {"code": "provider_down", "detail": "no answer"}
    return {"text": text, "seconds": round(time.monotonic() - begun, 2), "model": chosen.model}


async def _heard(engine: Engine) -> str:
    ear = await engine.open()
    try:
        for frame in _frames():
            ear.push(frame)
        ear.end()
        return " ".join([heard.text async for heard in ear if heard.final and heard.text])
    finally:
        await ear.close()


def _frames() -> Iterator[rtc.AudioFrame]:
    with wave.open(str(SAMPLE)) as sound:
        while samples := sound.readframes(FRAME):
            yield rtc.AudioFrame(samples, RATE, 1, len(samples) // 2)


def run(own: Settings) -> None:
    """Try, and print what came of it."""
    print(json.dumps(asyncio.run(attempt(own))), flush=True)
