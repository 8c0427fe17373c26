"""Which model listens on our own machine, and why none does."""

from __future__ import annotations

import asyncio
import importlib.util
import sys
import types
from pathlib import Path
from typing import Any

import pytest

from plugins.ai_assistant.agent.speech import Trouble, Wanted, offline
from tests.plugins.ai_assistant.agent import voices


def code(**wanted: str) -> str:
    with pytest.raises(Trouble) as raised:
        offline.offline(Wanted("offline", **wanted))  # type: ignore[arg-type]
    return raised.value.code


def hide(monkeypatch: pytest.MonkeyPatch, module: str) -> None:
    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == module else find(name))


def test_another_language_needs_a_folder() -> None:
    assert code(language="de") == "no_language"


def test_a_folder_that_is_missing_is_named() -> None:
    with pytest.raises(Trouble, match="/nowhere"):
        offline.offline(Wanted("offline", "de", folder="/nowhere"))


def test_where_no_wheel_fits_that_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    hide(monkeypatch, "moonshine_voice")
    assert code(language="en") == "no_model"


def test_a_folder_without_its_library_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hide(monkeypatch, "faster_whisper")
    assert code(language="de", folder=str(tmp_path)) == "no_model"


def test_whisper_gets_language_and_terms(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: dict[str, Any] = {}

    class WhisperModel:
        def __init__(self, folder: str, **options: Any) -> None:
            asked["folder"] = folder

        def transcribe(self, sound: Any, **options: Any) -> tuple[list[Any], Any]:
            asked.update(options, loudest=abs(sound).max())
            return [types.SimpleNamespace(text=" Guten Morgen.")], None

    module = types.ModuleType("faster_whisper")
    module.WhisperModel = WhisperModel  # type: ignore[attr-defined]
    module.__spec__ = importlib.util.spec_from_loader("faster_whisper", None)
    monkeypatch.setitem(sys.modules, "faster_whisper", module)
    made = offline.offline(Wanted("offline", "de-AT", folder=str(tmp_path), terms=("Fourier", "Euler")))
    heard = asyncio.run(made.recognize(voices.spoken("Guten Morgen", "de"), final=True))
    assert heard == ("Guten Morgen.", "de")
    assert (asked["folder"], asked["language"], asked["initial_prompt"]) == (
        str(tmp_path),
        "de",
        "Fourier, Euler",
    )
    assert 0 < asked["loudest"] <= 1


def test_a_guess_never_goes_before_a_last_word() -> None:
    made = offline.offline(Wanted("offline", "en"))
    sound = voices.spoken("Good morning everybody.")

    async def run() -> tuple[bool, bool]:
        before = made.is_free
        final = asyncio.create_task(made.recognize(sound, final=True))
        await asyncio.sleep(0)
        during = made.is_free
        await final
        return before, during

    assert asyncio.run(run()) == (True, False)


def test_guesses_take_a_third_of_the_time_at_most() -> None:
    made = offline.offline(Wanted("offline", "en"))

    async def run() -> bool:
        await made.recognize(voices.spoken("Good morning everybody."), final=False)
        return made.is_free

    assert not asyncio.run(run())
