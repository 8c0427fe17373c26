"""The chat of a full lecture hall: its history, and what twenty lines a second cost the server."""

from __future__ import annotations

import secrets
import statistics
import tempfile
import threading
import time
import uuid
from pathlib import Path

import psycopg2
import requests
from playwright.sync_api import Browser, Page, expect, sync_playwright

from bench.guests import address_of
from bench.panic import api
from bench.product import Host, cpu_seconds, processes, running, web_workers
from tests.browser import hall
from tests.fixtures.browser import launch
from tests.fixtures.product import Product

LINES, PAGES = 10_000, 200
PEOPLE, WRITERS, PER_SECOND, SECONDS = 500, 40, 20, 16
WITH_CHAT = {"AUDIMAX_ENABLED_PLUGINS": "chat"}
FILL = """
INSERT INTO chat__message (public_id, lecture_id, audience, at, changed, client_id, participant_id,
    author_name, author_is_host, text, has_files, is_question, answered, pinned, edited, removed_by, marks)
SELECT 'bench' || n, p.lecture_id, CASE WHEN mod(n, 10) = 0 THEN 'hosts' ELSE 'everyone' END, n, n,
    'bench' || n, p.id, p.name, false, repeat('some words ', 1 + mod(n, 20)), false, mod(n, 20) = 0, false,
    false, false, '', '{"👍": 2}'
FROM generate_series(1, %(lines)s) AS n, participant AS p WHERE p.identity = %(identity)s;
UPDATE chat__message AS m SET reply_to_id = q.id
FROM chat__message AS q WHERE mod(m.at, 3) = 0 AND q.at = m.at - 2;
ANALYZE chat__message;
"""


class Guest:
    """Somebody inside who keeps the connection open, as a browser does."""

    def __init__(self, product: Product, room: str, number: int) -> None:
        self.base = f"{product.url}/api/rooms/{room}"
        self.http = requests.Session()
        self.http.trust_env = False
        self.http.headers.update({"Origin": product.url, "X-Forwarded-For": address_of(number)})
        answer = self.http.post(f"{self.base}/join", json={"name": f"Guest {number}"}, timeout=30)
        self.identity = str(answer.json()["identity"])

    def write(self, text: str) -> float:
        begun = time.monotonic()
        body = {"client_id": str(uuid.uuid4()), "text": text}
        self.http.post(f"{self.base}/chat/messages", json=body, timeout=30).raise_for_status()
        return time.monotonic() - begun

    def read(self, query: str) -> float:
        begun = time.monotonic()
        self.http.get(f"{self.base}/chat/messages?{query}", timeout=30).raise_for_status()
        return time.monotonic() - begun


