"""The exporter: gets a lecture as data, gives a file."""

from collections.abc import Iterator, Mapping
from io import BytesIO
from typing import Any

from audimax_hello.settings import Settings
from core.api import File, LecturePackage, Prose, Section, Timeline, clock, file_name_of, settings


class InShort:
    """The first lines of every section."""

    id = "hello"
    title = "Hello"
    description = "The first lines of every section, as plain text."

    def export(self, package: LecturePackage, options: Mapping[str, Any]) -> File:
        most = settings(Settings).most_lines
        lines = [package.title]
        for section in package.sections:
            lines += ["", section.title, *list(words(section))[:most]]
        name = file_name_of(package.title, ".txt")
        return File(name, "text/plain", BytesIO("\n".join(lines).encode()))


def words(section: Section) -> Iterator[str]:
    """What stands in a section, line by line. There are five types; this one knows two of them."""
    if isinstance(section, Prose):
        yield from section.paragraphs
    if isinstance(section, Timeline):
        yield from (f"{clock(line.at)} {line.speaker}: {line.text}" for line in section.lines)
