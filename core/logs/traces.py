"""Where an error came from: files and lines, never values."""

from __future__ import annotations

import sys
import traceback
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

ROOT = f"{Path(__file__).resolve().parents[2]}/"
MOST_PLACES, LONGEST_CHAIN = 40, 5
PACKAGES = "site-packages/"


def chain(error: BaseException) -> Iterator[BaseException]:
    """The error, and what it came of."""
    seen: BaseException | None = error
    for _number in range(LONGEST_CHAIN):
        if seen is None:
            return
        yield seen
        seen = seen.__cause__ or (None if seen.__suppress_context__ else seen.__context__)


def places(error: BaseException) -> list[str]:
    """`core/waiting.py:227 in look`, the innermost last."""
    found = [
        f"{short(frame.f_code.co_filename)}:{line} in {frame.f_code.co_name}"
        for frame, line in traceback.walk_tb(error.__traceback__)
    ]
    return found[-MOST_PLACES:]


def innermost(error: BaseException) -> str:
    """The last place that is ours or a plugin's, without its line: the next version may move it."""
    found = places(error)
    ours = [place for place in found if not place.startswith(("/", PACKAGES, "<"))]
    file, _colon, rest = (ours or found or [""])[-1].partition(":")
    return f"{file} in {rest.partition(' in ')[2]}" if file else ""


@lru_cache(maxsize=1024)
def short(file: str) -> str:
    """A file's path below the checkout, or below the packages."""
    if PACKAGES in file:
        return PACKAGES + file.rpartition(PACKAGES)[2]
    file = file.removeprefix(ROOT)
    return file if not file.startswith(sys.prefix) else file.removeprefix(sys.prefix)
