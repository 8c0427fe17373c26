"""Where each service is: a loopback address of its own for each, with the ports that it has in its container."""

from __future__ import annotations

import asyncio
import random
import re
import socket
import threading
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field

from tests.deploy.composed import Composed

# Between the name and the port of an address: `http://web:8000`, `audimax:secret@pgbouncer:5432`.
NAME = re.compile(r"(?<=[/@])[a-z][a-z-]*(?=:\d)")
PORTS = (443, 5432, 6379, 7880, 8000, 9000)
ANY = "0.0.0.0"
PIECE = 65_536


def free_network() -> str:
    """The first three numbers of a network in which nobody listens."""
    while True:
        edge = f"127.{random.randint(20, 250)}.{random.randint(1, 250)}"
        if not any(_listens(f"{edge}.{number}", port) for number in (1, 2, 11, 21) for port in PORTS):
            return edge


def _listens(address: str, port: int) -> bool:
    with socket.socket() as one:
        one.settimeout(1)
        return one.connect_ex((address, port)) == 0


def may_listen(address: str, port: int) -> bool:
    """Whether we may take that port: those below 1024 are not everybody's."""
    with socket.socket() as one, suppress(OSError):
        one.bind((address, port))
        return True
    return False


@dataclass(frozen=True)
class Addresses:
    """``of`` leads from names of services to addresses; ``aliases`` from other names to services."""

    of: Mapping[str, str]
    aliases: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @classmethod
    def in_network(cls, made: Composed, edge: str) -> Addresses:
        """Those that the file fixes, and free ones for the others."""
        fixed, aliases = {}, {}
        for name, one in made.services.items():
            networks = one.get("networks", {})
            place = (networks.get("edge") or {}) if isinstance(networks, dict) else {}
            if "ipv4_address" in place:
                fixed[name] = place["ipv4_address"]
            if one.get("network_mode") == "host":
                fixed[name] = f"{edge}.1"
            for alias in place.get("aliases", []):
                aliases[alias] = (*aliases.get(alias, ()), name)
        others = [name for name in (*made.services, *aliases) if name not in fixed]
        numbered = {name: f"{edge}.{number}" for number, name in enumerate(others, 21)}
        return cls({**numbered, **fixed}, aliases)

    def in_text(self, text: str) -> str:
        """The same with addresses in place of names."""
        return NAME.sub(lambda found: self.of.get(found[0], found[0]), text)

    def in_environment(self, service: str, said: Mapping[str, str]) -> dict[str, str]:
        """The same; who listens everywhere in its container listens at its own address."""
        own = {**self.of, ANY: self.of[service]}
        return {name: own.get(value) or self.in_text(value) for name, value in said.items()}


class Alias:
    """One name of several services: each connection goes to one of those that run, as names of Compose do."""

    def __init__(self, place: tuple[str, int], behind: Iterable[str]) -> None:
        self._place, self._behind = place, list(behind)
        self._loop = asyncio.new_event_loop()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._run, name="alias", daemon=True)

    def start(self) -> None:
        self._thread.start()
        assert self._ready.wait(30), f"nobody may listen at {self._place}"

    def stop(self) -> None:
        if not self._thread.is_alive():
            return
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_until_complete(asyncio.start_server(self._pass_on, *self._place))
        self._ready.set()
        self._loop.run_forever()

    async def _pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            there, back = await self._connected()
            await asyncio.gather(_pump(reader, back), _pump(there, writer), return_exceptions=True)
        writer.close()

    async def _connected(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        refused: OSError = ConnectionRefusedError()
        for address in random.sample(self._behind, len(self._behind)):
            try:
                return await asyncio.open_connection(address, self._place[1])
            except OSError as error:
                refused = error
        raise refused


async def _pump(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
    try:
        while piece := await source.read(PIECE):
            sink.write(piece)
            await sink.drain()
    finally:
        sink.close()
