"""The load client for joins, a process of its own: new guests, a few at once; prints the seconds it took.

With a PIN, each is asked for it and then answers.
"""

from __future__ import annotations

import asyncio
import sys
import time

from bench.guests import Guest

AT_ONCE = 8


async def main(url: str, room: str, count: int, pin: str = "") -> None:
    offset = int(time.monotonic() * 1000) % 8_000_000
    numbers = iter(range(offset, offset + count))
    begun = time.monotonic()
    await asyncio.gather(*(_one_after_another(url, room, numbers, pin) for _ in range(AT_ONCE)))
    print(time.monotonic() - begun)


async def _one_after_another(url: str, room: str, numbers: object, pin: str) -> None:
    for number in numbers:  # type: ignore[attr-defined]
        # With a PIN they sit in one lecture hall, behind one address.
        guest = Guest(number, url, room, address="10.255.255.1" if pin else "")
        if pin:
            assert await guest.join() == "asked"
        status = await guest.join(pin)
        assert status == "admitted", status


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], int(sys.argv[3]), *sys.argv[4:]))
