"""Search in 500 lectures of 90 minutes: answers of the running product, page and all."""

from __future__ import annotations

import hashlib
import math
import random
import re
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote

import psycopg2

from bench.guests import address_of
from bench.product import Host, running
from core.search.indexing import WAY
from core.search.pairs import OF_LECTURE
from core.search.words import grams
from tests.fixtures.product import Product

LECTURES, LINES, WORDS_IN_A_LINE = 500, 1500, 11
VOCABULARY = 8000
ASKED_EACH = 40
PEOPLE = ("Ada Lovelace", "Emmy Noether", "Grace Hopper", "Alan Turing", "Sofja Kowalewskaja")
SYLLABLES = (
    "ba",
    "ce",
    "di",
    "fo",
    "gu",
    "ha",
    "ke",
    "li",
    "mo",
    "nu",
    "pra",
    "que",
    "ri",
    "sto",
    "tur",
    "ve",
)
BEGUN = datetime(2024, 1, 8, 9, tzinfo=UTC)

LECTURE = """
INSERT INTO lecture (public_id, room_id, title, language, started_at, ended_at, ended_reason, closed_at)
SELECT %(id)s, id, %(title)s, 'en', %(start)s, %(end)s, 'host', %(end)s FROM room LIMIT 1 RETURNING id
"""
ENTRIES = """
INSERT INTO search_entry (lecture_id, position, audience, section, title, at, speaker, text, words)
SELECT %(lecture)s, n, 'everyone', 'talk-transcript', 'Transcript', n * 3.6, speaker, text,
    to_tsvector('english', text)
FROM unnest(%(speakers)s::text[], %(texts)s::text[]) WITH ORDINALITY AS line (speaker, text, n)
"""
WHOLE = """
INSERT INTO search_lecture (lecture_id, config, changed_at, built_for, built_with, everyone, hosts, pairs)
SELECT %(lecture)s, 'english', now(), now(), %(with)s, words, words, (PAIRS) FROM (
    SELECT array_to_tsvector(array_agg(DISTINCT lexeme)) AS words FROM search_entry AS e, unnest(e.words)
    WHERE e.lecture_id = %(lecture)s) AS found
""".replace("PAIRS", OF_LECTURE.replace(":lecture", "%(lecture)s"))
SPEAKER = "INSERT INTO search_speaker (lecture_id, name, audience, grams) VALUES (%s, %s, 'everyone', %s)"


def search() -> dict[str, float]:
    """The slowest 5 % of answers to words that are rare, common, in phrases, of one speaker, and far back."""
    with tempfile.TemporaryDirectory() as folder, running(Path(folder) / "instance") as product:
        host = Host(product)
        host.new_room()
        words = _fill(product)
        took = {kind: _asked(host, queries) for kind, queries in _queries(host, words).items()}
    print({kind: [round(one) for one in sorted(some)] for kind, some in took.items()})
    every = sorted(one for some in took.values() for one in some)
    return {
        "search_500_lectures_ms": every[math.ceil(len(every) * 0.95) - 1],
        "search_500_median_ms": every[len(every) // 2],
        "search_500_deep_ms": max(took["deep"]),
    }


def _fill(product: Product) -> list[str]:
    """Words as seldom as in a language: the n-th is said 1/n as often as the first."""
    dice = random.Random(7)
    words = sorted({"".join(dice.choices(SYLLABLES, k=dice.randint(2, 4))) for _ in range(VOCABULARY * 2)})
    words = dice.sample(words, VOCABULARY)
    seldom = [1 / n for n in range(1, VOCABULARY + 1)]
    said_with = f"{WAY}:{hashlib.sha256(b'').hexdigest()[:16]}"
    with psycopg2.connect(product.database) as connection, connection.cursor() as cursor:
        for number in range(LECTURES):
            start = BEGUN + timedelta(days=number)
            row = {"id": f"lecture-{number:06}", "title": f"Lecture {number}", "start": start}
            cursor.execute(LECTURE, row | {"end": start + timedelta(minutes=90)})
            (key,) = cursor.fetchone() or (0,)
            drawn = dice.choices(words, seldom, k=LINES * WORDS_IN_A_LINE)
            texts = [" ".join(drawn[n * WORDS_IN_A_LINE : (n + 1) * WORDS_IN_A_LINE]) for n in range(LINES)]
            speakers = [dice.choice(PEOPLE) if n % 20 == 0 else PEOPLE[number % 5] for n in range(LINES)]
            cursor.execute(ENTRIES, {"lecture": key, "speakers": speakers, "texts": texts})
            cursor.execute(WHOLE, {"lecture": key, "with": said_with})
            for name in set(speakers):
                cursor.execute(SPEAKER, (key, name, grams(name)))
    with psycopg2.connect(product.database) as connection:
        connection.autocommit = True
        connection.cursor().execute("ANALYZE")
    return words


def _queries(host: Host, words: list[str]) -> dict[str, list[str]]:
    common, rare = words[5:25], words[-400:]
    page = f"/search?q={common[0]}"
    for _page in range(LECTURES // 10 - 5):
        page = _next(host, page)
    return {
        "common": [f"/search?q={word}" for word in common],
        "rare": [f"/search?q={word}" for word in rare[:ASKED_EACH]],
        "several": [f"/search?q={common[n % 20]}+{rare[n]}+{common[n % 7]}" for n in range(ASKED_EACH)],
        "phrases": [
            f"/search?q={quote(chr(34) + f'{one} {common[(n + 1) % 20]}' + chr(34))}"
            for n, one in enumerate(common)
        ],
        "speakers": [f"/search?q={word}&speaker=lovelase" for word in common + rare[:20]],
        "deep": [page] * ASKED_EACH,
    }


def _next(host: Host, page: str) -> str:
    body = host.http.get(host.url + page, timeout=60).text
    found = re.search(r'href="(/search\?[^"]*before=[^"]*)"', body)
    assert found, f"there is no page after {page}"
    return found[1].replace("&amp;", "&")


def _asked(host: Host, queries: list[str]) -> list[float]:
    """Milliseconds of each; the first two make plans and caches warm."""
    took: list[float] = []
    for number, query in enumerate([*queries[:2], *queries]):
        # One person asks slower than that; many are behind many addresses.
        headers = {"X-Forwarded-For": address_of(number)}
        begun = time.perf_counter()
        answer: Any = host.http.get(host.url + query, headers=headers, timeout=60)
        took.append((time.perf_counter() - begun) * 1000)
        answer.raise_for_status()
    return took[2:]
