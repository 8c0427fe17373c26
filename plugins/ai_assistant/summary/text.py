"""Text of strangers, a model's too: one line of plain text, never longer than it may be."""

from __future__ import annotations

import re

from core.api import one_line

# Cut before Unicode work, so that a megabyte of text costs nothing.
SPARE = 4
_LETTER = re.compile(r"[^\W\d_]")


def plain(text: str, limit: int) -> str:
    """One line without control or direction-changing characters; HTML stays what it is: text."""
    line = one_line(text[: limit * SPARE])
    return line if len(line) <= limit else line[: limit - 1].rstrip() + "…"


def has_letters(text: str) -> bool:
    """Whether there is something to read."""
    return bool(_LETTER.search(text))
