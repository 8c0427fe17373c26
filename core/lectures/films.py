"""What the player of the lecture's page has to know of a film."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from babel import Locale, UnknownLocaleError
from flask_babel import get_locale
from flask_babel import gettext as _

from core.captions import Cue
from core.contracts import Facts, Film, FilmSpan, Role, Section, Timeline, Viewer
from core.lectures.models import Lecture
from core.lectures.sections import sections_for
from core.text import moment, seconds

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
        if isinstance(one, Film) and one.played and not one.captions
        else one
        for one in sections
    ]


def with_chapters(sections: Sequence[Section]) -> list[Section]:
    """The same; films without chapters have those of the lecture's topics, where there are some."""
    topics = topics_of(sections)
    return [
        replace(one, chapters=chapters(one.spans, topics))
        if isinstance(one, Film) and not one.chapters
        else one
        for one in sections
    ]


def topics_of(sections: Sequence[Section]) -> list[tuple[float, str]]:
    """Where the lecture's topics begin, in seconds from its start, and what they are called."""
    facts = next((one.facts for one in sections if isinstance(one, Facts) and one.chapters), ())
    found = [moment(name) for name, _value in facts]
    return sorted((seconds(at), title) for at, title in found if at and title)


def lecture_topics(lecture: Lecture) -> list[tuple[float, str]]:
    """The same of a lecture as its hosts read it; every plugin is asked."""
    return topics_of(sections_for(lecture, Viewer(Role.HOST), lines=1))


def chapters(
    spans: Sequence[FilmSpan], moments: Sequence[tuple[float, str]]
) -> tuple[tuple[float, str], ...]:
    """Moments of the lecture (seconds, title) as chapters of a film that shows it so.

    What wasn't recorded begins where the film goes on; of several that begin there it is the last.
    """
    made: dict[float, str] = {}
    for at, title in sorted(moments):
        second = _in_file(spans, at)
        if second is not None:
            made[second] = title
    return tuple(made.items())


def _in_file(spans: Sequence[FilmSpan], at: float) -> float | None:
    if not spans:
        return at
    after = next((span for span in spans if at < span.at + span.end - span.start), None)
    return None if after is None else round(after.start + max(0.0, at - after.at), 3)


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
        until = max(line.until, line.at + SHORTEST) if line.until else line.at + stands
        if after is not None:
            until = max(line.at + SHORTEST, min(after.at, until))
        for span in film.spans or (FilmSpan(0.0, film.length or line.at + LONGEST, 0.0),):
            shift = span.start - span.at
            if span.start <= line.at + shift < span.end:
                yield Cue(line.at + shift, min(until + shift, span.end), line.text, line.speaker)
