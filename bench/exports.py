"""Joins beside exports: 20 PDFs of 90 minutes are made while people come in."""

from __future__ import annotations

import itertools
import math
import tempfile
import time
from pathlib import Path

import psycopg2

from bench.captions import FILL, LINES, OURS
from bench.product import Host, join, running
from tests.browser.speaking import SENTENCES
from tests.fixtures.livekit import until
from tests.fixtures.product import Product

WITH_EXPORTS = {
    "AUDIMAX_ENABLED_PLUGINS": "ai_assistant,export_pdf",
    f"{OURS}KEEP_BY_DEFAULT": "yes",
    f"{OURS}PROVIDER": "off",
}
# No two alike: those would share a file.
LECTURES, PAPERS = 10, ("A4", "Letter")
# Of fewer, one p95 differs by a third from the next.
JOINS = 1000
BEGUN = (
    "SELECT count(*) FROM ai_assistant__artifact AS a JOIN lecture AS l ON l.id = a.lecture_id "
    "WHERE l.public_id = %s"
)
TRANSCRIPT = "ai_assistant-transcript"
OPEN = "SELECT count(*) FROM export WHERE state IN ('waiting', 'working')"


def joins_beside() -> dict[str, float]:
    """p95 of joins while 20 exports run, over p95 without them, in the same product."""
    with (
        tempfile.TemporaryDirectory() as folder,
        running(Path(folder) / "instance", **WITH_EXPORTS) as product,
    ):
        host = Host(product)
        lectures = [_lecture(product, host) for _ in range(LECTURES)]
        room = host.new_room()
        host.post(f"/api/rooms/{room}/start")
        numbers = itertools.count(1)
        _joins(product, room, numbers)
        alone = _joins(product, room, numbers)
        for lecture in lectures:
            _until_written_up(host, lecture)
        for lecture in lectures:
            for paper in PAPERS:
                _ask(host, lecture, paper)
        beside = _joins_while_exporting(product, room, numbers)
    return {
        "join_under_exports_ratio": _p95(beside) / _p95(alone),
        "join_alone_p95_ms": _p95(alone),
        "join_under_exports_p95_ms": _p95(beside),
    }


def _lecture(product: Product, host: Host) -> str:
    room = host.new_room()
    lecture = str(host.post(f"/api/rooms/{room}/start")["lecture_id"])
    identity = join(product, room, 900_000)["identity"]
    # It is begun by a job, which a lecture of a moment would be over before.
    until(lambda: _first(product, BEGUN, lecture), 60, "its transcript is begun")
    texts = [f"{SENTENCES[n % len(SENTENCES)]} Number {n}." for n in range(LINES)]
    with psycopg2.connect(product.database) as connection, connection.cursor() as cursor:
        cursor.execute(FILL, {"texts": texts, "identity": identity, "lecture": lecture})
    host.post(f"/api/rooms/{room}/end")
    return lecture


def _until_written_up(host: Host, lecture: str) -> None:
    page = f"{host.url}/lectures/{lecture}/exports"
    until(lambda: TRANSCRIPT in host.http.get(page, timeout=60).text, 120, "its transcript can be exported")


def _ask(host: Host, lecture: str, paper: str) -> None:
    page = f"{host.url}/lectures/{lecture}/exports"
    form = {"exporter": "pdf", "pdf.paper": paper, "section": [TRANSCRIPT, "participants"]}
    host.http.post(page, data=form, timeout=60).raise_for_status()


def _joins_while_exporting(product: Product, room: str, numbers: itertools.count[int]) -> list[float]:
    took: list[float] = []
    # Asked seldom: a connection of its own each time would cost what is measured.
    while len(took) < JOINS:
        assert _first(product, OPEN) > 0, f"the exports were over after {len(took)} joins"
        took += _joins(product, room, numbers, JOINS // 20)
    return took


def _joins(product: Product, room: str, numbers: itertools.count[int], count: int = JOINS) -> list[float]:
    took = []
    for _ in range(count):
        begun = time.perf_counter()
        join(product, room, next(numbers))
        took.append((time.perf_counter() - begun) * 1000)
    return took


def _first(product: Product, query: str, *values: object) -> int:
    with psycopg2.connect(product.database) as connection, connection.cursor() as cursor:
        cursor.execute(query, values)
        return int((cursor.fetchone() or (0,))[0])


def _p95(took: list[float]) -> float:
    return sorted(took)[math.ceil(len(took) * 0.95) - 1]
