"""What the player of the lecture's page has to know of a film."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from babel import Locale, UnknownLocaleError
from flask_babel import get_locale
from flask_babel import gettext as _

from core.captions import Cue
from core.contracts import Film, FilmSpan, Section, Timeline

# Seconds that a caption stands, and letters that people read in one; broadcasters' guidelines have 12 to 17.
SHORTEST, LONGEST, LETTERS_A_SECOND = 1.5, 7.0, 15


def told(film: Film) -> dict[str, Any]:
    """For the page's script, all times in seconds; ``spans`` are triples, ``gaps`` and ``chapters`` pairs."""
    return {
        "spans": [(span.start, span.end, span.at) for span in film.spans],
        "gaps": [(gap.at, gap.seconds) for gap in film.gaps],
        "chapters": film.chapters,
        "thumbnails": vars(film.thumbnails) if film.thumbnails else None,
        "length": film.length,
    }


def language(tag: str) -> str:
    """The language of a tag like ``pt-BR``, in that of the reader; the tag itself where nobody knows it."""
    try:
        spoken = Locale.parse(tag, sep="-")
    except (ValueError, UnknownLocaleError):
        return tag
    return spoken.get_display_name(get_locale()) or tag


def with_captions(lecture_id: str, sections: Sequence[Section]) -> list[Section]:
    """The same; films without captions have those that core makes of what was spoken, where something was."""
    if spoken(sections) is None:
        return list(sections)
    return [
        replace(one, captions=f"/lectures/{lecture_id}/sections/{one.id}.vtt")
        if isinstance(one, Film) and one.files and not one.captions
        else one
        for one in sections
    ]


def spoken(sections: Sequence[Section]) -> Timeline | None:
    """The timeline that was said aloud."""
    return next((one for one in sections if isinstance(one, Timeline) and one.spoken), None)


def cues(film: Film, said: Timeline) -> list[Cue]:
    """What was said while the film was made, in seconds of its file, and where somebody isn't recorded."""
    silent = [Cue(start, end, _("[not recorded]")) for start, end in film.unheard]
    return sorted([*_said(film, said), *silent], key=lambda cue: cue.since)


def _said(film: Film, said: Timeline) -> Iterator[Cue]:
    lines = [line for line in said.lines if line.speaker]
    for line, after in zip(lines, [*lines[1:], None], strict=True):
        stands = min(LONGEST, max(SHORTEST, len(line.text) / LETTERS_A_SECOND))
        until = line.at + stands
        if after is not None:
            until = max(line.at + SHORTEST, min(after.at, until))
        for span in film.spans or (FilmSpan(0.0, film.length or line.at + LONGEST, 0.0),):
            shift = span.start - span.at
            if span.start <= line.at + shift < span.end:
                yield Cue(line.at + shift, min(until + shift, span.end), line.text, line.speaker)
