"""The room page in a real browser on a slow line."""

from __future__ import annotations

import gzip
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, sync_playwright

from bench.product import Host, running
from tests.fixtures.browser import launch

BYTES_PER_SECOND = 9_000_000 / 8
LATENCY_MS = 40
TURNS = 5


def room_page() -> dict[str, float]:
    """Bytes before the call, and the time from the link to a prejoin that can be used."""
    with tempfile.TemporaryDirectory() as folder, running(Path(folder) / "instance") as product:
        host = Host(product)
        code = host.get(f"/api/rooms/{host.new_room()}")["code"]
        url = f"{product.url}/r/{code}"
        with sync_playwright() as playwright:
            browser = launch(playwright)
            size = _script_bytes(browser, url)
            times = [_prejoin_seconds(browser, url) for _ in range(TURNS)]
            browser.close()
    return {"room_script_gz_kb": size / 1024, "prejoin_s": statistics.median(times)}


def _script_bytes(browser: Browser, url: str) -> int:
    page = browser.new_page()
    bodies: list[bytes] = []

    def note(response: Any) -> None:
        if response.request.resource_type in ("script", "stylesheet"):
            bodies.append(response.body())

    page.on("requestfinished", lambda request: note(request.response()))
    page.goto(url, wait_until="networkidle")
    page.close()
    return sum(len(gzip.compress(body, 9)) for body in bodies)


def _prejoin_seconds(browser: Browser, url: str) -> float:
    context = browser.new_context()
    page = context.new_page()
    network = context.new_cdp_session(page)
    network.send("Network.enable")
    network.send(
        "Network.emulateNetworkConditions",
        {
            "offline": False,
            "latency": LATENCY_MS,
            "downloadThroughput": BYTES_PER_SECOND,
            "uploadThroughput": BYTES_PER_SECOND,
        },
    )
    begun = time.monotonic()
    page.goto(url, wait_until="commit")
    page.get_by_role("textbox").first.wait_for()
    page.locator("form button[type=submit]:enabled").first.wait_for()
    seconds = time.monotonic() - begun
    context.close()
    return seconds
