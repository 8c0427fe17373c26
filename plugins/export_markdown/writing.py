"""A package as Markdown and as plain text. What is in it people wrote: nothing of it becomes markup."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from flask_babel import format_datetime
from flask_babel import gettext as _

from core.api import Facts, Files, LecturePackage, Line, Prose, Section, Table, Timeline, clock, file_size

# What Markdown (CommonMark, and the tables of GitHub's) reads as more than a letter.
MARKS = re.compile(r"([\\`*_{}\[\]()#+!|~>-])")
Escape = Callable[[str], str]


def markdown(package: LecturePackage) -> str:
    """Headings, paragraphs, lists and tables."""
    return _document(package, escaped, "# ", "## ", MARKDOWN)


def plain(package: LecturePackage) -> str:
    """The same for eyes only."""
    return _document(package, one_line, "", "", PLAIN)


def escaped(text: str) -> str:
    """One line that Markdown shows as it is."""
    safe = MARKS.sub(r"\\\1", one_line(text)).replace("<", "&lt;").replace("&amp;", "&amp;amp;")
    return re.sub(r"^(\d+)([.)])", r"\1\\\2", safe)


def one_line(text: str) -> str:
    return " ".join(str(text).split())


def _document(
    package: LecturePackage, text: Escape, title: str, heading: str, shapes: Mapping[type, Any]
) -> str:
    blocks = [f"{title}{text(package.title)}", text(f"{package.room_title}, {_when(package)}")]
    for section in package.sections:
        blocks.append(f"{heading}{text(section.title)}")
        blocks += [text(section.note)] if section.note else []
        blocks += [block for block in shapes[_kind(section)](section, text) if block]
    return "\n\n".join(blocks) + "\n"


def _kind(section: Section) -> type:
    return next(kind for kind in MARKDOWN if isinstance(section, kind))


def _when(package: LecturePackage) -> str:
    return str(format_datetime(package.started_at, _("d MMMM y, HH:mm")))


def _prose(section: Prose, text: Escape) -> Iterator[str]:
    yield from map(text, section.paragraphs)


def _timeline(section: Timeline, text: Escape) -> Iterator[str]:
    for line in section.lines:
        speaker = f"{text(_name(line))}: " if line.speaker else ""
        yield f"{clock(line.at)} {speaker}{text(line.text)}"


def _name(line: Line) -> str:
    return str(_("%(name)s (host)", name=line.speaker)) if line.by_host else line.speaker


def _facts(section: Facts, text: Escape) -> Iterator[str]:
    yield "\n".join(f"{text(name)}: {text(value)}" for name, value in section.facts)


def _fact_list(section: Facts, text: Escape) -> Iterator[str]:
    yield "\n".join(f"- **{text(name)}**: {text(value)}" for name, value in section.facts)


def _files(section: Files, text: Escape) -> Iterator[str]:
    yield "\n".join(f"- {text(file.name)} ({text(file_size(file.size))})" for file in section.files)


def _table(section: Table, text: Escape) -> Iterator[str]:
    rows = [section.columns, ("---",) * len(section.columns)]
    lines = [rows[0], *section.rows]
    made = ["| " + " | ".join(map(text, row)) + " |" for row in lines]
    yield "\n".join([made[0], "| " + " | ".join(rows[1]) + " |", *made[1:]])


def _columns(section: Table, text: Escape) -> Iterator[str]:
    yield "\n".join("\t".join(map(text, row)) for row in (section.columns, *section.rows))


MARKDOWN: Mapping[type, Any] = {
    Prose: _prose, Timeline: _timeline, Facts: _fact_list, Table: _table, Files: _files,
}  # fmt: skip
PLAIN: Mapping[type, Any] = {
    Prose: _prose, Timeline: _timeline, Facts: _facts, Table: _columns, Files: _files,
}  # fmt: skip
