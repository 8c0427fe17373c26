"""The exporter: gets a lecture as data, gives a file."""

import re
from collections.abc import Iterator, Mapping
from io import BytesIO
from typing import Any
from urllib.parse import urlsplit

from audimax_links.settings import Options, Settings
from core.api import File, LecturePackage, Line, Prose, Section, Timeline, clock, file_name_of, settings

LINK = re.compile(r"https?://[^\s<>\"]+[^\s<>\".,;:!?)\]'”]")


class Links:
    """Every link of a lecture, in the order of its coming."""

    id = "links"
    title = "Links"
    description = "Every link that was said or written, as plain text."
    options = Options

    def export(self, package: LecturePackage, options: Mapping[str, Any]) -> File:
        found = dict(links(package))
        if not found:
            raise ValueError("There are no links in what you chose.")
        lines = [f"{link}  ({line})" if options["with_names"] else link for link, line in found.items()]
        text = "\n".join([package.title, "", *lines, ""])
        return File(file_name_of(f"{package.title} links", ".txt"), "text/plain", BytesIO(text.encode()))


def links(package: LecturePackage) -> Iterator[tuple[str, str]]:
    """Each link, and who brought it up."""
    left_out = settings(Settings).leave_out
    for section in package.sections:
        for line in lines_of(section):
            for link in LINK.findall(line.text):
                if urlsplit(link).hostname not in left_out:
                    yield link, f"{line.speaker}, {clock(line.at)}" if line.speaker else section.title


def lines_of(section: Section) -> Iterator[Line]:
    """What people said and wrote; other types of sections have no sentences."""
    if isinstance(section, Timeline):
        yield from section.lines
    if isinstance(section, Prose):
        yield from (Line(0, "", paragraph) for paragraph in section.paragraphs)
