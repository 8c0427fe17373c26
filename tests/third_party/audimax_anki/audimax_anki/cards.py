"""What of a lecture can be learned: a card for each question that was answered, and for each key topic."""

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass

from core.api import Facts, LecturePackage, Section, Table

# The parts of a section's id that say what it is; before them stands the plugin that made it.
ASKED = ("questions", "faq")
EXPLAINED = ("topics", "glossary", "terms")
# Key topics begin with their moment in the lecture, which nobody has to learn.
MOMENT = re.compile(r"^(\d+:)?\d{1,2}:\d{2}\s+")


@dataclass(frozen=True)
class Card:
    """One note: ``key`` is the same for the same front of the same lecture."""

    key: str
    front: str
    back: str
    tag: str


def cards(package: LecturePackage, with_topics: bool = True) -> list[Card]:
    """Cards in the order of the lecture; of two with the same front the first."""
    found: dict[str, Card] = {}
    for section in package.sections:
        for front, back in pairs(section, with_topics):
            front, back = front.strip(), back.strip()
            if front and back:
                key = hashlib.sha256(f"{package.id}\n{front}".encode()).hexdigest()[:16]
                found.setdefault(key, Card(key, front, back, section.id.rpartition("-")[2]))
    return list(found.values())


def pairs(section: Section, with_topics: bool) -> Iterator[tuple[str, str]]:
    """A question in the first column has its answer in the last one."""
    if isinstance(section, Table) and is_one_of(section, ASKED) and len(section.columns) > 1:
        yield from ((row[0], row[-1]) for row in section.rows)
    elif with_topics and isinstance(section, Table | Facts) and is_one_of(section, EXPLAINED):
        rows = section.facts if isinstance(section, Facts) else section.rows
        yield from ((MOMENT.sub("", row[0]), row[-1]) for row in rows if len(row) > 1)


def is_one_of(section: Section, kinds: tuple[str, ...]) -> bool:
    """``chat-questions`` are questions of the chat."""
    return section.id.rpartition("-")[2] in kinds
