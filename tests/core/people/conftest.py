"""What the tests about people share: quick hashes, a hand for the mail, people with passwords."""

from __future__ import annotations

import email
import email.policy
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from limits.storage import MemoryStorage

from core.people import hashing, passwords

PASSWORD = "correct horse battery staple"


@pytest.fixture(autouse=True)
def quick_hashes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hashing, "ROUNDS", 4)


@pytest.fixture(autouse=True)
def no_tries_yet() -> Iterator[None]:
    """Every test starts with full counters."""
    from core.http import tries
    from core.http.limits import limiter

    yield
    tries._fallback.storage.reset()
    if isinstance(limiter._storage, MemoryStorage):
        limiter._storage.reset()


@dataclass(frozen=True)
class Mail:
    to: str
    subject: str
    text: str

    @property
    def link(self) -> str:
        """The path of the mail's first link."""
        found = re.search(r"http://localhost:8000(/\S+)", self.text)
        assert found, self.text
        return found[1]


@pytest.fixture
def post(app: Flask) -> Callable[[], list[Mail]]:
    """``post()`` works off the jobs and gives the mails that went out since the last time."""
    from core import jobs

    folder = app.extensions["audimax_config"].instance / "mail"
    seen: set[Path] = set(folder.glob("*"))

    def collect() -> list[Mail]:
        jobs.run_worker(app, wait=False)
        new = sorted(set(folder.glob("*")) - seen)
        seen.update(new)
        return [_read(path) for path in new]

    return collect


def _read(path: Path) -> Mail:
    message = email.message_from_bytes(path.read_bytes(), policy=email.policy.default)
    body: Any = message.get_body()
    return Mail(message["To"], message["Subject"], body.get_content())


@pytest.fixture
def ada(make_user: Callable[..., int]) -> int:
    return make_user("ada@uni.example", password_hash=passwords.hash_password(PASSWORD))


@pytest.fixture
def admin(make_user: Callable[..., int]) -> int:
    hashed = passwords.hash_password(PASSWORD)
    return make_user("root@uni.example", name="Grace Hopper", is_admin=True, password_hash=hashed)


def log_in(client: FlaskClient, email: str = "ada@uni.example", password: str = PASSWORD, **more: str) -> Any:
    return client.post("/sign-in", data={"email": email, "password": password, **more})


def is_signed_in(client: FlaskClient) -> bool:
    return bool(client.get("/account").status_code == 200)
