"""The waiting room under load, on two web workers."""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from bench.product import Guests, Host, running
from tests.fixtures.product import Product

TWO_WORKERS = {"AUDIMAX_WEB_WORKERS": "2", "AUDIMAX_ENABLED_PLUGINS": "lobby"}
WAITING = 1000
CLICKS = 200
AT_ONCE = 300
TURNS = 3
HELD = 10_000
ROOMS = 5
QUIET_SECONDS = 120


@contextmanager
def _product() -> Iterator[tuple[Product, Host]]:
    with tempfile.TemporaryDirectory() as folder, running(Path(folder) / "instance", **TWO_WORKERS) as made:
        yield made, Host(made)


def _room(host: Host) -> str:
    """Everyone waits here, and a lecture runs."""
    room = host.new_room()
    plugins = {"lobby": {"enabled": True, "settings": {"who_waits": "everyone"}}}
    host.patch(f"/api/rooms/{room}", {"plugins": plugins})
    host.post(f"/api/rooms/{room}/start")
    return room


def _p99(times: list[float]) -> float:
    return sorted(times)[max(0, int(len(times) * 0.99) - 1)]


def approving() -> dict[str, float]:
    """One of a thousand is approved, again and again: from the click until that guest holds the token."""
    with _product() as (product, host):
        room, guests = _room(host), Guests()
        guests.tell("wait", WAITING, room, product.url, 0)
        times = [_approve_next(host, room, guests) for _ in range(CLICKS)]
        guests.quit()
    return {"approve_p99_ms": _p99(times) * 1000}


def _approve_next(host: Host, room: str, guests: Guests) -> float:
    first = host.get(f"/api/rooms/{room}/lobby/state")["people"][0]
    click = time.monotonic()
    host.post(f"/api/rooms/{room}/lobby/decide", {"ids": [first["id"]], "verdict": "admit"})
    return float(guests.tell("in", first["name"].split()[1], 20)["at"]) - click


def admitting() -> dict[str, float]:
    """Three hundred are let in at once, until the last holds a token; median of three times."""
    times = []
    with _product() as (product, host):
        for turn in range(TURNS):
            room, guests = _room(host), Guests()
            guests.tell("wait", AT_ONCE, room, product.url, turn * AT_ONCE)
            click = time.monotonic()
            host.post(f"/api/rooms/{room}/lobby/admit-all")
            events = guests.tell("woken", 60)["events"]
            guests.quit()
            times.append(max(e["APPROVED"] for e in events) - click)
    return {"admit_300_s": statistics.median(times)}


def holding() -> dict[str, float]:
    """Ten thousand wait in several rooms, quietly, then all are let in; coming back is a request."""
    with _product() as (product, host):
        rooms, guests = [_room(host) for _ in range(ROOMS)], Guests()
        each = HELD // ROOMS
        for number, room in enumerate(rooms):
            guests.tell("wait", each, room, product.url, number * each)
        before = guests.tell("requests")["requests"]
        time.sleep(QUIET_SECONDS)
        made = guests.tell("requests")["requests"] - before
        for room in rooms:
            host.post(f"/api/rooms/{room}/lobby/admit-all")
        events: list[dict[str, Any]] = guests.tell("woken", 300)["events"]
        guests.quit()
    return {
        "waiting_held": sum("APPROVED" in e for e in events),
        "requests_per_waiting_guest_minute": made / HELD / (QUIET_SECONDS / 60),
    }
