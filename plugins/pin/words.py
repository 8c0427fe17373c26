"""PINs as people write them: what counts, and which are too easy."""

from __future__ import annotations

import secrets
import unicodedata
from itertools import pairwise

from flask_babel import gettext as _

SHORTEST, LONGEST = 6, 64
DIGITS = 6


def new_pin() -> str:
    """A random PIN that can be read out: six digits that aren't too easy."""
    while weakness(made := f"{secrets.randbelow(10**DIGITS):0{DIGITS}}"):
        pass
    return made


def cleaned(typed: str) -> str:
    """What counts of it: neither spaces nor capitals, nor how a keyboard makes a letter."""
    return "".join(unicodedata.normalize("NFKC", typed).casefold().split())


def weakness(pin: str) -> str:
    """Why this PIN won't do, in words for the host; empty when it will."""
    if len(pin) < SHORTEST:
        return str(_("Use at least %(count)s characters, spaces not counted.", count=SHORTEST))
    if len(pin) > LONGEST:
        return str(_("Use at most %(count)s characters.", count=LONGEST))
    if _is_a_run(pin):
        return str(_("This PIN is what everybody tries first. Take another one."))
    return ""


def _is_a_run(pin: str) -> bool:
    """The same character again and again, or each the next (or the previous) of the one before."""
    steps = {ord(after) - ord(before) for before, after in pairwise(pin)}
    return steps in ({0}, {1}, {-1}) or pin in ("1234567890", "password", "qwerty")
