"""The load client, a process of its own: many guests who join a room, wait, and note what reaches them when.

Reads commands from stdin, answers with one JSON line each:
``wait N ROOM URL OFFSET`` · ``woken TIMEOUT`` · ``in NUMBER TIMEOUT`` · ``requests`` · ``quit``.
"""

from __future__ import annotations

import asyncio
import json
import random
import sys
import time
from contextlib import suppress
from dataclasses import dataclass, field
from urllib.parse import urlsplit

AT_ONCE = 60
HEADERS = "Host: {host}\r\nOrigin: {origin}\r\nX-Forwarded-For: {address}\r\nCookie: {cookie}\r\n"


def address_of(number: int) -> str:
    """An address for each guest, as a proxy would vouch for it."""
    return f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}"


@dataclass
class Guest:
    """One browser."""

    number: int
    url: str
    room: str
    cookie: str = "none=1"
    address: str = ""
    events: dict[str, float] = field(default_factory=dict)
    is_waiting: asyncio.Event = field(default_factory=asyncio.Event)
    is_in: asyncio.Event = field(default_factory=asyncio.Event)
    task: asyncio.Task[None] | None = None
    stream: str = ""
    requests: int = 0

    def _head(self) -> str:
        parts = urlsplit(self.url)
        address = self.address or address_of(self.number)
        return HEADERS.format(host=parts.netloc, origin=self.url, address=address, cookie=self.cookie)

    async def _open(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        parts = urlsplit(self.url)
        self.requests += 1
        return await asyncio.open_connection("127.0.0.1", parts.port, limit=4096)

    async def join(self, pin: str = "") -> str:
        """POST join, with an answer to the PIN if there is one; the status that was answered."""
        reader, writer = await self._open()
        answer = {"answer": {"field": "pin", "value": pin}} if pin else {}
        body = json.dumps({"name": f"Guest {self.number}", **answer})
        path = f"/api/rooms/{self.room}/join"
        writer.write(
            f"POST {path} HTTP/1.1\r\n{self._head()}Content-Type: application/json\r\n"
            f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n{body}".encode()
        )
        said = (await reader.read()).decode()
        writer.close()
        head, _, content = said.partition("\r\n\r\n")
        for line in head.splitlines():
            if line.lower().startswith("set-cookie:") and "guest" in line:
                self.cookie = line.split(":", 1)[1].split(";")[0].strip()
        if " 20" not in head[:20]:
            raise RuntimeError(said[:400])
        answered = json.loads(content)
        self.stream = answered.get("stream_url", "")
        return str(answered["status"])

    async def wait(self) -> None:
        """Hold streams until let in, as the page does: one that ends is opened again after a pause."""
        while not self.is_in.is_set():
            with suppress(OSError):
                await self._listen()
            if not self.is_in.is_set():
                await asyncio.sleep(random.uniform(0.5, 1.5))

    async def _listen(self) -> None:
        """One stream, to its end; notes when each event came."""
        reader, writer = await self._open()
        writer.write(f"GET {self.stream} HTTP/1.1\r\n{self._head()}\r\n".encode())
        try:
            while line := await reader.readline():
                if line.startswith(b"event: "):
                    name = line[7:].decode().strip()
                    self.events.setdefault(name, time.monotonic())
                    self.is_waiting.set()
                    if name == "APPROVED":
                        self.is_in.set()
                        return
        finally:
            writer.close()


async def arrive(guest: Guest, door: asyncio.Semaphore) -> None:
    async with door:
        status = await guest.join()
        assert status == "waiting", status
        guest.task = asyncio.create_task(guest.wait())
        async with asyncio.timeout(60):
            await guest.is_waiting.wait()


async def main() -> None:
    guests: list[Guest] = []
    loop = asyncio.get_running_loop()
    while True:
        words = (await loop.run_in_executor(None, sys.stdin.readline)).split()
        if not words or words[0] == "quit":
            return
        if words[0] == "wait":
            count, room, url, offset = int(words[1]), words[2], words[3], int(words[4])
            door = asyncio.Semaphore(AT_ONCE)
            new = [Guest(offset + i, url, room) for i in range(count)]
            await asyncio.gather(*(arrive(guest, door) for guest in new))
            guests += new
            say({"waiting": len(guests)})
        elif words[0] == "woken":
            waits = [asyncio.create_task(guest.is_in.wait()) for guest in guests]
            await asyncio.wait(waits, timeout=float(words[1]))
            say({"events": [guest.events for guest in guests]})
            guests = []
        elif words[0] == "in":
            found = next(guest for guest in guests if guest.number == int(words[1]))
            async with asyncio.timeout(float(words[2])):
                await found.is_in.wait()
            say({"at": found.events["APPROVED"]})
        elif words[0] == "requests":
            say({"requests": sum(guest.requests for guest in guests)})


def say(what: object) -> None:
    print(json.dumps(what), flush=True)


if __name__ == "__main__":
    asyncio.run(main())
