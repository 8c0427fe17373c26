"""The real services, where keys are at hand: AUDIMAX_TEST_DEEPGRAM_KEY, AUDIMAX_TEST_OPENAI_KEY and …_URL."""

from __future__ import annotations

import asyncio
import os

import pytest

from plugins.ai_assistant.agent import trial
from plugins.ai_assistant.settings import Settings
from plugins.ai_assistant.trials import SPOKEN
from tests.plugins.ai_assistant.agent.voices import word_errors

DEEPGRAM, OPENAI = (os.environ.get(f"AUDIMAX_TEST_{name}_KEY", "") for name in ("DEEPGRAM", "OPENAI"))
URL = os.environ.get("AUDIMAX_TEST_OPENAI_URL", "https://api.openai.com/v1")


@pytest.mark.optional
@pytest.mark.parametrize(
    "own",
    [
        pytest.param(
            Settings(provider="deepgram", deepgram_key=DEEPGRAM or "none"),
            marks=pytest.mark.skipif(not DEEPGRAM, reason="no key: AUDIMAX_TEST_DEEPGRAM_KEY"),
            id="deepgram",
        ),
        pytest.param(
            Settings(provider="openai", speech_key=OPENAI or "none", speech_url=URL),
            marks=pytest.mark.skipif(not OPENAI, reason="no key: AUDIMAX_TEST_OPENAI_KEY"),
            id="openai",
        ),
    ],
)
def test_a_real_provider_understands_the_sample(own: Settings) -> None:
    made = asyncio.run(trial.attempt(own))
    assert word_errors(SPOKEN, made.get("text", "")) < 0.2, made
