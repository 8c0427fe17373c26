"""From sound to text: one ``Ear`` for each microphone, whoever does the work behind it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Literal, NamedTuple, Protocol

from livekit import rtc

RATE = 16_000
Code = Literal["bad_key", "no_credit", "too_many", "provider_down", "no_model", "no_language", "unknown"]


class Trouble(Exception):
    """Speech can't be written along right now; ``detail`` is for hosts and admins, never a key."""

    def __init__(self, code: Code, detail: str = "") -> None:
        super().__init__(f"{code}: {detail}")
        self.code: Code = code
        self.detail = detail[:300]


class Heard(NamedTuple):
    """What was understood from ``start`` to ``end``, in seconds of the sound given so far.

    One that isn't ``final`` is replaced by the next. One without text says only that the engine answers.
    """

    text: str
    start: float
    end: float
    final: bool
    language: str = ""


class Ear(Protocol):
    """One stream of sound. Iterating it ends after ``end``, or raises ``Trouble``."""

    seconds: float

    def push(self, frame: rtc.AudioFrame) -> None:
        """Give it more sound: 16 kHz, one channel."""

    def end(self) -> None:
        """No more sound comes: what it still has is heard, then iterating ends."""

    def __aiter__(self) -> AsyncIterator[Heard]: ...

    async def close(self) -> None:
        """Stop at once."""


class Engine(Protocol):
    """One provider with its settings."""

    def warm_up(self) -> None:
        """Get ready before anybody speaks."""

    async def open(self) -> Ear:
        """An ear for one more microphone; raises ``Trouble``."""


@dataclass(frozen=True)
class Wanted:
    """Who is to write along, as the web says."""

    provider: str = "off"
    language: str = ""
    url: str = ""
    model: str = ""
    folder: str = ""
    terms: tuple[str, ...] = ()


@dataclass(frozen=True)
class Keys:
    """What the providers know us by; from our own settings, never over the wire."""

    deepgram: str = ""
    openai: str = ""

    def __repr__(self) -> str:
        return "Keys(…)"


def engine(wanted: Wanted, keys: Keys) -> Engine:
    """The engine that was asked for; raises ``Trouble`` where there is none."""
    # Each brings libraries that the others don't need.
    if wanted.provider == "deepgram":
        from plugins.ai_assistant.agent.speech.deepgram import Deepgram

        return Deepgram(wanted, keys.deepgram)
    if wanted.provider == "openai":
        from plugins.ai_assistant.agent.speech.openai import OpenAi

        return OpenAi(wanted, keys.openai)
    if wanted.provider == "offline":
        from plugins.ai_assistant.agent.speech.offline import offline

        return offline(wanted)
    raise Trouble("unknown", f"no provider is called {wanted.provider!r}")
