"""Text of strangers, a model's too: one line of plain text, never longer than it may be."""

from __future__ import annotations

import re
import unicodedata

# Cut before Unicode work, so that a megabyte of text costs nothing.
SPARE = 4
# Joiners shape letters and emoji.
JOINERS = "\u200c\u200d"
# Marks that may stand on one letter: enough for every script, too few for towers over other lines.
MARKS_PER_LETTER = 4
_LETTER = re.compile(r"[^\W\d_]")


def plain(text: str, limit: int) -> str:
    """One line without control or direction-changing characters; HTML stays what it is: text."""
    kept = "".join(_kept(letter) for letter in unicodedata.normalize("NFC", text[: limit * SPARE]))
    line = " ".join(_without_towers(kept).split())
    return line if len(line) <= limit else line[: limit - 1].rstrip() + "…"


def has_letters(text: str) -> bool:
    """Whether there is something to read."""
    return bool(_LETTER.search(text))


def _kept(letter: str) -> str:
    kind = unicodedata.category(letter)
    if kind in ("Cc", "Zs", "Zl", "Zp"):
        return " "
    # Cf holds the bidi overrides and zero-width characters; PostgreSQL takes no half of a pair (Cs).
    return letter if kind not in ("Cf", "Cs", "Co", "Cn") or letter in JOINERS else ""


def _without_towers(text: str) -> str:
    made: list[str] = []
    marks = 0
    for letter in text:
        marks = marks + 1 if unicodedata.category(letter) in ("Mn", "Me") else 0
        if marks <= MARKS_PER_LETTER:
            made.append(letter)
    return "".join(made)
