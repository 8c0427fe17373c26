"""Names that people would take for the same, and class lists as they are pasted."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache

from flask_babel import gettext as _

from core.api import Refusal

MOST_LISTED = 2_000
LONGEST_NAME = 60
LONGEST_EMAIL = 254
EMAIL = re.compile(r"[^\s<>()\[\],;:\"']{1,64}@[^\s<>()\[\],;:\"'@]{1,190}")
BETWEEN_NAMES = re.compile(r"[\s,;<>()\[\]\"|]+")


@lru_cache(maxsize=20_000)
def name_key(name: str) -> str:
    """What two names have in common that read alike: words in any order, without case and accents."""
    plain = unicodedata.normalize("NFKD", name).casefold()
    kept = "".join(c if c.isalnum() else " " for c in plain if not unicodedata.combining(c))
    return " ".join(sorted(kept.split())) or plain


@dataclass(frozen=True)
class Line:
    """What one line of a class list says."""

    email: str
    name: str


def read_list(text: str) -> list[Line]:
    """The people of a pasted list: a name, an address, or both in each line, in columns or as in mails.

    Several addresses in one line, as a mail program copies them, are several people.
    """
    found = dict.fromkeys(line for row in text.splitlines() for line in _people(row))
    if len(found) > MOST_LISTED:
        words = _("A class list has at most %(most)s people; this one has %(count)s.",
                  most=MOST_LISTED, count=len(found))  # fmt: skip
        raise Refusal(422, words, code="too_long", errors=[{"field": "text", "message": words}])
    return list(found)


def _people(row: str) -> list[Line]:
    people, begin = [], 0
    for email in EMAIL.finditer(row):
        people.append(Line(email[0].lower()[:LONGEST_EMAIL], _name(row[begin : email.start()])))
        begin = email.end()
    rest = _name(row[begin:])
    if people and rest and not people[-1].name:
        people[-1] = Line(people[-1].email, rest)
    return people or ([Line("", rest)] if rest else [])


def _name(text: str) -> str:
    """The words of a name; numbers beside it are marks of the register."""
    words = [word for word in BETWEEN_NAMES.split(text) if any(letter.isalpha() for letter in word)]
    return " ".join(word for word in words if not any(c.isdecimal() for c in word))[:LONGEST_NAME]
