"""One address for several webs, a process of its own: each connection goes to the next that takes it."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import sys

CONNECT_SECONDS = 2.0
PIECE = 65_536


class Balancer:
    """Knows nothing of who was served by whom: nothing is sticky."""

    def __init__(self, ports: list[int]) -> None:
        self._ports = ports
        self._turn = itertools.count()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            if (web := await self._next()) is not None:
                await asyncio.gather(_pump(reader, web[1]), _pump(web[0], writer), return_exceptions=True)
        writer.close()

    async def _next(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter] | None:
        first = next(self._turn)
        for place in range(len(self._ports)):
            port = self._ports[(first + place) % len(self._ports)]
            with contextlib.suppress(OSError, TimeoutError):
                async with asyncio.timeout(CONNECT_SECONDS):
                    return await asyncio.open_connection("127.0.0.1", port)
        return None


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while piece := await reader.read(PIECE):
            writer.write(piece)
            await writer.drain()
    finally:
        # Whose other side has gone has nothing more to say either.
        writer.close()


async def main(port: int, ports: list[int]) -> None:
    server = await asyncio.start_server(Balancer(ports).serve, "127.0.0.1", port, backlog=1024)
    async with server:
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), [int(port) for port in sys.argv[2:]]))
