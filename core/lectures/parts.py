"""What the lecture's page shows: its head, and of every section so much as it needs first."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from flask_babel import get_locale

from core.contracts import Line, Section, Timeline, Viewer
from core.db import now
from core.exports.packing import kind_of
from core.http.i18n import messages_for_browser
from core.lectures import films
from core.lectures.history import people_ever
from core.lectures.models import Lecture
from core.lectures.sections import PARTICIPANTS, sections_for
from core.text import direction

# Of each timeline, with the page itself; the page's script fetches the rest after the first paint.
FIRST_LINES = 40
LINES_AT_ONCE = 500
DIGEST_BYTES = 9


@dataclass(frozen=True)
class Row:
    """A line as the list has it. ``kind``: another speaker's ``turn``, a ``minute``, an ``aside``."""

    line: Line
    kind: str

    @property
    def direction(self) -> str:
        return direction(self.line.text)


@dataclass(frozen=True)
class Part:
    """A section on the page. ``is_known``: whoever asks has it as it is. ``within``: what links to a
    moment name beside the time, in all timelines but the first.
    """

    section: Section
    shape: str
    digest: str
    rows: Sequence[Row] = ()
    total: int = 0
    is_known: bool = False
    within: str = ""

    @property
    def has_more(self) -> bool:
        return len(self.rows) < self.total


@dataclass(frozen=True)
class Page:
    """The head of the page and its parts. ``making``: what is still being made, in words."""

    parts: Sequence[Part]
    people: int
    seconds: float
    making: Sequence[str]


def page_of(
    lecture: Lecture, viewer: Viewer, *, known: Collection[str] = (), lines: int | None = FIRST_LINES
) -> Page:
    """The lecture as this viewer may see it; ``lines`` of each timeline, None for all."""
    sections = films.with_chapters(sections_for(lecture, viewer, lines))
    sections = films.with_captions(lecture.public_id, sections)
    return Page(
        parts=list(_parts(sections, known, lines)),
        people=_people(lecture, sections),
        seconds=((lecture.ended_at or now()) - lecture.started_at).total_seconds(),
        making=list(dict.fromkeys(section.busy for section in sections if section.busy)),
    )


def _people(lecture: Lecture, sections: Sequence[Section]) -> int:
    for section in sections:
        if section.id == PARTICIPANTS:
            return len(getattr(section, "rows", ()))
    return people_ever([lecture.id])[lecture.id]


def _parts(sections: Sequence[Section], known: Collection[str], lines: int | None) -> Iterator[Part]:
    timelines = [section.id for section in sections if isinstance(section, Timeline)]
    for section in sections:
        mark = digest(section)
        within = section.id if section.id in timelines[1:] else ""
        rows = rows_of(section, 0, lines) if mark not in known else []
        yield Part(section, kind_of(section), mark, rows, total_of(section), mark in known, within)


def total_of(section: Section) -> int:
    """How many lines a timeline has, those that weren't asked for too."""
    return max(section.total, len(section.lines)) if isinstance(section, Timeline) else 0


def rows_of(section: Section, start: int, count: int | None) -> list[Row]:
    """Lines of a timeline from ``start`` on, as they follow on the one before; of all else none."""
    if not isinstance(section, Timeline):
        return []
    stop = len(section.lines) if count is None else start + count
    before = section.lines[start - 1] if 0 < start <= len(section.lines) else None
    found = []
    for line in section.lines[start:stop]:
        found.append(Row(line, _kind(line, before)))
        before = line
    return found


def _kind(line: Line, before: Line | None) -> str:
    if not line.speaker:
        return "aside"
    if before is None or (before.speaker, before.by_host) != (line.speaker, line.by_host):
        return "turn"
    return "minute" if line.at // 60 != before.at // 60 else ""


def digest(section: Section) -> str:
    """The same for the same content: by it a page knows what has changed."""
    said = dict(vars(section))
    if isinstance(section, Timeline):
        # However many lines were asked for.
        said["lines"], said["total"] = () if section.version else section.lines, 0
    told = json.dumps([kind_of(section), said], default=_plain)
    return hashlib.blake2b(told.encode(), digest_size=DIGEST_BYTES).hexdigest()


def _plain(value: Any) -> Any:
    if isinstance(value, Line):
        return value.at, value.speaker, value.text, value.by_host
    return vars(value) if dataclasses.is_dataclass(value) else str(value)


def words() -> dict[str, Any]:
    """What the page's script says, in the reader's language."""
    locale = str(get_locale() or "en")
    return {
        "locale": locale.replace("_", "-"),
        "strings": messages_for_browser(locale, under="ui/site/lecture"),
    }
