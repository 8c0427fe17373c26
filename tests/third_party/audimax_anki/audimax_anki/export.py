"""The exporter: a text file that Anki imports without a question.

Text instead of an ``.apkg``: every Anki since 2.1.54 reads it, the person sees what is imported, and notes
with a known key are updated. The format: https://docs.ankiweb.net/importing/text-files.html
"""

import csv
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from io import BytesIO, StringIO
from typing import Any

from audimax_anki.cards import Card, cards
from core.api import File, LecturePackage, file_name_of, one_line, setting

TAG = "audimax"


@dataclass(frozen=True)
class Options:
    """The form before an export."""

    deck: str = setting("", label="Deck", help="Empty: named like the lecture.", maximum=100)
    topics: bool = setting(True, label="Cards for key topics too")


class AnkiExporter:
    """Cards for Anki."""

    id = "anki"
    title = "Anki cards"
    description = "Questions with their answers and key topics, to learn with Anki."
    options = Options

    def export(self, package: LecturePackage, options: Mapping[str, Any]) -> File:
        found = cards(package, options["topics"])
        if not found:
            raise ValueError("There is nothing to make cards of: no answered question, and no key topic.")
        text = written(found, deck_name(options["deck"] or package.title))
        return File(file_name_of(f"{package.title} Anki", ".txt"), "text/plain", BytesIO(text.encode()))


def written(found: Sequence[Card], deck: str) -> str:
    """The file: what Anki is to know first, then a line for each note."""
    made = StringIO()
    for header in ("separator:tab", "html:false", "notetype:Basic", f"deck:{deck}"):
        made.write(f"#{header}\n")
    made.write("#guid column:1\n#tags column:4\n")
    # Quotes, tabs and line breaks within a field are what the quotes of CSV are for.
    lines = csv.writer(made, delimiter="\t", lineterminator="\n")
    lines.writerows((card.key, card.front, card.back, f"{TAG} {TAG}::{card.tag}") for card in found)
    return made.getvalue()


def deck_name(title: str) -> str:
    """Two colons would make a deck within a deck: “std::vector” is one."""
    return re.sub(r":{2,}", ":", one_line(title))