def history() -> dict[str, float]:
    """A guest scrolls through a lecture of 10,000 lines, a tenth of them private: the median request."""
    with tempfile.TemporaryDirectory() as folder, running(Path(folder) / "instance", **WITH_CHAT) as product:
        host = Host(product)
        room = host.new_room()
        host.post(f"/api/rooms/{room}/start")
        writer, reader = (Guest(product, room, number) for number in (1, 2))
        _fill(product, writer.identity)
        places = [1 + LINES * n // PAGES for n in range(1, PAGES)]
        return {"chat_history_page_ms": statistics.median(reader.read(f"before={n}") for n in places) * 1000}


def _fill(product: Product, identity: str) -> None:
    with psycopg2.connect(product.database) as connection, connection.cursor() as cursor:
        cursor.execute(FILL, {"lines": LINES, "identity": identity})


def crowd() -> dict[str, float]:
    """500 are inside, 40 of them write twenty lines a second; LiveKit's API by protocol."""
    with api(0) as address, tempfile.TemporaryDirectory() as folder:
        keys = {"AUDIMAX_LIVEKIT_KEY": "key", "AUDIMAX_LIVEKIT_SECRET": secrets.token_urlsafe(40)}
        place = {"AUDIMAX_LIVEKIT_API_URL": address, "AUDIMAX_LIVEKIT_URL": "ws://localhost:9", **keys}
        with running(Path(folder) / "instance", **WITH_CHAT, **place) as product:
            return _crowd(product, Host(product), address)


def _crowd(product: Product, host: Host, address: str) -> dict[str, float]:
    room = host.new_room()
    host.post(f"/api/rooms/{room}/start")
    people = [Guest(product, room, number) for number in range(PEOPLE)]
    requests.post(f"{address}/people", json=[one.identity for one in people], timeout=30)
    before, took = _spent(product), list[float]()
    web_before = cpu_seconds(web_workers(product))
    threads = [threading.Thread(target=_write, args=(one, n, took)) for n, one in enumerate(people[:WRITERS])]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    spent = sum(seconds - before.get(pid, 0.0) for pid, seconds in _spent(product).items())
    web = cpu_seconds(web_workers(product)) - web_before
    calls = requests.get(f"{address}/calls", timeout=30).json()
    assert len(took) == PER_SECOND * SECONDS
    return {
        "chat_500_cpu_ms_per_line": spent / len(took) * 1000,
        "chat_500_web_cpu_ms_per_line": web / len(took) * 1000,
        "chat_500_answer_p95_ms": sorted(took)[int(len(took) * 0.95)] * 1000,
        "chat_500_packets_per_s": sum(call["method"] == "SendData" for call in calls) / SECONDS,
    }


def _spent(product: Product) -> dict[int, float]:
    """CPU seconds by process: database connections come and go."""
    found = [*web_workers(product), *processes(product, "postgres")]
    return {one.pid: cpu_seconds([one]) for one in found}


def _write(guest: Guest, number: int, took: list[float]) -> None:
    """Each a line every two seconds, one after the other."""
    pause = WRITERS / PER_SECOND
    begun = time.monotonic() + pause * number / WRITERS
    for line in range(PER_SECOND * SECONDS // WRITERS):
        time.sleep(max(0.0, begun + line * pause - time.monotonic()))
        took.append(guest.write(f"line {line} of guest {number}, about as long as people write"))


# --- in real browsers -----------------------------------------------------------------

TURNS = 40
# Notes when a line whose text is awaited is drawn: two frames after it has come into the document.
WATCH = """() => {
  window.drawn = {};
  const look = () => {
    for (const text of document.querySelectorAll('.chat-text')) {
      const words = text.textContent;
      if (!(words in window.drawn)) {
        window.drawn[words] = 0;
        requestAnimationFrame(() => requestAnimationFrame(() => { window.drawn[words] = Date.now(); }));
      }
    }
  };
  new MutationObserver(look).observe(document.querySelector('.chat'), {childList: true, subtree: true});
}"""
PRESSED = (
    "document.addEventListener('keydown', e => { if (e.key === 'Enter') window.pressed = Date.now(); }, true)"
)


def shown() -> dict[str, float]:
    """One writes, another sees it: two browsers at the real livekit-server on this machine."""
    with tempfile.TemporaryDirectory() as folder, running(Path(folder) / "instance", **WITH_CHAT) as product:
        host = Host(product)
        room = host.new_room()
        host.post(f"/api/rooms/{room}/start")
        link = f"{product.url}/r/{host.get(f'/api/rooms/{room}')['code']}"
        with sync_playwright() as playwright:
            browser = launch(playwright)
            writer, reader = (_open(browser, link, name) for name in ("Ada", "Bob"))
            writer.evaluate(PRESSED)
            reader.evaluate(WATCH)
            took = sorted(_turn(writer, reader, f"line {number}") for number in range(TURNS))
            browser.close()
    return {"chat_p95_ms": took[int(TURNS * 0.95) - 1]}


def _open(browser: Browser, link: str, name: str) -> Page:
    page = browser.new_context().new_page()
    hall.enter(page, link, name)
    page.get_by_role("button", name="Chat").click()
    return page


def _turn(writer: Page, reader: Page, text: str) -> float:
    box = writer.get_by_role("textbox", name="Message")
    box.fill(text)
    box.press("Enter")
    expect(reader.get_by_text(text, exact=True)).to_be_visible(timeout=30_000)
    reader.wait_for_timeout(700)
    drawn = reader.evaluate("text => window.drawn[text]", text)
    return float(drawn - writer.evaluate("window.pressed"))
