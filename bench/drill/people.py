"""The people of the drill, patient as a page is: they ask again, and who drops out comes back."""

from __future__ import annotations

import asyncio
import itertools
import json
import secrets
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from queue import SimpleQueue
from typing import Any

import requests

from bench.guests import Guest, address_of
from tests.fixtures.livekit import LOUD, Attendee, _loop

# As the room's page waits for the answer to a line, and between its tries.
DEADLINE, PAUSES = 15.0, (1.0, 3.0)
# Whoever hears nothing while the connection is being repaired joins anew, as the page does.
DEAF_SECONDS = 2.0
CONNECT_SECONDS = 15.0
# Larger than LiveKit's usual ten: a drill is to leave the processors to what it looks at.
PIECE_MS = 50


@dataclass
class Journal:
    """What of one kind was sent, acknowledged and seen by another, each with its moment; by its own words."""

    sent: dict[str, float] = field(default_factory=dict)
    acknowledged: dict[str, float] = field(default_factory=dict)
    seen: dict[str, float] = field(default_factory=dict)

    @staticmethod
    def note(where: dict[str, float], what: str) -> None:
        where.setdefault(what, time.monotonic())

    def is_through(self, what: str) -> bool:
        return what in self.acknowledged and what in self.seen

    def seen_since(self, moment: float) -> bool:
        return any(at >= moment for at in list(self.seen.values()))


class Visitor:
    """Somebody over HTTP, with cookies and an address of their own."""

    def __init__(self, url: str, room: str, number: int) -> None:
        self.url, self.room, self.number = url, room, number
        self.name = f"Person {number}"
        self.refused: list[str] = []
        self.http = requests.Session()
        self.http.trust_env = False
        self.http.headers.update({"Origin": url, "X-Forwarded-For": address_of(number)})

    def try_to(self, method: str, path: str, **more: Any) -> requests.Response | None:
        """One request below the room; None where it isn't answered well."""
        with suppress(requests.RequestException):
            address = path if path.startswith("http") else f"{self.url}/api/rooms/{self.room}{path}"
            answer = self.http.request(method, address, timeout=DEADLINE, **more)
            if answer.ok:
                return answer
            self.refused.append(f"{method} {path} {answer.status_code}")
        return None

    def insist(self, method: str, path: str, **more: Any) -> requests.Response:
        """The same until it is answered well."""
        for pause in itertools.cycle(PAUSES):
            if answer := self.try_to(method, path, **more):
                return answer
            time.sleep(pause)
        raise AssertionError

    def join(self) -> dict[str, Any] | None:
        answer = self.try_to("POST", "/join", json={"name": self.name})
        return answer.json() if answer else None


class Ears(Attendee):
    """An attendee who reads what is written and what was said, and knows when they last heard somebody."""

    pieces = 1000 // PIECE_MS

    def __init__(self, url: str, token: str, lines: Journal, captions: Journal) -> None:
        super().__init__(url, token)
        self._lines, self._captions = lines, captions
        self.heard_at = time.monotonic()
        self.upto, self.has_missed = 0, True

    @property
    def must_join_anew(self) -> bool:
        if not self.is_in or self.why_gone is not None:
            return True
        repairs = [one for one in self.happened if one in ("reconnecting", "reconnected")]
        return repairs[-1:] == ["reconnecting"] and time.monotonic() - self.heard_at > DEAF_SECONDS

    def take(self, messages: list[dict[str, Any]], upto: int) -> None:
        for message in messages:
            Journal.note(self._lines.seen, message["text"])
        self.upto = max(self.upto, upto)

    def _received(self, packet: Any) -> None:
        if packet.topic == "chat":
            news = json.loads(packet.data)
            # As the page does: what was told before and didn't come is fetched.
            self.has_missed |= news.get("after", 0) > self.upto
            self.take(news.get("messages", []), news.get("upto", 0))
        elif packet.topic == "transcription":
            said = json.loads(packet.data)
            if said["final"] and said["text"]:
                Journal.note(self._captions.seen, said["id"])

    async def _count(self, track: Any, identity: str) -> None:
        async for event in self.rtc.AudioStream(
            track, sample_rate=8000, num_channels=1, frame_size_ms=PIECE_MS
        ):
            if max(memoryview(event.frame.data), default=0) > LOUD:
                self.heard[identity] += 1
                self.heard_at = time.monotonic()


