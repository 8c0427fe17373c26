"""Text of people, made so that it can be drawn; it stays text."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import fields, is_dataclass, replace
from html import escape
from typing import Any, TypeVar

from core.api import without_towers

T = TypeVar("T")
NON_JOINER = "\u200c"
LONGEST_PARAGRAPH = 2000
EMPTY_LINES = re.compile(r"\n{3,}")
# They choose colours and frames that a page in black doesn't have.
SELECTORS = re.compile("[\u20e3\ufe00-\ufe0f\U000e0100-\U000e01ef]")
SKIN = re.compile("(?<=[\u2600-\u27bf\U0001f000-\U0001faff])[\U0001f3fb-\U0001f3ff]")
# Of a font with wide spaces: set apart, so that the space beside them is that of the text.
SIGNS = re.compile("[\u2190-\u2bff\U0001f000-\U0001faff]+")
SPACES = re.compile(r"[ \t]+")
IDEOGRAPHS = re.compile(
    "[\u2e80-\u303f\u3040-\u30ff\u3100-\u312f\u31f0-\u4dbf\u4e00-\u9fff\uf900-\ufaff\uff00-\uffef"
    "\U00020000-\U0003ffff]"
)
# Such a text has too few spaces to break its lines at.
IDEOGRAPHS_OF_A_TEXT = 0.3


def clean(text: str) -> str:
    """The text without what can't be seen: controls, overrides of direction, half characters."""
    if text.isascii() and text.isprintable():
        return text
    text = unicodedata.normalize("NFC", text.replace("\r\n", "\n"))
    text = SKIN.sub("", SELECTORS.sub("", text))
    kept = "".join(_kept(letter, text[at - 1 : at]) for at, letter in enumerate(text))
    return EMPTY_LINES.sub("\n\n", SPACES.sub(" ", without_towers(kept)))


def cleaned(value: T) -> T:
    """The same value, every text in it cleaned, however deep."""
    made: Any = value
    if isinstance(value, str) and type(value) is str:
        made = clean(value)
    elif isinstance(value, tuple):
        made = tuple(map(cleaned, value))
    elif is_dataclass(value) and not isinstance(value, type):
        made = replace(value, **{f.name: cleaned(getattr(value, f.name)) for f in fields(value)})
    return made  # type: ignore[no-any-return]


def texts(value: Any) -> Iterator[str]:
    """Every text in a value."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, tuple):
        for one in value:
            yield from texts(one)
    elif is_dataclass(value):
        for field in fields(value):
            yield from texts(getattr(value, field.name))


def breaks_anywhere(text: str) -> bool:
    """Whether lines are broken between any two letters, as in Chinese and Japanese."""
    return len(IDEOGRAPHS.findall(text)) > IDEOGRAPHS_OF_A_TEXT * len(text)


def shortened(text: str, limit: int) -> str:
    """At most so many characters."""
    return text if len(text) <= limit else text[: limit - 1].rstrip() + "…"


def pieces(text: str) -> list[str]:
    """The text in paragraphs that are not too long to be laid out quickly, cut at spaces if it has any."""
    made = []
    while len(text) > LONGEST_PARAGRAPH:
        at = text.rfind(" ", LONGEST_PARAGRAPH // 2, LONGEST_PARAGRAPH) + 1 or LONGEST_PARAGRAPH
        made.append(text[:at])
        text = text[at:]
    return [piece for piece in (*made, text) if piece.strip()]


def lines(text: str) -> str:
    """Escaped for HTML, with the line breaks that it has."""
    return SIGNS.sub(r"<span>\g<0></span>", escape(text.strip())).replace("\n", "<br/>")


def _kept(letter: str, before: str) -> str:
    kind = unicodedata.category(letter)
    if letter == "\n":
        return letter
    if kind in ("Cc", "Zs", "Zl", "Zp"):
        return "\u00a0" if letter == "\u00a0" else " "
    if letter == NON_JOINER and before and unicodedata.bidirectional(before) == "AL":
        return letter
    if kind == "Cs":
        return "\ufffd"
    return "" if kind == "Cf" else letter
