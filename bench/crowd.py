"""The load client of a panic, in its own process: many who signal, some who speak, and when each fell silent.

Reads commands from stdin, answers with one JSON line each: ``enter SIGNALLING SPEAKING ROOM URL`` ·
``silenced TIMEOUT`` · ``quit``.
"""

from __future__ import annotations

import asyncio
import sys
import time
from dataclasses import dataclass
from typing import Any

import aiohttp
from livekit.protocol import rtc

from bench.guests import address_of, say
from tests.fixtures.livekit import Attendee

AT_ONCE = 12


@dataclass
class Ticket:
    """What the door gave."""

    identity: str
    token: str
    url: str


async def admitted(session: aiohttp.ClientSession, url: str, room: str, number: int) -> Ticket:
    headers = {"Origin": url, "X-Forwarded-For": address_of(number)}
    path = f"{url}/api/rooms/{room}/join"
    async with session.post(path, json={"name": f"Guest {number}"}, headers=headers) as answer:
        given = await answer.json()
    assert given["status"] == "admitted", given
    return Ticket(given["identity"], given["token"], given["livekit_url"])


class Signaller:
    """A client that signals and sends no media: LiveKit keeps it for a minute."""

    def __init__(self, ticket: Ticket) -> None:
        self.ticket = ticket
        self.silenced_at = 0.0
        self.lost = asyncio.Event()

    async def enter(self, session: aiohttp.ClientSession) -> None:
        address = f"{self.ticket.url}/rtc?access_token={self.ticket.token}&protocol=16"
        self.socket = await session.ws_connect(address, max_msg_size=0)
        assert rtc.SignalResponse.FromString((await self.socket.receive()).data).HasField("join")
        self.reading = asyncio.create_task(self._read())

    async def _read(self) -> None:
        async for message in self.socket:
            if message.type is aiohttp.WSMsgType.BINARY and self._is_silenced(message.data):
                self.silenced_at = self.silenced_at or time.time()
                self.lost.set()

    def _is_silenced(self, data: bytes) -> bool:
        people = rtc.SignalResponse.FromString(data).update.participants
        return any(p.identity == self.ticket.identity and not p.permission.can_publish for p in people)


class Crowd:
    def __init__(self, session: aiohttp.ClientSession) -> None:
        self.session = session
        self.people: list[Signaller] = []
        self.speakers: list[Attendee] = []

    async def enter(self, signalling: int, speaking: int, room: str, url: str) -> dict[str, Any]:
        door = asyncio.Semaphore(AT_ONCE)

        async def come(number: int) -> None:
            async with door:
                person = Signaller(await admitted(self.session, url, room, number))
                await person.enter(self.session)
                self.people.append(person)

        for number in range(speaking):
            ticket = await admitted(self.session, url, room, 900_000 + number)
            self.speakers.append(await asyncio.to_thread(speaker, ticket))
        await asyncio.gather(*(come(number) for number in range(signalling)))
        return {"inside": len(self.people), "speaking": len(self.speakers)}

    async def silenced(self, seconds: float) -> dict[str, Any]:
        waits = [asyncio.create_task(person.lost.wait()) for person in self.people]
        await asyncio.wait(waits, timeout=seconds)
        return {
            "at": [p.silenced_at for p in self.people],
            "still_in": sum(not p.socket.closed for p in self.people),
        }


def speaker(ticket: Ticket) -> Attendee:
    """Somebody with a voice, at the real SDK."""
    made = Attendee(ticket.url, ticket.token).connect()
    made.speak()
    return made


async def main() -> None:
    loop = asyncio.get_running_loop()
    async with aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=0), cookie_jar=aiohttp.DummyCookieJar()
    ) as session:
        crowd = Crowd(session)
        while True:
            words = (await loop.run_in_executor(None, sys.stdin.readline)).split()
            if not words or words[0] == "quit":
                return
            if words[0] == "enter":
                say(await crowd.enter(int(words[1]), int(words[2]), words[3], words[4]))
            elif words[0] == "silenced":
                say(await crowd.silenced(float(words[1])))


if __name__ == "__main__":
    asyncio.run(main())
