"""The short code in a room's link: unguessable, easy to read out, forgiving when typed.

Nine of 22 letters are 40.1 bits: with 10,000 rooms a guess hits one in a hundred million, and
look-ups are limited by address.
"""

from __future__ import annotations

import re
import secrets
import unicodedata

# Without i, l, o (1 and 0) and without v (u).
ALPHABET = "abcdefghjkmnpqrstuwxyz"
GROUPS = (3, 4, 2)
LENGTH = sum(GROUPS)
LONGEST_TYPED = 200

# What hands and eyes make of the letters: v for u, digits, and letters of a Cyrillic keyboard.
LOOK_ALIKES = str.maketrans("v258946авсекмнрстух", "uzsbgababcekmhpctyx")
_LINK = re.compile(r"/r/([^/?#]+)", re.IGNORECASE)


def new_code() -> str:
    """A random code; the column's unique constraint tells when it is taken."""
    return written("".join(secrets.choice(ALPHABET) for _ in range(LENGTH)))


def read(typed: str) -> str | None:
    """The code that somebody typed or pasted, as it is stored; None when it can't be one."""
    text = _code_part(typed[:LONGEST_TYPED])
    letters = "".join(filter(str.isalnum, unicodedata.normalize("NFKC", text).casefold()))
    letters = letters.translate(LOOK_ALIKES)
    if len(letters) != LENGTH or not set(letters) <= set(ALPHABET):
        return None
    return written(letters)


def _code_part(typed: str) -> str:
    link = _LINK.search(typed)
    return link[1] if link else typed


def written(letters: str) -> str:
    """Nine letters with their dashes."""
    first, second = GROUPS[0], GROUPS[0] + GROUPS[1]
    return "-".join((letters[:first], letters[first:second], letters[second:]))
