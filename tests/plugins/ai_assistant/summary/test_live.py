"""The real service, where a key is at hand: AUDIMAX_TEST_OPENAI_KEY, …_URL and …_MODEL."""

from __future__ import annotations

import os

import pytest

from plugins.ai_assistant.summary import Model, summarize
from tests.plugins.ai_assistant.summary.conftest import SHORT

KEY = os.environ.get("AUDIMAX_TEST_OPENAI_KEY", "")
URL = os.environ.get("AUDIMAX_TEST_OPENAI_URL", "https://api.openai.com/v1")
MODEL = os.environ.get("AUDIMAX_TEST_OPENAI_MODEL", "gpt-4o-mini")


@pytest.mark.optional
@pytest.mark.skipif(not KEY, reason="no key for a real language model: AUDIMAX_TEST_OPENAI_KEY")
def test_a_real_model_sums_up_a_short_lecture() -> None:
    model = Model(MODEL, URL, KEY, most_tokens=20_000)
    made = summarize(SHORT, title="Linear algebra", language="en", model=model)
    assert made.summary.overview and made.tokens_in > 100
    assert made.summary.cited() <= {line.number for line in SHORT}
    assert any("Ben" in action.who for action in made.summary.actions)
