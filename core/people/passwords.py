"""Passwords: hashed with bcrypt, off the event loop, and refused when they are easy to guess."""

from __future__ import annotations

import base64
import hashlib
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from typing import Any, TypeVar, cast

import bcrypt
from flask_babel import gettext as _

from core.errors import Refusal

T = TypeVar("T")
ROUNDS = 12
SHORTEST = 10
LONGEST = 1000
THREADS = 2
# At 0.2 s each, the last in the queue waits some 3 seconds for its turn.
LONGEST_QUEUE = 32
# Judging a password costs more the longer it is; 40 characters tell enough.
JUDGED = 40
STRONG_ENOUGH = 3
# Salt and hash of nothing: checking against it costs what a real one costs.
NOBODYS_HASH = "C6UzMDM.H6dfI/f/IKcEeO" + "." * 31


def hash_password(password: str) -> str:
    """The bcrypt hash to store."""
    return _off_the_loop(lambda: bcrypt.hashpw(_digest(password), bcrypt.gensalt(ROUNDS)).decode())


def check_password(password: str, stored: str | None) -> bool:
    """Whether the password fits the stored hash; takes as long when there is none."""
    hashed = (stored or f"$2b${ROUNDS:02}${NOBODYS_HASH}").encode()
    fits = _off_the_loop(lambda: bcrypt.checkpw(_digest(password), hashed))
    return fits and bool(stored)


def weakness(password: str, *about: str) -> str:
    """Why this password won't do, in words for the person; empty when it will.

    ``about``: what is known of the person (name, address), which an attacker would try first.
    """
    if len(password) < SHORTEST:
        return _("Use at least %(count)s characters.", count=SHORTEST)
    if len(password) > LONGEST:
        return _("Use at most %(count)s characters.", count=LONGEST)
    if _off_the_loop(lambda: _score(password, about)) < STRONG_ENOUGH:
        return _("This password is easy to guess. Three or four unrelated words make a good one.")
    return ""


def _digest(password: str) -> bytes:
    """bcrypt reads 72 bytes and stops at a null byte: it gets 44 characters made from all of it."""
    return base64.b64encode(hashlib.sha256(password.encode("utf-8", "surrogatepass")).digest())


def _score(password: str, about: tuple[str, ...]) -> int:
    from zxcvbn import zxcvbn

    found = zxcvbn(password[:JUDGED], user_inputs=["audimax", *filter(None, about)])
    return cast(int, found["score"])


# --- threads --------------------------------------------------------------------------

_places = threading.BoundedSemaphore(THREADS + LONGEST_QUEUE)


@lru_cache(maxsize=1)
def _pool() -> Any:
    """gevent's thread pool where gevent runs the web, real threads elsewhere."""
    if _patched():
        from gevent.threadpool import ThreadPool

        return ThreadPool(THREADS)
    return ThreadPoolExecutor(THREADS, thread_name_prefix="passwords")


def _patched() -> bool:
    try:
        from gevent.monkey import is_module_patched
    except ImportError:
        return False
    return bool(is_module_patched("threading"))


def _off_the_loop(work: Callable[[], T]) -> T:
    """Run it beside the event loop; too many at once are told to come back."""
    if not _places.acquire(blocking=False):
        detail = _("Many people are signing in right now. Try again in a moment.")
        raise Refusal(503, detail, code="busy", retry_after=3)
    try:
        return _result(work)
    finally:
        _places.release()


def _result(work: Callable[[], T]) -> T:
    if _patched():
        return cast(T, _pool().apply(work))
    return cast(T, _pool().submit(work).result())
