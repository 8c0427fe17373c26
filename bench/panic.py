"""One click silences a full lecture hall."""

from __future__ import annotations

import json
import secrets
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import requests

from bench.product import ROOT, Guests, Host, cpu_seconds, join, running, web_workers
from tests.fixtures.livekit import until
from tests.fixtures.product import Product, free_ports

PEOPLE, SPEAKING = 500, 40
# As many real clients as two cores carry beside a server, a product and themselves.
REAL, REAL_SPEAKING = 120, 5
TURNS = 3
MODERATED = {"AUDIMAX_ENABLED_PLUGINS": "moderation"}
Turn = dict[str, float]


def panic() -> Turn:
    """500 people in an API that speaks LiveKit's protocol, then fewer in the real livekit-server."""
    return {**_median(_before_the_protocol), **_median(_before_the_server)}


def _median(measure: Callable[[], list[Turn]]) -> Turn:
    turns = measure()
    return {name: statistics.median(turn[name] for turn in turns) for name in turns[0]}


# --- LiveKit's protocol ---------------------------------------------------------------


def _before_the_protocol() -> list[Turn]:
    with api(SPEAKING) as address, tempfile.TemporaryDirectory() as folder:
        keys = {"AUDIMAX_LIVEKIT_KEY": "key", "AUDIMAX_LIVEKIT_SECRET": secrets.token_urlsafe(40)}
        place = {"AUDIMAX_LIVEKIT_API_URL": address, "AUDIMAX_LIVEKIT_URL": "ws://localhost:9", **keys}
        with running(Path(folder) / "instance", **MODERATED, **place) as product:
            host = Host(product)
            return [_one_by_protocol(product, host, address) for _turn in range(TURNS)]


@contextmanager
def api(speaking: int) -> Iterator[str]:
    """An API that speaks LiveKit's protocol; the first ``speaking`` of its people have open microphones."""
    (port,) = free_ports(1)
    argv = [sys.executable, "-m", "bench.livekit_api", str(port), str(speaking)]
    process = subprocess.Popen(argv, cwd=ROOT)
    try:
        url = f"http://127.0.0.1:{port}"
        until(lambda: _answers(url), what="the API answers")
        yield url
    finally:
        process.terminate()
        process.wait(10)


def _answers(url: str) -> bool:
    try:
        return requests.get(f"{url}/calls", timeout=1).ok
    except requests.RequestException:
        return False


def _one_by_protocol(product: Product, host: Host, address: str) -> Turn:
    room = host.new_room()
    host.post(f"/api/rooms/{room}/start")
    people = [join(product, room, number)["identity"] for number in range(PEOPLE)]
    assert requests.post(f"{address}/people", json=people, timeout=30).json() == PEOPLE
    before, begun = cpu_seconds(web_workers(product)), time.time()
    host.post(f"/api/rooms/{room}/moderation/panic", {"on": True})
    answered, spent = time.time(), cpu_seconds(web_workers(product)) - before
    calls = [call for call in requests.get(f"{address}/calls", timeout=30).json() if call["at"] <= answered]
    host.post(f"/api/rooms/{room}/end")
    updates = [call for call in calls if call["method"] == "UpdateParticipant"]
    assert {call["about"] for call in updates} == set(people)
    assert {call["about"] for call in updates[:SPEAKING]} == set(people[:SPEAKING]), "open microphones first"
    return {
        "panic_500_s": updates[-1]["at"] - begun,
        "panic_500_voices_s": updates[SPEAKING - 1]["at"] - begun,
        "panic_500_answer_s": answered - begun,
        "panic_500_cpu_s": spent,
        "panic_500_calls": len(calls),
    }


# --- the real server ------------------------------------------------------------------


def _before_the_server() -> list[Turn]:
    with tempfile.TemporaryDirectory() as folder, running(Path(folder) / "instance", **MODERATED) as product:
        host = Host(product)
        return [_one_by_server(product, host) for _turn in range(TURNS)]


def _one_by_server(product: Product, host: Host) -> Turn:
    crowd, room = Guests("bench.crowd"), host.new_room()
    host.post(f"/api/rooms/{room}/start")
    inside = crowd.tell("enter", REAL - REAL_SPEAKING, REAL_SPEAKING, room, product.url)
    assert sum(inside.values()) == REAL, inside
    begun = time.time()
    host.post(f"/api/rooms/{room}/moderation/panic", {"on": True})
    answered = time.time()
    seen = crowd.tell("silenced", 20)
    crowd.quit()
    host.post(f"/api/rooms/{room}/end")
    assert all(seen["at"]), "everybody was told"
    updates = [at for at in _updates(product) if begun <= at <= answered]
    assert len(updates) == REAL, "one call for each"
    return {"panic_real_s": max(updates) - begun, "panic_real_told_s": max(seen["at"]) - begun}


def _updates(product: Product) -> list[float]:
    """When livekit-server had answered each change of somebody's rights, by its log."""
    lines = next(product.instance.rglob("livekit.log")).read_text("utf-8").splitlines()
    found: list[dict[str, Any]] = [
        json.loads(line) for line in lines if "API RoomService.UpdateParticipant" in line
    ]
    return [float(said["ts"]) for said in found]