class Inside(Visitor):
    """Somebody in the lecture: speaks, listens, writes and reads; comes in again by themselves.

    ``written``, ``read``, ``heard``: where their lines are noted, those that they read, and the captions.
    """

    def __init__(
        self, url: str, room: str, number: int, written: Journal, read: Journal, heard: Journal
    ) -> None:
        super().__init__(url, room, number)
        self.lines, self._read_lines, self.captions = written, read, heard
        self.ears: Ears | None = None
        self.identity = ""
        self.frames = 0
        self.entries = 0
        self._left = threading.Event()
        self._box: SimpleQueue[str] = SimpleQueue()
        for work in (self._stay, self._deliver_all):
            threading.Thread(target=work, daemon=True).start()

    def write(self, text: str) -> None:
        """Put a line into the box: they go one after the other, each until it is acknowledged."""
        Journal.note(self.lines.sent, text)
        self._box.put(text)

    def heard(self) -> int:
        """Pieces of sound so far, over all connections."""
        return self.frames + (sum(self.ears.heard.values()) if self.ears else 0)

    @property
    def is_behind(self) -> bool:
        """Whether a line of theirs isn't acknowledged yet."""
        return len(self.lines.acknowledged) < len(self.lines.sent)

    def leave(self) -> None:
        self._left.set()
        if self.ears:
            self.ears.leave()

    def _stay(self) -> None:
        while not self._left.wait(0.2):
            if self.ears is None or self.ears.must_join_anew:
                self._enter()
            elif self.ears.has_missed:
                self._read(self.ears)

    def _read(self, ears: Ears) -> None:
        ears.has_missed = False
        page = self.try_to("GET", "/chat/messages?limit=50")
        if page is None:
            ears.has_missed = True
        else:
            ears.take(page.json()["messages"], page.json()["upto"])

    def _enter(self) -> None:
        given = self.join()
        if not given or given["status"] != "admitted" or self._left.is_set():
            return
        self._drop()
        made = Ears(given["livekit_url"], given["token"], self._read_lines, self.captions)
        try:
            made.connect(CONNECT_SECONDS)
            made.speak(hz=300 + 10 * self.number)
        except Exception as error:
            # Whatever LiveKit's library says: it is tried again.
            self.refused.append(f"media {type(error).__name__}")
            threading.Thread(target=made.leave, daemon=True).start()
            return
        self.ears, self.identity = made, given["identity"]
        self.entries += 1

    def _drop(self) -> None:
        old, self.ears = self.ears, None
        if old is not None:
            self.frames += sum(old.heard.values())
            threading.Thread(target=old.leave, daemon=True).start()

    def _deliver_all(self) -> None:
        for text in iter(self._box.get, ""):
            self.insist("POST", "/chat/messages", json={"client_id": str(uuid.uuid4()), "text": text})
            Journal.note(self.lines.acknowledged, text)


class Sharer(Visitor):
    """Hands in files, straight to the storage as a page does."""

    def __init__(self, url: str, room: str, number: int, files: Journal) -> None:
        super().__init__(url, room, number)
        self.files, self.bytes = files, dict[str, bytes]()
        assert self.insist("POST", "/join", json={"name": self.name}).json()["status"] == "admitted"

    def share(self, name: str) -> None:
        """A file from its beginning to its end, once more from the beginning where a step fails."""
        self.bytes[name] = secrets.token_hex(500).encode()
        Journal.note(self.files.sent, name)
        for pause in itertools.cycle(PAUSES):
            if self._shared(name):
                Journal.note(self.files.acknowledged, name)
                return
            time.sleep(pause)

    def _shared(self, name: str) -> bool:
        told = {"name": name, "size": len(self.bytes[name]), "mime": "text/plain"}
        plan = self.try_to("POST", "/files/shares", json=told)
        if plan is None:
            return False
        upload = f"{self.url}/api/uploads/{plan.json()['id']}"
        to = self.try_to("POST", f"{upload}/address", json={})
        if to is None:
            return False
        with suppress(requests.RequestException):
            way = to.json()
            sent = requests.request(
                way["method"], way["url"], data=self.bytes[name], headers=way["headers"], timeout=DEADLINE
            )
            return sent.ok and self.try_to("POST", f"{upload}/complete", json={}) is not None
        return False


class Waiter:
    """Somebody before a door who holds the waiting stream; the stream is opened again where it ends."""

    def __init__(self, url: str, room: str, number: int) -> None:
        self.guest = Guest(number, url, room)
        self.name = f"Guest {number}"

    def wait(self) -> bool:
        """Come to the door; whether the waiting stream speaks."""
        try:
            return _loop().run(self._come(), DEADLINE)
        except (OSError, RuntimeError, TimeoutError):
            return False

    @property
    def is_in(self) -> bool:
        return self.guest.is_in.is_set()

    async def _come(self) -> bool:
        if self.guest.task is None:
            if await self.guest.join() != "waiting":
                return False
            self.guest.task = asyncio.create_task(self.guest.wait())
        async with asyncio.timeout(DEADLINE):
            await self.guest.is_waiting.wait()
        return True


class Numbers:
    """A new person's number, from any thread."""

    def __init__(self, first: int) -> None:
        self._next: Iterator[int] = itertools.count(first)
        self._lock = threading.Lock()

    def __call__(self) -> int:
        with self._lock:
            return next(self._next)


def pace(seconds: float, work: Callable[[int], None], over: threading.Event) -> threading.Thread:
    """Do ``work`` every so many seconds, with a number, until it is over."""

    def go_on() -> None:
        for number in itertools.count():
            if over.wait(seconds):
                return
            work(number)

    made = threading.Thread(target=go_on, daemon=True)
    made.start()
    return made
