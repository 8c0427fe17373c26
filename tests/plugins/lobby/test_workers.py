"""Two web workers of the whole product: each is killed while guests wait, and nobody is lost or doubled."""

from __future__ import annotations

import contextlib
import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
import requests

from tests.fixtures.product import Product

pytestmark = [pytest.mark.livekit, pytest.mark.slow]
GUESTS = 24
BACK_WITHIN = 5.0
SECONDS = 60.0


class Guest:
    """A page that waits: a stream that ends is opened again after a short pause, never at the same time."""

    def __init__(self, product: Product, room: str, name: str) -> None:
        self.url, self.http = product.url, requests.Session()
        self.http.trust_env = False
        self.http.headers["Origin"] = product.url
        self.is_back, self.token = threading.Event(), ""
        answer = self.http.post(f"{self.url}/api/rooms/{room}/join", json={"name": name}, timeout=SECONDS)
        assert answer.status_code == 202, answer.text
        self.stream = answer.json()["stream_url"]
        threading.Thread(target=self._wait, daemon=True).start()

    def _wait(self) -> None:
        while not self.token:
            with contextlib.suppress(requests.RequestException):
                self._listen()
            self.is_back.clear()
            time.sleep(random.uniform(0.5, 1.5))

    def _listen(self) -> None:
        with self.http.get(self.url + self.stream, stream=True, timeout=SECONDS) as response:
            if response.status_code != 200:
                return
            name = ""
            for line in response.iter_lines(chunk_size=1, decode_unicode=True):
                name = line[7:] if line.startswith("event: ") else name
                if line.startswith("data: "):
                    self.is_back.set()
                    self.token = line if name == "APPROVED" else self.token


class Host:
    def __init__(self, product: Product) -> None:
        self.url, self.http = product.url, requests.Session()
        self.http.headers["Origin"] = product.url
        form = {"name": "Emmy Noether", "email": "emmy@uni.example", "password": "seven quiet lecture halls"}
        self.http.post(product.set_up_link, data=form, timeout=SECONDS).raise_for_status()

    def ask(self, method: str, path: str, **body: Any) -> Any:
        answer = self.http.request(method, self.url + path, json=body, timeout=SECONDS)
        assert answer.ok, answer.text
        return answer.json() if answer.content else None


@pytest.fixture
def product(tmp_path: Path) -> Iterator[Product]:
    made = Product(tmp_path / "instance", AUDIMAX_WEB_WORKERS="2").start()
    yield made
    made.stop()


def workers(product: Product) -> list[psutil.Process]:
    assert product.process is not None
    children = psutil.Process(product.process.pid).children(recursive=True)
    return [one for one in children if _is_worker(one)]


def _is_worker(process: psutil.Process) -> bool:
    try:
        return "gunicorn" in " ".join(process.cmdline()) and not process.children()
    except psutil.NoSuchProcess:
        # It has ended meanwhile: something short that another process had asked for.
        return False


def serves(worker: psutil.Process, visits: list[requests.Session], url: str) -> bool:
    """Whether one of our visits, whose connections stay open, has come to this worker."""
    visits.append(requests.Session())
    visits[-1].get(f"{url}/sign-in", timeout=SECONDS)
    return any(line.status == psutil.CONN_ESTABLISHED for line in worker.net_connections("tcp"))


def all_serve(product: Product) -> bool:
    """Two workers again, and both have come up."""
    found, visits = workers(product), list[requests.Session]()
    return len(found) == 2 and all(
        any(serves(worker, visits, product.url) for _ in range(50)) for worker in found
    )


def until(condition: Callable[[], bool], what: str, seconds: float = SECONDS) -> float:
    began = time.monotonic()
    while not condition():
        assert time.monotonic() < began + seconds, f"never: {what}"
        time.sleep(0.02)
    return time.monotonic() - began


def test_each_worker_killed_while_guests_wait_all_are_back_with_nothing_lost_or_doubled(
    product: Product,
) -> None:
    host = Host(product)
    room = host.ask("POST", "/api/rooms", title="Two workers")["id"]
    plugins = {"lobby": {"enabled": True, "settings": {"who_waits": "everyone"}}}
    host.ask("PATCH", f"/api/rooms/{room}", plugins=plugins)
    host.ask("POST", f"/api/rooms/{room}/start")
    guests = [Guest(product, room, f"Guest {n}") for n in range(GUESTS)]
    until(lambda: all(g.is_back.is_set() for g in guests), "all wait")

    for worker in workers(product):
        worker.kill()
        killed = time.monotonic()
        until(lambda: not all(g.is_back.is_set() for g in guests), "some were cut off")
        until(lambda: all(g.is_back.is_set() for g in guests), "all are back")
        took = time.monotonic() - killed
        print(f"\nall back {took:.1f} s after a worker was killed")
        assert took < BACK_WITHIN
        until(lambda: all_serve(product), "there are two workers again")
        state = host.ask("GET", f"/api/rooms/{room}/lobby/state")
        assert Counter(p["name"] for p in state["people"]) == Counter(f"Guest {n}" for n in range(GUESTS))

    assert host.ask("POST", f"/api/rooms/{room}/lobby/admit-all")["done"] == GUESTS
    until(lambda: all(g.token for g in guests), "all hold a token")
    assert len({g.token for g in guests}) == GUESTS
