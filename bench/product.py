"""A running product to measure, with a host who is signed in."""

from __future__ import annotations

import json
import secrets
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

import psutil
import requests

from bench.guests import address_of
from tests.fixtures.product import Product

ROOT = Path(__file__).resolve().parents[1]
# Generous caps, and a proxy whose word counts: the load client speaks for many addresses.
ROOMY = {
    "AUDIMAX_TRUSTED_PROXIES": "127.0.0.1",
    "AUDIMAX_WAITING_PER_ROOM": "20000",
    "AUDIMAX_STREAMS_PER_WORKER": "20000",
    "AUDIMAX_ENABLED_PLUGINS": "",
    # As where people are; tests have it otherwise.
    "AUDIMAX_EXPORT_NICE": "19",
}


class Place(Protocol):
    """Where a product answers, and where its first administrator signs up."""

    @property
    def url(self) -> str: ...
    @property
    def set_up_link(self) -> str: ...


class Host:
    """A signed-in host, over HTTP like everybody."""

    def __init__(self, product: Place) -> None:
        self.url = product.url
        self.email, self.password = "noether@uni.example", secrets.token_urlsafe(18)
        self.http = requests.Session()
        self.http.headers["Origin"] = self.url
        self._sign_up(product.set_up_link)

    def _sign_up(self, link: str) -> None:
        form = {"name": "Prof. Noether", "email": self.email, "password": self.password}
        answer = self.http.post(link, data=form, timeout=30)
        answer.raise_for_status()

    def post(self, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        answer = self.http.post(self.url + path, json=body or {}, timeout=60)
        answer.raise_for_status()
        return dict(answer.json()) if answer.content else {}

    def patch(self, path: str, body: dict[str, Any]) -> None:
        self.http.patch(self.url + path, json=body, timeout=60).raise_for_status()

    def get(self, path: str) -> dict[str, Any]:
        answer = self.http.get(self.url + path, timeout=60)
        answer.raise_for_status()
        return dict(answer.json())

    def new_room(self) -> str:
        return str(self.post("/api/rooms", {"title": f"Room {time.monotonic_ns()}"})["id"])


class Guests:
    """A load client in its own process."""

    def __init__(self, module: str = "bench.guests") -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", module],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def tell(self, *words: object) -> dict[str, Any]:
        assert self.process.stdin and self.process.stdout
        self.process.stdin.write(" ".join(map(str, words)) + "\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        assert line, "the load client died"
        return dict(json.loads(line))

    def quit(self) -> None:
        self.process.kill()


def processes(product: Product, *words: str) -> list[psutil.Process]:
    """The product's processes whose command line holds all these words."""
    assert product.process is not None
    children = psutil.Process(product.process.pid).children(recursive=True)
    return [p for p in children if p.is_running() and all(w in " ".join(p.cmdline()) for w in words)]


def web_workers(product: Product) -> list[psutil.Process]:
    """gunicorn's workers: those of its processes that have no child of their own."""
    return [p for p in processes(product, "gunicorn") if not p.children()]


def cpu_seconds(found: list[psutil.Process]) -> float:
    return sum(sum(p.cpu_times()[:2]) for p in found)


def private_kb(process: psutil.Process) -> float:
    """Memory that nobody else has: what one more worker would cost."""
    return float(process.memory_full_info().uss) / 1024


def join(product: Product, room: str, number: int) -> dict[str, Any]:
    """A new guest at the door, behind an address of their own; what the door said."""
    headers = {"Origin": product.url, "X-Forwarded-For": address_of(number)}
    url = f"{product.url}/api/rooms/{room}/join"
    answer = requests.post(url, json={"name": f"Guest {number}"}, headers=headers, timeout=60)
    answer.raise_for_status()
    return dict(answer.json())


@contextmanager
def running(folder: Path, **environment: str) -> Iterator[Product]:
    product = Product(folder, **{**ROOMY, **environment}).start()
    try:
        yield product
    finally:
        product.stop()
