"""Counting in memory: cheap, and nothing is kept for longer than its window."""

from __future__ import annotations

import socket
import sys
import threading
from collections.abc import Callable, Iterator

import pytest
from flask import Flask

from core.errors import AudimaxError, Refusal
from core.http import limits, tries
from core.http.limits import SweptMemory, limiter
from core.http.security import REPORTS
from core.http.tries import Tries


def test_the_app_counts_in_the_swept_memory(app: Flask) -> None:
    assert isinstance(limiter.storage, SweptMemory)


def test_counting_starts_no_thread_and_walks_no_keys(app: Flask) -> None:
    made = SweptMemory()
    made.timer.join()
    before = threading.active_count()
    for number in range(500):
        made.incr(f"key {number}", 60)
    assert threading.active_count() <= before
    assert made.get("key 1") == 1


def test_what_is_over_is_swept(monkeypatch) -> None:
    made = SweptMemory()
    made.incr("short", 0)
    made.incr("long", 600)
    monkeypatch.setattr(limits, "SWEEP_SECONDS", -1.0)
    made.incr("another", 600)
    assert set(made.storage) == {"long", "another"}
    assert made.get("short") == 0


def test_a_window_ends_by_itself() -> None:
    made = SweptMemory()
    made.incr("key", 0)
    assert made.incr("key", 60) == 1


class Silent:
    """Where Redis should be: takes connections, counts them, and never says anything."""

    def __init__(self, hangs_up: bool = False) -> None:
        self.came = 0
        self._hangs_up = hangs_up
        self._held: list[socket.socket] = []
        self._door = socket.create_server(("127.0.0.1", 0))
        threading.Thread(target=self._serve, daemon=True).start()

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self._door.getsockname()[1]}"

    def close(self) -> None:
        for one in (self._door, *self._held):
            one.close()

    def _serve(self) -> None:
        while True:
            try:
                line, _from = self._door.accept()
            except OSError:
                return
            self.came += 1
            if self._hangs_up:
                line.close()
            else:
                self._held.append(line)


@pytest.fixture(params=[False, True], ids=["says nothing", "hangs up"])
def silent(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Silent]:
    monkeypatch.setattr(limits, "ANSWER_SECONDS", 0.2)
    monkeypatch.setattr(tries, "AWAY_SECONDS", 600.0)
    made = Silent(hangs_up=request.param)
    yield made
    made.close()
    tries._fallback.storage.reset()
    # The library's own, and one for all apps of a process: the next test's Redis isn't away.
    limits.limiter._storage_dead = False


def test_a_redis_that_does_not_answer_is_asked_twice_and_then_left_alone(
    make_app: Callable[..., Flask], silent: Silent
) -> None:
    app = make_app(rate_limit_storage=silent.url)
    some = Tries("some", "3 per hour")
    with app.test_request_context():
        some.take("ada")
        asked = silent.came
        for _ in range(2):
            some.take("ada")
        with pytest.raises(Refusal):
            some.take("ada")
    assert asked <= 2
    assert silent.came == asked


def test_views_that_are_limited_answer_while_redis_does_not(
    make_app: Callable[..., Flask], silent: Silent
) -> None:
    client = make_app(rate_limit_storage=silent.url).test_client()
    assert [client.post(REPORTS, data="{}").status_code for _ in range(5)] == [204] * 5
    assert silent.came


def test_without_the_client_of_redis_the_start_says_what_to_install(
    make_app: Callable[..., Flask], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "redis.backoff", None)
    with pytest.raises(AudimaxError, match=r"pip install 'audimax\[redis\]'"):
        make_app(rate_limit_storage="redis://127.0.0.1:9")
