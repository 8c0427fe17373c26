"""What people said, as captions for a player."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Cue:
    """Words that stand from ``since`` to ``until``, in seconds from the beginning."""

    since: float
    until: float
    text: str
    speaker: str = ""


def web_vtt(cues: Iterable[Cue]) -> str:
    """A WebVTT file (W3C); voices are tags. What people said can't end a cue or begin markup."""
    return "\n\n".join(["WEBVTT", *map(_written, cues)]) + "\n"


def caption_time(seconds: float, point: str = ".") -> str:
    """``00:12:30.500``, as WebVTT writes it; SubRip has a comma for the point."""
    whole, rest = divmod(round(max(0.0, seconds) * 1000), 1000)
    return f"{whole // 3600:02}:{whole // 60 % 60:02}:{whole % 60:02}{point}{rest:03}"


def _written(cue: Cue) -> str:
    voice = f"<v {_plain(cue.speaker)}>" if cue.speaker else ""
    return f"{caption_time(cue.since)} --> {caption_time(cue.until)}\n{voice}{_plain(cue.text)}"


def _plain(text: str) -> str:
    escaped = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return " ".join(escaped.split())
