"""Models on our own machine: moonshine for English, which comes with us, and any Whisper from a folder.

A process has one model, and understands one piece at a time.
"""

from __future__ import annotations

import asyncio
import ctypes
import importlib.util
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from plugins.ai_assistant.agent.speech import RATE, Trouble, Wanted
from plugins.ai_assistant.agent.speech.batches import BatchEar
from plugins.ai_assistant.agent.speech.segments import Sound
from plugins.ai_assistant.agent.speech.terms import Glossary, prompt

Understand = Callable[[Sound], str]
# Lines in the making may take a third of the engine's time.
REST = 2.0
WHISPER_THREADS = 2
# Without quiet around a piece moonshine makes up words at its ends.
QUIET = np.zeros(round(0.3 * RATE), np.int16)


def offline(wanted: Wanted) -> Offline:
    """The model for that language; raises ``Trouble`` where there is none."""
    is_english = wanted.language.partition("-")[0].lower() in ("", "en")
    if is_english and importlib.util.find_spec("moonshine_voice"):
        return Offline(_moonshine, "en", Glossary(wanted.terms))
    if wanted.folder:
        return _whisper_of(wanted)
    if wanted.language == "auto":
        return offline(Wanted("offline", "en", terms=wanted.terms))
    if is_english:
        raise Trouble("no_model", "no wheel of moonshine-voice fits this machine")
    raise Trouble("no_language", f"the model on our machine speaks English only, not {wanted.language!r}")


def _whisper_of(wanted: Wanted) -> Offline:
    if not Path(wanted.folder).is_dir():
        raise Trouble("no_model", f"whisper_folder: there is no folder {wanted.folder}")
    if not importlib.util.find_spec("faster_whisper"):
        raise Trouble("no_model", "faster-whisper isn't installed")
    language = "" if wanted.language == "auto" else wanted.language.partition("-")[0].lower()

    def load() -> Understand:
        return _whisper(wanted.folder, language, prompt(wanted.terms))

    return Offline(load, language, Glossary(()))


class Offline:
    """One model for all microphones."""

    interim_seconds = 1.0

    def __init__(self, load: Callable[[], Understand], language: str, glossary: Glossary) -> None:
        self._load, self._language, self._glossary = load, language, glossary
        self._waiting = 0
        self._rests_until = 0.0

    def warm_up(self) -> None:
        # Whoever opens the first ear is told what went wrong.
        _thread().submit(self._load)

    async def open(self) -> BatchEar:
        await self._in_thread(self._loaded)
        return BatchEar(self)

    @property
    def is_free(self) -> bool:
        return not self._waiting and time.monotonic() >= self._rests_until

    async def recognize(self, sound: Sound, final: bool) -> tuple[str, str]:
        self._waiting += 1
        began = time.monotonic()
        try:
            text = await self._in_thread(lambda: self._loaded()(sound))
        finally:
            self._waiting -= 1
        if not final:
            self._rests_until = time.monotonic() + REST * (time.monotonic() - began)
        return self._glossary.correct(text), self._language

    def _loaded(self) -> Understand:
        try:
            return self._load()
        except Trouble:
            raise
        except Exception as error:
            raise Trouble("no_model", f"the model can't be loaded: {type(error).__name__}") from error

    async def _in_thread(self, do: Callable[[], Any]) -> Any:
        return await asyncio.get_running_loop().run_in_executor(_thread(), do)


@cache
def _thread() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(1, thread_name_prefix="speech")


@cache
def _moonshine() -> Understand:
    import moonshine_voice
    from moonshine_voice.moonshine_api import ModelArch
    from moonshine_voice.transcriber import Transcriber

    folder = Path(moonshine_voice.__file__).parent / "assets" / "tiny-en"
    # With a threshold of its own it invents words at the edges; who is no matter, LiveKit knows.
    options = {"vad_threshold": "0.0", "identify_speakers": "false"}
    model = Transcriber(folder, ModelArch.TINY, options=options)

    def understand(sound: Sound) -> str:
        scaled: Any = np.divide(np.concatenate([QUIET, sound, QUIET]), 32768, dtype=np.float32)
        samples = (ctypes.c_float * len(scaled)).from_buffer(scaled)
        lines = model.transcribe_without_streaming(samples, RATE).lines
        return " ".join(line.text.strip() for line in lines).strip()

    return understand


@lru_cache(maxsize=1)
def _whisper_model(folder: str) -> Any:
    from faster_whisper import WhisperModel

    return WhisperModel(folder, device="cpu", compute_type="int8", cpu_threads=WHISPER_THREADS)


def _whisper(folder: str, language: str, terms: str) -> Understand:
    model = _whisper_model(folder)

    def understand(sound: Sound) -> str:
        pieces, _about = model.transcribe(
            np.divide(sound, 32768, dtype=np.float32),
            language=language or None,
            beam_size=1,
            condition_on_previous_text=False,
            without_timestamps=True,
            initial_prompt=terms or None,
            hotwords=terms or None,
        )
        return " ".join(piece.text.strip() for piece in pieces).strip()

    return understand
