"""bcrypt beside the event loop: a few threads for each purpose, and a queue that ends."""

from __future__ import annotations

import base64
import hashlib
import threading
from collections.abc import Callable
from typing import TypeVar

import bcrypt

from core.errors import Refusal
from core.threads import Threads

T = TypeVar("T")
ROUNDS = 12
THREADS = 2
# At 0.2 s each, the last in the queue waits some 3 seconds for its turn.
LONGEST_QUEUE = 32
COME_BACK_SECONDS = 3
# Salt and hash of nothing: checking against it costs what a real one costs.
NOBODYS_HASH = "C6UzMDM.H6dfI/f/IKcEeO" + "." * 31


class HashQueue:
    """Hashes and checks secrets of one kind, so that a flood of one kind leaves the others their places.

    ``busy`` gives the words for those who find the queue full (a 503 with the seconds to wait).
    """

    def __init__(
        self, busy: Callable[[], str], threads: int = THREADS, longest_queue: int = LONGEST_QUEUE
    ) -> None:
        self._busy, self._threads = busy, Threads(threads, "hashing")
        self._places = threading.BoundedSemaphore(threads + longest_queue)

    def hash(self, secret: str) -> str:
        """The bcrypt hash to store."""
        return self.run(lambda: bcrypt.hashpw(_digest(secret), bcrypt.gensalt(ROUNDS)).decode())

    def check(self, secret: str, stored: str | None) -> bool:
        """Whether the secret fits the stored hash; takes as long when there is none."""
        hashed = (stored or f"$2b${ROUNDS:02}${NOBODYS_HASH}").encode()
        fits = self.run(lambda: bcrypt.checkpw(_digest(secret), hashed))
        return fits and bool(stored)

    def run(self, work: Callable[[], T]) -> T:
        """Run it beside the event loop; too many at once are told to come back."""
        if not self._places.acquire(blocking=False):
            raise self.refusal()
        try:
            return self._threads.run(work)
        finally:
            self._places.release()

    def refusal(self) -> Refusal:
        """What those are told who don't get their turn."""
        return Refusal(503, self._busy(), code="busy", retry_after=COME_BACK_SECONDS)


def _digest(secret: str) -> bytes:
    """bcrypt reads 72 bytes and stops at a null byte: it gets 44 characters made from all of it."""
    return base64.b64encode(hashlib.sha256(secret.encode("utf-8", "surrogatepass")).digest())
