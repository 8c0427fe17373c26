"""The page of a lecture of three hours: its first byte, its questions to the database, its bytes."""

from __future__ import annotations

import re
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urljoin

import requests
import sqlalchemy as sa
from playwright.sync_api import sync_playwright

from bench.asked import queries
from bench.product import Host, running
from tests.fixtures import three_hours
from tests.fixtures.browser import cookies_of, launch

TURNS, WARM_UP = 200, 20
# What Lighthouse takes for a mid-range phone against a desk's processor.
PHONE_IS_SLOWER = 4
SCROLL = """async () => {
  const took = [];
  let last = performance.now();
  for (let turn = 0; turn < 300; turn++) {
    scrollBy(0, 400);
    await new Promise(requestAnimationFrame);
    took.push(performance.now() - last);
    last = performance.now();
  }
  return took.sort((one, other) => one - other)[Math.floor(took.length * 0.95)];
}"""
WITH_PLUGINS = {"AUDIMAX_ENABLED_PLUGINS": "ai_assistant,chat,files"}
# What the page loads before anything else: scripts, styles, icons.
LOADED = re.compile(r'(?:src|href)="(/static/[^"#]+)')
FONT = re.compile(r"url\(([^)]*inter-latin-wght-normal[^)]*\.woff2)\)")
IMPORTED = re.compile(r'(?:from|import)\s*"(\.[^"]+\.js)"')


def page() -> dict[str, float]:
    """A host opens it again and again; p95 of the time to the first byte."""
    with (
        tempfile.TemporaryDirectory() as folder,
        running(Path(folder) / "instance", **WITH_PLUGINS) as product,
    ):
        host = Host(product)
        engine = sa.create_engine(product.database.replace("postgresql://", "postgresql+psycopg2://"))
        with engine.begin() as connection:
            public_id = three_hours.fill(connection, *three_hours.room_of(connection, host.new_room()))
        address = f"{product.url}/lectures/{public_id}"
        for _ in range(WARM_UP):
            _first_byte(host, address)
        took = sorted(_first_byte(host, address) for _ in range(TURNS))
        asked = queries(product, host, [f"/lectures/{public_id}"])
        size = _bytes(host, product.url, address)
        engine.dispose()
        frame = _frame_ms(host, product.url, address)
    return {
        "lecture_page_ttfb_ms": took[int(TURNS * 0.95) - 1] * 1000,
        "lecture_page_queries": max(asked.values()),
        "lecture_page_kb": size / 1024,
        "lecture_scroll_frame_ms": frame,
    }


def _frame_ms(host: Host, url: str, address: str) -> float:
    """p95 of the time between two pictures while somebody with a slow phone scrolls through all lines."""
    with sync_playwright() as playwright:
        browser = launch(playwright)
        context = browser.new_context(viewport={"width": 390, "height": 844})
        context.add_cookies(cookies_of(host.http, url))
        page = context.new_page()
        page.goto(address)
        page.wait_for_selector(".timeline-more", state="detached")
        slow = context.new_cdp_session(page)
        slow.send("Emulation.setCPUThrottlingRate", {"rate": PHONE_IS_SLOWER})
        found = float(page.evaluate(SCROLL))
        browser.close()
    return found


def _first_byte(host: Host, address: str) -> float:
    begun = time.perf_counter()
    with host.http.get(address, stream=True, timeout=30) as answer:
        answer.raise_for_status()
        pieces = answer.iter_content(1024)
        next(pieces)
        took = time.perf_counter() - begun
        # Else the rest of this page would be made while the next one is asked for.
        for _piece in pieces:
            pass
        return took


def _bytes(host: Host, url: str, address: str) -> int:
    """What a browser receives, compressed as it takes it: the page, its scripts, styles, icons and font."""
    page = host.http.get(address, timeout=30).text
    loaded = set(LOADED.findall(page))
    styles = [host.http.get(url + one, timeout=30).text for one in loaded if one.endswith(".css")]
    fonts = {found for style in styles for found in FONT.findall(style)}
    scripts = set(_imported(host, url, loaded))
    return len(page.encode()) + sum(_size(host.http, url + one) for one in loaded | fonts | scripts)


def _imported(host: Host, url: str, loaded: set[str]) -> Iterator[str]:
    """What the page's scripts load before they run."""
    for one in loaded:
        if one.endswith(".js"):
            text = host.http.get(url + one, timeout=30).text
            found = {urljoin(one, name) for name in IMPORTED.findall(text)}
            yield from found
            yield from _imported(host, url, found)


def _size(http: requests.Session, address: str) -> int:
    with http.get(address, headers={"Accept-Encoding": "br, gzip"}, stream=True, timeout=30) as answer:
        answer.raise_for_status()
        return len(answer.raw.read(decode_content=False))
