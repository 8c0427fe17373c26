"""Lines of a timeline as subtitles. What people said can't end a cue or begin markup."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

from core.api import Line

# How long a line stays whose end isn't known, in seconds; the next one ends it sooner.
LONGEST = 7.0
MIMES = {"vtt": "text/vtt", "srt": "application/x-subrip"}


def web_vtt(lines: Sequence[Line]) -> str:
    """WebVTT (W3C): voices are tags."""
    cues = [f"{_clock(since, '.')} --> {_clock(until, '.')}\n{_voice(line)}{_plain(line.text)}"
            for since, until, line in _cues(lines)]  # fmt: skip
    return "\n\n".join(["WEBVTT", *cues]) + "\n"


def sub_rip(lines: Sequence[Line]) -> str:
    """SubRip: numbered, with a comma in its times."""
    cues = [
        f"{number}\n{_clock(since, ',')} --> {_clock(until, ',')}\n{_named(line)}"
        for number, (since, until, line) in enumerate(_cues(lines), 1)
    ]
    return "\n\n".join(cues) + "\n"


WRITERS: Mapping[str, Callable[[Sequence[Line]], str]] = {"vtt": web_vtt, "srt": sub_rip}


def _cues(lines: Sequence[Line]) -> Iterator[tuple[float, float, Line]]:
    said = [line for line in lines if line.text.strip()]
    for line, following in zip(said, [*said[1:], None], strict=True):
        until = line.at + LONGEST
        if following is not None and following.at > line.at:
            until = min(until, following.at)
        yield line.at, until, line


def _voice(line: Line) -> str:
    return f"<v {_plain(line.speaker)}>" if line.speaker else ""


def _named(line: Line) -> str:
    text = " ".join(f"{line.speaker}: {line.text}".split() if line.speaker else line.text.split())
    return text.replace("-->", "→")


def _plain(text: str) -> str:
    escaped = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return " ".join(escaped.split())


def _clock(seconds: float, point: str) -> str:
    whole, rest = divmod(round(max(0.0, seconds) * 1000), 1000)
    return f"{whole // 3600:02}:{whole // 60 % 60:02}:{whole % 60:02}{point}{rest:03}"
