"""bcrypt beside the event loop, and a queue that ends."""

from __future__ import annotations

import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from flask import Flask

from core.errors import Refusal
from core.people import passwords
from core.people.hashing import HashQueue

ROOT = Path(__file__).resolve().parents[3]
UNDER_GEVENT = """
from gevent import monkey; monkey.patch_all()
import gevent
from core.people import passwords
ticks = 0
def tick():
    global ticks
    while True:
        gevent.sleep(0.001); ticks += 1
gevent.spawn(tick)
stored = passwords.hash_password("secret")
during = ticks
many = [gevent.spawn(passwords.check_password, "secret", stored) for _ in range(6)]
gevent.joinall(many, raise_error=True)
assert all(one.value for one in many)
try:
    passwords.queue.run(lambda: 1 / 0)
except ZeroDivisionError:
    print(during)
"""


def test_the_event_loop_turns_while_a_password_is_hashed() -> None:
    made = subprocess.run(
        [sys.executable, "-c", UNDER_GEVENT],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert made.returncode == 0, made.stderr
    assert int(made.stdout) > 10


def test_passwords_are_stored_as_slow_hashes_with_a_salt_of_their_own(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # Other tests hash quickly.
    monkeypatch.undo()
    one, other = (passwords.hash_password("correct horse battery staple") for _ in range(2))
    # 2 to the 12th rounds of bcrypt.
    assert one.startswith("$2b$12$") and other.startswith("$2b$12$") and len(one) == 60
    assert one != other and passwords.check_password("correct horse battery staple", other)
    assert not passwords.check_password("correct horse battery stapler", other)


def test_the_queue_is_bounded_and_its_end_is_worded(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passwords.queue, "_places", threading.BoundedSemaphore(4))
    go_on = threading.Event()

    def wait(_number: int) -> str:
        with app.test_request_context():
            try:
                return str(passwords.queue.run(lambda: go_on.wait(30)))
            except Refusal as refusal:
                return f"{refusal.status} {refusal.retry_after}"

    with ThreadPoolExecutor(10) as people:
        answers = [people.submit(wait, n) for n in range(10)]
        while sum(answer.done() for answer in answers) < 6:
            threading.Event().wait(0.01)
        go_on.set()
    assert sorted(answer.result() for answer in answers) == ["503 3"] * 6 + ["True"] * 4


def test_a_place_in_the_queue_is_given_back_after_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passwords.queue, "_places", threading.BoundedSemaphore(1))
    for _ in range(3):
        with pytest.raises(ZeroDivisionError):
            passwords.queue.run(lambda: 1 / 0)


def test_a_megabyte_of_password_costs_nothing(app: Flask) -> None:
    with app.test_request_context():
        assert passwords.weakness("x" * 1_000_000) == "Use at most 1000 characters."
        assert not passwords.check_password("x" * 1_000_000, None)


@pytest.mark.parametrize(
    "password",
    ["correct horse battery", "Lärm im Hörsaal 17", "学生たちの長い夜の話です", "🐘🎓🎉🧪🔭🌍🎻🚲🍎🦒"],
)
def test_good_passwords_of_every_script_will_do(app: Flask, password: str) -> None:
    with app.test_request_context():
        assert passwords.weakness(password) == ""
        assert passwords.check_password(password, passwords.hash_password(password))


def test_one_kind_of_secret_doesnt_take_the_places_of_another(app: Flask) -> None:
    full, free = HashQueue(lambda: "Full.", 1, 0), HashQueue(lambda: "Free.", 1, 0)
    with full._places, app.test_request_context():
        with pytest.raises(Refusal, match="Full"):
            full.hash("secret")
        assert free.check("secret", free.hash("secret"))
