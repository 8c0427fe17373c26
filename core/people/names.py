"""Names as people type them, made safe to show to others."""

from __future__ import annotations

import unicodedata

LONGEST_NAME = 80
# Joiners are part of words in many scripts and of emoji; other invisible characters only deceive.
KEPT_FORMAT = frozenset({"\u200c", "\u200d"})
INVISIBLE = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
LONGEST_STACK = 4


def clean_name(typed: str, longest: int = LONGEST_NAME) -> str:
    """The name without control and bidi characters, its spaces single; empty when nothing is left."""
    shown = unicodedata.normalize("NFC", typed[: longest * 20])
    words = "".join(" " if c.isspace() else c for c in shown if c.isspace() or _visible(c)).split()
    name = _without_towers(" ".join(words))[:longest].strip()
    return name if any(unicodedata.category(c)[0] in "LNPS" for c in name) else ""


def _visible(character: str) -> bool:
    return character in KEPT_FORMAT or unicodedata.category(character) not in INVISIBLE


def _without_towers(name: str) -> str:
    """Marks piled on one letter would cover the lines above and below it."""
    kept, stacked = [], 0
    for character in name:
        stacked = stacked + 1 if unicodedata.category(character) in ("Mn", "Me") else 0
        if stacked <= LONGEST_STACK:
            kept.append(character)
    return "".join(kept)
