"""What people type, cleaned: names and titles without control or direction-changing characters."""

from __future__ import annotations

import re
import unicodedata

from babel import Locale
from babel.numbers import format_decimal
from flask_babel import LazyString, get_locale
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

NAME_LENGTH = 60
FILE_NAME_LENGTH = 200
TITLE_LENGTH = 120
PROSE_LENGTH = 2_000
MESSAGE_LENGTH = 4_000
# Cut before Unicode work, so that a megabyte of text costs nothing.
LONGEST_READ = 20_000
# Marks that may stand on one letter: enough for every script, too few for towers over other lines.
MARKS_PER_LETTER = 4
# Joiners shape letters and emoji; alone they are invisible names.
JOINERS = "\u200c\u200d"
UNNAMED = "file"
RIGHT_TO_LEFT = ("R", "AL")
UNITS = ("B", "KB", "MB", "GB")
_SEPARATORS = re.compile(r"[/\\]")
_NOT_IN_A_FILE_NAME = re.compile(r'[<>:"|?*]')
_ENDING = re.compile(r"\.[A-Za-z0-9]{1,16}\Z")
NO_NAME, NO_TITLE = _l("Please type a name."), _l("Please type a title.")
NO_MESSAGE = _l("Please type a message.")
_MOMENT = re.compile(r"((?:[1-9]\d*:[0-5]\d|[1-5]?\d):[0-5]\d) (\S.*)", re.DOTALL)
EMPTY_LINES = re.compile(r"\n{3,}")


def clean_name(text: str, limit: int = NAME_LENGTH) -> str:
    """A person's name for a line; raises ``ValueError`` with words when nothing or too much is left."""
    return _one_line(text, limit, NO_NAME)


def clean_title(text: str, limit: int = TITLE_LENGTH) -> str:
    """The title of a room or a lecture; raises ``ValueError`` like ``clean_name``."""
    return _one_line(text, limit, NO_TITLE)


def clean_prose(text: str, limit: int = PROSE_LENGTH) -> str:
    """Some lines of plain text, possibly none; raises ``ValueError`` when it is too long."""
    lines = (one_line(line) for line in text[:LONGEST_READ].splitlines())
    return _bounded("\n".join(lines).strip(), limit)


def clean_file_name(text: str, limit: int = FILE_NAME_LENGTH) -> str:
    """A file's name without folders, and without what some system can't have in a name; never empty."""
    parts = [one_line(part).rstrip(". ") for part in _SEPARATORS.split(text[:LONGEST_READ])]
    whole = _NOT_IN_A_FILE_NAME.sub("_", next(filter(None, reversed(parts)), ""))
    stem, dot, ending = whole.rpartition(".") if _ENDING.search(whole) else (whole, "", "")
    stem = stem.strip(". ")
    if not any(_is_visible(letter) for letter in stem):
        stem = UNNAMED
    return stem[: limit - len(dot + ending)].rstrip(". ") + dot + ending


def file_name_of(title: str, ending: str) -> str:
    """A title as a file's name, with its ending (``".pdf"``); a slash in a title is none of a path."""
    return clean_file_name(_SEPARATORS.sub(" ", title) + ending)


def clean_message(text: str, limit: int = MESSAGE_LENGTH) -> str:
    """Text as it was typed, with the indents of code; raises ``ValueError`` for none or too much."""
    lines = (_safe(line.expandtabs(4)).rstrip() for line in text[:LONGEST_READ].splitlines())
    cleaned = EMPTY_LINES.sub("\n\n", "\n".join(lines)).strip("\n")
    if not any(_is_visible(letter) for letter in cleaned):
        raise ValueError(str(NO_MESSAGE))
    return _bounded(cleaned, limit)


def _one_line(text: str, limit: int, when_empty: LazyString) -> str:
    cleaned = one_line(text[:LONGEST_READ])
    if not any(_is_visible(letter) for letter in cleaned):
        raise ValueError(str(when_empty))
    return _bounded(cleaned, limit)


def _bounded(text: str, limit: int) -> str:
    if len(text) > limit:
        raise ValueError(_("Please use at most %(limit)s characters.", limit=limit))
    return text


def one_line(text: str) -> str:
    """One line without control or direction-changing characters; HTML stays what it is: text."""
    return " ".join(_safe(text).split())


def _safe(text: str) -> str:
    kept = "".join(_kept(letter) for letter in unicodedata.normalize("NFC", text))
    return without_towers(kept)


def _kept(letter: str) -> str:
    kind = unicodedata.category(letter)
    if kind in ("Cc", "Zs", "Zl", "Zp"):
        return " "
    # Cf holds the bidi overrides and zero-width characters, Cs and Co have no meaning to others.
    return letter if kind not in ("Cf", "Cs", "Co", "Cn") or letter in JOINERS else ""


def without_towers(text: str) -> str:
    """The text with no more marks on a letter than scripts need."""
    made: list[str] = []
    marks = 0
    for letter in text:
        marks = marks + 1 if unicodedata.category(letter) in ("Mn", "Me") else 0
        if marks <= MARKS_PER_LETTER:
            made.append(letter)
    return "".join(made)


def _is_visible(letter: str) -> bool:
    return unicodedata.category(letter)[0] in "LNPS" and letter not in "\u115f\u1160\u3164\uffa0\u2800"


def file_size(count: int, locale: Locale | None = None) -> str:
    """Bytes as people read them, a thousand in each unit; in their language, or in that of ``locale``."""
    amount, unit = float(count), 0
    while round(amount, 1 if unit else 0) >= 1000 and unit < len(UNITS) - 1:
        amount, unit = amount / 1000, unit + 1
    language = locale or get_locale() or Locale.parse("en")
    return f"{format_decimal(amount, '0.0' if unit else '0', locale=language)} {UNITS[unit]}"


def direction(text: str) -> str:
    """``rtl`` where the first letter that has a direction runs from right to left, else ``ltr``."""
    kinds = map(unicodedata.bidirectional, text)
    first = next((kind for kind in kinds if kind in ("L", *RIGHT_TO_LEFT)), "L")
    return "rtl" if first in RIGHT_TO_LEFT else "ltr"


def clock(seconds: float) -> str:
    """A moment of a lecture: 0:07, 12:30, 1:02:03."""
    whole = max(0, int(seconds))
    hours, minutes = divmod(whole // 60, 60)
    return f"{hours}:{minutes:02}:{whole % 60:02}" if hours else f"{minutes}:{whole % 60:02}"


def seconds(clock_time: str) -> int:
    """The seconds of a moment as ``clock`` writes it; ``ValueError`` for anything else."""
    if not _MOMENT.fullmatch(f"{clock_time} x"):
        raise ValueError(f"{clock_time!r} is no time like 12:30 or 1:02:03")
    return sum(int(part) * 60**power for power, part in enumerate(reversed(clock_time.split(":"))))


def moment(words: str) -> tuple[str, str]:
    """Two parts of ``"1:02:03 Trees"``: a time as ``clock`` writes it, and the rest; without one, no time."""
    found = _MOMENT.fullmatch(words)
    return (found[1], found[2]) if found else ("", words)
