"""The load client for joins, a process of its own: new guests, a few at once; prints the seconds it took."""

from __future__ import annotations

import asyncio
import sys
import time

from bench.guests import Guest

AT_ONCE = 8


async def main(url: str, room: str, count: int) -> None:
    offset = int(time.monotonic() * 1000) % 8_000_000
    numbers = iter(range(offset, offset + count))
    begun = time.monotonic()
    await asyncio.gather(*(_one_after_another(url, room, numbers) for _ in range(AT_ONCE)))
    print(time.monotonic() - begun)


async def _one_after_another(url: str, room: str, numbers: object) -> None:
    for number in numbers:  # type: ignore[attr-defined]
        status = await Guest(number, url, room).join()
        assert status == "admitted", status


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], int(sys.argv[3])))
