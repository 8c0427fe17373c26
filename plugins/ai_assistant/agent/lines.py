"""What somebody said, from the first guess to the last."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import Literal

LONGEST_TEXT = 2000
LONGEST_NAME = 100
Source = Literal["microphone", "screen"]


@dataclass(frozen=True)
class Speaker:
    """Somebody's microphone, or the sound of the screen that they share."""

    identity: str
    name: str
    track: str
    source: Source


@dataclass(frozen=True)
class Line:
    """One piece of what somebody says; ``id`` stays while the text changes. Unix seconds of the web."""

    id: str
    speaker: Speaker
    text: str
    started_at: float
    ended_at: float
    language: str
    final: bool


def new_id() -> str:
    return secrets.token_urlsafe(12)
