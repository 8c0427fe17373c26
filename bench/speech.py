"""A provider of captions for measurements: Deepgram by its protocol, on this machine."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from tests.fixtures.deepgram import Deepgram
from tests.plugins.ai_assistant.agent.web import Served


@contextmanager
def deepgram() -> Iterator[tuple[Deepgram, dict[str, str]]]:
    """The stand-in, and the assistant's settings that lead to it."""
    stand_in = Deepgram()
    served = Served(stand_in.app())
    try:
        yield (
            stand_in,
            {"provider": "deepgram", "deepgram_url": f"{served.url}/v1/listen", "deepgram_key": stand_in.key},
        )
    finally:
        served.down()
