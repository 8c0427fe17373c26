"""How many packets of others still come to a listener: counted in its browser, whatever its page shows."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from playwright.sync_api import Page

from tests.fixtures.browser import until

# Notes, from now on, how many packets and bytes of each audio stream have come, and when it was last one.
# A stream that has ended leaves the statistics: what was seen of it stays in the notes.
WATCH = """() => {
  const streams = window.heard = {};
  const look = async () => {
    const {pcManager} = window.audimax.room.engine;
    for (const {_pc: pc} of [pcManager.subscriber, pcManager.publisher].filter(Boolean))
      for (const s of (await pc.getStats()).values())
        if (s.type === 'inbound-rtp' && s.kind === 'audio') {
          const mine = streams[s.ssrc] ??= {packets: 0, bytes: 0, last: 0};
          if (s.packetsReceived > mine.packets) Object.assign(mine, {
            packets: s.packetsReceived, bytes: s.bytesReceived, last: s.lastPacketReceivedTimestamp, seen: Date.now(),
          });
        }
    streams.looked = Date.now();
    setTimeout(look, 10);
  };
  look();
}"""
# Statistics are made anew every 50 ms; a busy machine's browser looks late at what came in time. How soon it is
# silent on a quiet one, `make bench ONLY=panic` tells.
FRESH_MS = 700
STREAMS = "Object.values(window.heard).filter(one => one.packets > 20)"


@dataclass(frozen=True)
class Silence:
    """What came after the call had returned, and how long before the return the last packet came."""

    streams: int
    packets: int
    bytes: int
    last_before_return_ms: float
    call_ms: float


def watch(page: Page) -> None:
    page.evaluate(WATCH)


def speak(page: Page, count: int) -> None:
    """Until so many audio streams are coming."""
    until(page, f"{STREAMS}.length >= {count}", f"{count} are heard")


def after(page: Page, act: Callable[[], Any], seconds: float = 3.0) -> Silence:
    """Act, and count what comes from the moment it has returned."""
    begun = time.time() * 1000
    act()
    returned = time.time() * 1000
    until(page, f"window.heard.looked > {returned + FRESH_MS}", "statistics made after the return")
    first: list[dict[str, float]] = page.evaluate(STREAMS)
    end = returned + seconds * 1000
    until(page, f"window.heard.looked > {end}", "some seconds later")
    then: list[dict[str, float]] = page.evaluate(STREAMS)
    return Silence(
        streams=len(then),
        packets=int(sum(s["packets"] for s in then) - sum(s["packets"] for s in first)),
        bytes=int(sum(s["bytes"] for s in then) - sum(s["bytes"] for s in first)),
        last_before_return_ms=min(returned - s["last"] for s in then),
        call_ms=returned - begun,
    )
