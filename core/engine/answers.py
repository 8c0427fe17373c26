"""Whether an answer is what its hook promises, in type and in size, and what stands in for one that isn't."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from types import MappingProxyType, NoneType, UnionType
from typing import Any, get_origin, get_type_hints

from core import hookspecs
from core.contracts import (
    SECTION_TYPES,
    Facts,
    FileEntry,
    Files,
    Film,
    FilmGap,
    FilmSpan,
    Grants,
    Kind,
    Line,
    LiveSign,
    Process,
    Prose,
    Retained,
    RetentionKind,
    RoomUi,
    Section,
    Table,
    Thumbnails,
    Timeline,
    Verdict,
)

# How long a hook may take. Under load these protect the others, so they are generous.
SECONDS: Mapping[str, float] = MappingProxyType(
    {
        **dict.fromkeys(("blueprints", "storages", "exporters", "admin_pages", "health_checks"), 30.0),
        **dict.fromkeys(("jobs", "retention", "processes"), 30.0),
        **dict.fromkeys(("admit", "narrow_grants", "room_ui", "live_signs"), 5.0),
        "lecture_sections": 10.0,
        **dict.fromkeys(("personal_data", "erase", "on_event"), 600.0),
    }
)
MOST_OFFERS = 100
MOST_SECTIONS = 50
MOST_LINES = 100_000
MOST_MARKS = 10_000
LONGEST_SECTIONS = 10_000_000
LONGEST_REASON = 1_000
LONGEST_TITLE = 300
LONGEST_SIGN = 40
LARGEST_CONFIG = 64_000
NUMBERS = frozenset({int, float})
LANGUAGE = re.compile(r"(?:[A-Za-z]{2,3}(?:-[A-Za-z0-9]{2,8})*)?")


def refusal(hook: str, question: Mapping[str, Any]) -> Any:
    """What a guard that failed has said: no. None for every other hook."""
    from flask_babel import gettext as _

    if hook == "admit":
        reason = _("This room can't let anybody in right now. Please tell the host.")
        return {join.key: Verdict.deny(reason) for join in question["joins"]}
    if hook == "narrow_grants":
        # A plugin that is broken must not silence those who teach.
        return {one.id: Grants.none() for one in question["participants"] if not one.is_host}
    return None


def check(hook: str, value: Any, question: Mapping[str, Any]) -> None:
    """Raise ``TypeError`` or ``ValueError`` unless ``value`` is an answer to that hook's question.

    None means that a plugin has nothing to say, whatever the hook.
    """
    if value is None:
        return
    spec = getattr(hookspecs, hook)
    container: Any = {None: NoneType, dict: Mapping}.get(spec.returns, spec.returns)
    if not isinstance(value, container):
        raise TypeError(f"{hook}() must return {_name(spec.returns)}, not {_name(type(value))}")
    if isinstance(value, list | Mapping):
        _check_each(hook, value, spec.each, MOST_OFFERS if isinstance(value, list) else None)
    special = CHECKS.get(hook)
    if special is not None:
        special(value, question)


def _name(cls: Any) -> str:
    if isinstance(cls, UnionType):
        return " or ".join(map(_name, cls.__args__))
    return getattr(cls, "__name__", str(cls))


def _check_each(hook: str, value: Any, each: Any, most: int | None) -> None:
    if most is not None and len(value) > most:
        raise ValueError(f"{hook}() returned {len(value)} answers; {most} is the limit")
    for one in value.values() if isinstance(value, Mapping) else value:
        if each is not None and not isinstance(one, each):
            raise TypeError(f"{hook}() must return {_name(each)}, not {_name(type(one))}")


# --- joining --------------------------------------------------------------------------


def _check_admit(value: Mapping[str, Verdict], question: Mapping[str, Any]) -> None:
    _only_asked(value, {join.key for join in question["joins"]})
    for verdict in value.values():
        _check_verdict(verdict)


def _check_narrow_grants(value: Mapping[int, Grants], question: Mapping[str, Any]) -> None:
    _only_asked(value, {participant.id for participant in question["participants"]})
    for grants in value.values():
        if not all(isinstance(right, bool) for right in vars(grants).values()):
            raise TypeError("rights must be True or False")


def _check_live_signs(value: Mapping[int, LiveSign], question: Mapping[str, Any]) -> None:
    _only_asked(value, set(question["lecture_ids"]))
    for sign in value.values():
        _check_text(sign.words, LONGEST_SIGN)
        if not isinstance(sign.is_trouble, bool):
            raise TypeError("is_trouble must be True or False")


def _only_asked(value: Mapping[Any, Any], asked: set[Any]) -> None:
    if not value.keys() <= asked:
        raise ValueError("it answered for somebody who wasn't asked about")


def _check_verdict(verdict: Verdict) -> None:
    if not isinstance(verdict.kind, Kind):
        raise TypeError("a verdict's kind must be deny, ask or wait")
    for text in (verdict.reason, verdict.label, verdict.field):
        _check_text(text, LONGEST_REASON)
    if verdict.kind is Kind.ASK and not (verdict.field and callable(verdict.check)):
        raise TypeError("a verdict that asks needs a field and a check")
    _check_json(verdict.info)
    _check_text(verdict.stream, LONGEST_TITLE)
    if verdict.stream and not verdict.stream.startswith("/"):
        raise ValueError(f"{verdict.stream!r} must be a path below your mount, like '/stream'")
    if not isinstance(verdict.retry_after, int):
        raise TypeError("retry_after must be a whole number of seconds")


def _check_text(text: Any, longest: int) -> None:
    if not isinstance(text, str):
        raise TypeError(f"texts must be str, already translated, not {_name(type(text))}")
    if len(text) > longest:
        raise ValueError(f"a text of {len(text)} characters; {longest} is the limit")


# --- pages ----------------------------------------------------------------------------


def _check_json(given: Mapping[str, Any]) -> None:
    size = len(json.dumps(dict(given), allow_nan=False)) if given else 0
    if size > LARGEST_CONFIG:
        raise ValueError(f"JSON of {size} bytes; {LARGEST_CONFIG} is the limit")


def _check_room_ui(value: list[RoomUi], _question: Mapping[str, Any]) -> None:
    for ui in value:
        _check_json(ui.config)
        for path in (ui.module, *ui.css):
            _check_path(path)


def _check_path(path: Any) -> None:
    _check_text(path, LONGEST_TITLE)
    if path.startswith(("/", ".")) or ".." in path or ":" in path:
        raise ValueError(f"{path!r} must be a path below the plugin's static folder")


def _check_sections(value: list[Section], _question: Mapping[str, Any]) -> None:
    if len(value) > MOST_SECTIONS:
        raise ValueError(f"{len(value)} sections; {MOST_SECTIONS} is the limit")
    if len({section.id for section in value}) < len(value):
        raise ValueError("two of its sections have the same id")
    size = sum(_section_size(section) for section in value)
    if size > LONGEST_SECTIONS:
        raise ValueError(f"sections of {size} characters; {LONGEST_SECTIONS} is the limit")


def _section_size(section: Section) -> int:
    if type(section) not in SECTION_TYPES:
        names = ", ".join(cls.__name__ for cls in SECTION_TYPES)
        raise TypeError(f"a section must be one of {names}, not {_name(type(section))}")
    _check_text(section.id, LONGEST_TITLE)
    _check_text(section.title, LONGEST_TITLE)
    _check_text(section.note, LONGEST_REASON)
    _check_text(section.busy, LONGEST_TITLE)
    if isinstance(section, Timeline):
        _check_text(section.version, LONGEST_TITLE)
        if isinstance(section.total, bool) or not isinstance(section.total, int):
            raise TypeError("a timeline's total must be a whole number of lines")
    return sum(_parts_size(getattr(section, name)) for name in CONTENT[type(section)])


def _parts_size(parts: Any) -> int:
    if not isinstance(parts, tuple | list):
        raise TypeError(f"a section's parts must be a tuple, not {_name(type(parts))}")
    if len(parts) > MOST_LINES:
        raise ValueError(f"a section of {len(parts)} lines; {MOST_LINES} is the limit")
    return sum(map(_part_size, parts))


def _part_size(part: Any) -> int:
    if isinstance(part, Line):
        return _line_size(part)
    if isinstance(part, str):
        return len(part)
    if isinstance(part, FileEntry):
        return _texts_size((part.name, part.mime, part.url))
    if isinstance(part, tuple | list):
        return _texts_size(part)
    raise TypeError(f"a section can't hold {_name(type(part))}")


def _line_size(line: Line) -> int:
    # There may be thousands at each look at a page.
    if type(line.at) not in NUMBERS and not isinstance(line.at, float):
        raise TypeError("a line's time must be a number of seconds")
    if type(line.until) not in NUMBERS and not isinstance(line.until, float):
        raise TypeError("a line's end must be a number of seconds")
    if type(line.by_host) is not bool:
        raise TypeError("a line's by_host must be True or False")
    if type(line.speaker) is str and type(line.text) is str:
        return len(line.speaker) + len(line.text)
    return _texts_size((line.speaker, line.text))


def _texts_size(texts: Any) -> int:
    if not all(isinstance(text, str) for text in texts):
        raise TypeError("a section's texts must be str")
    return sum(map(len, texts))


def _content_of(cls: type[Section]) -> tuple[str, ...]:
    hints = get_type_hints(cls)
    return tuple(name for name in cls.__annotations__ if get_origin(hints[name]) is tuple)


# What a film has beside its files is small, and looked at by itself.
CONTENT = {cls: _content_of(cls) for cls in SECTION_TYPES} | {Film: _content_of(Files)}
EXPECTED = {Prose: str, Timeline: Line, Files: FileEntry, Film: FileEntry}


def _check_kinds(section: Section) -> None:
    wanted = EXPECTED.get(type(section))
    for name in CONTENT[type(section)]:
        parts = getattr(section, name)
        if wanted is not None and not all(isinstance(part, wanted) for part in parts):
            raise TypeError(f"{name} of {type(section).__name__} must be {_name(wanted)}")
    if isinstance(section, Facts) and any(len(pair) != 2 for pair in section.facts):
        raise ValueError(f"facts {section.id!r} must be pairs of a name and a value")
    if isinstance(section, Table) and any(len(row) != len(section.columns) for row in section.rows):
        raise ValueError(f"every row of table {section.id!r} needs {len(section.columns)} cells")


def _check_lecture_sections(value: list[Section], question: Mapping[str, Any]) -> None:
    _check_sections(value, question)
    for section in value:
        _check_kinds(section)
        if isinstance(section, Film):
            _check_film(section)


# --- films ----------------------------------------------------------------------------


def _check_film(film: Film) -> None:
    if film.plays is not None and not isinstance(film.plays, FileEntry):
        raise TypeError(f"what film {film.id!r} plays must be a FileEntry")
    if film.played is not None and not film.played.mime.startswith("video/"):
        raise ValueError(f"what film {film.id!r} plays must be a video, not {film.played.mime!r}")
    _check_spans(film.spans)
    _check_gaps(film.gaps)
    _check_chapters(film.chapters)
    _check_seconds(film.length)
    for turn in film.unheard:
        _check_seconds(*turn)
    _check_address(film.captions)
    if not isinstance(film.language, str) or not LANGUAGE.fullmatch(film.language):
        raise ValueError(f"a film's language must be a tag like 'en' or 'pt-BR', not {film.language!r}")
    if film.thumbnails is not None:
        _check_thumbnails(film.thumbnails)


def _check_spans(spans: Any) -> None:
    _check_all(spans, FilmSpan, "spans")
    for span in spans:
        _check_seconds(span.start, span.end, span.at)
        if span.start >= span.end:
            raise ValueError(f"a span from {span.start:g} s to {span.end:g} s shows nothing")
    _check_order([span.start for span in spans], "spans")
    _check_order([span.at for span in spans], "spans")
    if any(one.end > other.start for one, other in pairwise(spans)):
        raise ValueError("two spans of a film show the same part of its file")


def _check_gaps(gaps: Any) -> None:
    _check_all(gaps, FilmGap, "gaps")
    for gap in gaps:
        _check_seconds(gap.at, gap.seconds)
    _check_order([gap.at for gap in gaps], "gaps")


def _check_chapters(chapters: Any) -> None:
    _check_all(chapters, tuple, "chapters")
    if any(len(chapter) != 2 for chapter in chapters):
        raise ValueError("chapters of a film must be pairs of a second and a title")
    for at, title in chapters:
        _check_seconds(at)
        _check_text(title, LONGEST_TITLE)
    _check_order([at for at, _title in chapters], "chapters")


def _check_thumbnails(given: Any) -> None:
    _check_all((given,), Thumbnails, "thumbnails")
    _check_address(given.url)
    for name in ("width", "height", "across", "count"):
        number = getattr(given, name)
        if type(number) is not int or number < 1:
            raise ValueError(f"{name} of thumbnails must be a whole number from 1 on, not {number!r}")
    _check_seconds(given.every)
    if not (given.url and given.every):
        raise ValueError("thumbnails need an address, and seconds between them")


def _check_all(parts: Any, kind: type, name: str) -> None:
    if not isinstance(parts, tuple) or not all(isinstance(part, kind) for part in parts):
        raise TypeError(f"{name} of a film must be {_name(kind)}")
    if len(parts) > MOST_MARKS:
        raise ValueError(f"a film with {len(parts)} {name}; {MOST_MARKS} is the limit")


def _check_seconds(*numbers: Any) -> None:
    for number in numbers:
        if type(number) not in NUMBERS:
            raise TypeError(f"a film's times must be numbers of seconds, not {_name(type(number))}")
        if not math.isfinite(number) or number < 0:
            raise ValueError(f"a film's times must be seconds from 0 on, not {number}")


def _check_order(numbers: Sequence[float], name: str) -> None:
    if any(one > other for one, other in pairwise(numbers)):
        raise ValueError(f"{name} of a film must be in order of time")


def _check_address(address: Any) -> None:
    _check_text(address, LONGEST_REASON)
    # Two slashes, or one backwards, lead to another server.
    if address and not re.match(r"/(?![/\\])", address):
        raise ValueError(f"{address!r} must be an address of this site, like '/files/…'")


# --- start-up -------------------------------------------------------------------------


def _check_processes(value: list[Process], _question: Mapping[str, Any]) -> None:
    for process in value:
        if not process.argv or not all(isinstance(part, str) for part in process.argv):
            raise TypeError(f"process {process.name!r} needs argv: a tuple of texts")


def _check_retention(value: list[Retained], _question: Mapping[str, Any]) -> None:
    for one in value:
        if not isinstance(one.kind, RetentionKind) or one.kind is RetentionKind.LECTURES:
            raise ValueError(f"{one.kind!r} is no RetentionKind of plugins")


def _check_jobs(value: list[Any], _question: Mapping[str, Any]) -> None:
    import procrastinate

    for blueprint in value:
        if not isinstance(blueprint, procrastinate.Blueprint):
            raise TypeError(f"jobs() must return procrastinate blueprints, not {_name(type(blueprint))}")


CHECKS: Mapping[str, Callable[[Any, Mapping[str, Any]], None]] = MappingProxyType(
    {
        "admit": _check_admit,
        "narrow_grants": _check_narrow_grants,
        "room_ui": _check_room_ui,
        "live_signs": _check_live_signs,
        "lecture_sections": _check_lecture_sections,
        "processes": _check_processes,
        "jobs": _check_jobs,
        "retention": _check_retention,
    }
)
