"""Pairs that stand in one line: two words in a row, and a speaker with a word.

A lecture keeps the numbers of all its pairs. Whoever looks for a phrase, or for a word in somebody's mouth,
needs to read the lines of those lectures only that have the pair. A number stands for many pairs: one lecture
in a hundred has one by chance, and its lines tell.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise, product
from typing import Any

import sqlalchemy as sa

from core.db import db

# A lecture of 90 minutes has fifteen thousand pairs of a million numbers.
BITS = 20
# What no word and no name has: they stay two.
BETWEEN = "\x1f"
# The same as `number`, of all lines of a lecture.
OF_LECTURE = """
WITH placed AS (
    SELECT e.id, e.speaker, w.lexeme, dense_rank() OVER (PARTITION BY e.id ORDER BY place) AS rank
    FROM search_entry AS e, unnest(e.words) AS w, unnest(w.positions) AS place WHERE e.lecture_id = :lecture
), pair AS (
    SELECT one.lexeme || chr(31) || other.lexeme AS words
    FROM placed AS one JOIN placed AS other ON other.id = one.id AND other.rank = one.rank + 1
    UNION SELECT speaker || chr(31) || lexeme FROM placed WHERE speaker <> ''
)
SELECT array_agg(DISTINCT (get_byte(h, 0) << 12) + (get_byte(h, 1) << 4) + (get_byte(h, 2) >> 4))
FROM (SELECT sha256(convert_to(words, 'UTF8')) AS h FROM pair) AS hashed
"""
LEXEMES = sa.text("""
SELECT c.config, t.n, w.lexeme, w.positions
FROM (SELECT DISTINCT config FROM search_lecture) AS c
CROSS JOIN unnest(CAST(:texts AS text[])) WITH ORDINALITY AS t (text, n)
LEFT JOIN LATERAL unnest(to_tsvector(c.config::regconfig, t.text)) AS w ON true
""")


def number(one: str, other: str) -> int:
    """The number of a pair, of ``BITS`` bits."""
    digest = hashlib.sha256(f"{one}{BETWEEN}{other}".encode()).digest()
    return int.from_bytes(digest[:3]) >> (24 - BITS)


def of_lecture(lecture_id: int) -> list[int] | None:
    """The numbers of all pairs of a lecture's entries; None for none."""
    found: list[int] | None = db.session.scalar(sa.text(OF_LECTURE), {"lecture": lecture_id})
    return found


@dataclass(frozen=True)
class Wanted:
    """What is looked for as one configuration sees it: all words, and numbers of the phrases' pairs."""

    words: frozenset[str]
    phrases: frozenset[int]

    def by(self, speaker: str) -> list[int]:
        """The numbers that a lecture must have in which this speaker says all of it in one line."""
        return sorted(self.phrases | {number(speaker, word) for word in self.words})


def wanted(words: str, phrases: Sequence[str]) -> Mapping[str, Wanted]:
    """By configuration of the lectures that there are."""
    rows = db.session.execute(LEXEMES, {"texts": [words, *phrases]}).all()
    configs = {row.config for row in rows}
    return {config: _wanted([row for row in rows if row.config == config]) for config in configs}


def _wanted(rows: Sequence[Any]) -> Wanted:
    words = frozenset(row.lexeme for row in rows if row.lexeme is not None)
    phrases = {row.n for row in rows if row.n > 1}
    numbers = (_in_a_row(row for row in rows if row.n == n) for n in phrases)
    return Wanted(words, frozenset(one for some in numbers for one in some))


def _in_a_row(rows: Iterable[Any]) -> Iterator[int]:
    """Words that stood for nothing are left out, in lectures as in what is looked for."""
    places: dict[int, list[str]] = {}
    for row in rows:
        for place in row.positions or () if row.lexeme is not None else ():
            places.setdefault(place, []).append(row.lexeme)
    for one, other in pairwise(words for _place, words in sorted(places.items())):
        yield from (number(*pair) for pair in product(one, other))
