"""Lines of a timeline as subtitles. What people said can't end a cue or begin markup."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

from core.api import Cue, Line, caption_time
from core.api import web_vtt as written_as_web_vtt

# How long a line stays whose end isn't known, in seconds; the next one ends it sooner.
LONGEST = 7.0
MIMES = {"vtt": "text/vtt", "srt": "application/x-subrip"}


def web_vtt(lines: Sequence[Line]) -> str:
    """WebVTT (W3C): voices are tags."""
    return written_as_web_vtt(_cues(lines))


def sub_rip(lines: Sequence[Line]) -> str:
    """SubRip: numbered, with a comma in its times."""
    cues = [
        f"{number}\n{caption_time(cue.since, ',')} --> {caption_time(cue.until, ',')}\n{_named(cue)}"
        for number, cue in enumerate(_cues(lines), 1)
    ]
    return "\n\n".join(cues) + "\n"


WRITERS: Mapping[str, Callable[[Sequence[Line]], str]] = {"vtt": web_vtt, "srt": sub_rip}


def _cues(lines: Sequence[Line]) -> Iterator[Cue]:
    said = [line for line in lines if line.text.strip()]
    for line, following in zip(said, [*said[1:], None], strict=True):
        until = line.at + LONGEST
        if following is not None and following.at > line.at:
            until = min(until, following.at)
        yield Cue(line.at, until, line.text, line.speaker)


def _named(cue: Cue) -> str:
    text = " ".join(f"{cue.speaker}: {cue.text}".split() if cue.speaker else cue.text.split())
    return text.replace("-->", "→")
