"""What a web worker has worked out about PINs, so that a lecture hall at nine o'clock costs one bcrypt."""

from __future__ import annotations

import hashlib
import hmac
import random
import secrets
import threading
import time
from collections import OrderedDict
from concurrent.futures import Future, wait
from typing import cast

from flask import current_app
from flask_babel import gettext as _

from core.api import HashQueue

MOST_ROOMS = 10_000
LONGEST_LOOK = 60.0
queue = HashQueue(lambda: _("Many people are typing a PIN right now. Try again in a moment."))
Mark = tuple[int, str, bytes]


class Memory:
    """Right PINs as keyed hashes, by room, and the answers that are being looked at."""

    def __init__(self) -> None:
        self._key = secrets.token_bytes(32)
        self._right: OrderedDict[int, tuple[str, bytes]] = OrderedDict()
        self._looking: dict[Mark, Future[bool]] = {}
        self._lock = threading.Lock()

    def remember(self, room_id: int, version: str, pin: str) -> None:
        """This is the PIN of that version."""
        with self._lock:
            self._right[room_id] = (version, self._keyed(room_id, version, pin))
            self._right.move_to_end(room_id)
            while len(self._right) > MOST_ROOMS:
                self._right.popitem(last=False)

    def knows(self, room_id: int, version: str, pin: str) -> bool | None:
        """Whether it is right; None where this worker hasn't seen the right one yet."""
        known, right = self._right.get(room_id, ("", b""))
        if known != version:
            return None
        return hmac.compare_digest(right, self._keyed(room_id, version, pin))

    def look(self, room_id: int, version: str, pin: str, stored: str) -> bool:
        """Whether it is right, by bcrypt: once for all who typed the same at the same time."""
        mark = (room_id, version, self._keyed(room_id, version, pin))
        with self._lock:
            running = self._looking.get(mark)
            # Somebody may have found the right one since the caller looked.
            if running is None and (known := self.knows(room_id, version, pin)) is not None:
                return known
            mine = self._looking[mark] = Future() if running is None else running
        if running is not None:
            return running.result(LONGEST_LOOK)
        return self._look(mark, mine, pin, stored)

    def _look(self, mark: Mark, mine: Future[bool], pin: str, stored: str) -> bool:
        try:
            right = queue.check(pin, stored)
            if right:
                self.remember(mark[0], mark[1], pin)
            mine.set_result(right)
        except BaseException as error:
            mine.set_exception(error)
            raise
        finally:
            with self._lock:
                del self._looking[mark]
        return right

    def wait(self, room_id: int, pause: float) -> None:
        """Until an answer for this room has been looked at here, or a moment where others do."""
        with self._lock:
            running = [future for (room, *_more), future in self._looking.items() if room == room_id]
        if running:
            wait(running[:1], timeout=1.0)
        else:
            time.sleep(pause * random.uniform(0.5, 1.5))  # noqa: S311  (only spreads the load)

    def _keyed(self, room_id: int, version: str, pin: str) -> bytes:
        message = f"{room_id} {version} {pin}".encode("utf-8", "surrogatepass")
        return hmac.digest(self._key, message, hashlib.sha256)


def memory() -> Memory:
    """The running worker's memory."""
    known = current_app.extensions
    if "pin_memory" not in known:
        known.setdefault("pin_memory", Memory())
    return cast(Memory, known["pin_memory"])
