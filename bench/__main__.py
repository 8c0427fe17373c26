"""`make bench`: measure everything, or what is named; write results and table."""

from __future__ import annotations

import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from bench import (
    admin,
    browser,
    captions,
    chat,
    exports,
    figures,
    lecture_page,
    lobby,
    pdf,
    recording,
    search,
    uploads,
)
from bench.panic import panic
from bench.product import Guests, Host, cpu_seconds, private_kb, processes, running, web_workers
from docs import capacity
from tests.fixtures.product import Product

JOINS = 2000
WAITING = 5000
STARTING = 1000
STUDENTS = 300


def joins() -> dict[str, float]:
    """CPU for a join that ends with a token, and how many one worker answers per second."""
    with tempfile.TemporaryDirectory() as folder, running(Path(folder) / "instance") as product:
        host = Host(product)
        room = host.new_room()
        host.post(f"/api/rooms/{room}/start")
        _load(product, room, 200)
        web, database = web_workers(product), processes(product, "postgres")
        before = cpu_seconds(web), cpu_seconds(database)
        seconds = _load(product, room, JOINS)
        spent = cpu_seconds(web) - before[0], cpu_seconds(database) - before[1]
    return {
        "join_cpu_ms": sum(spent) / JOINS * 1000,
        "join_web_cpu_ms": spent[0] / JOINS * 1000,
        "requests_per_s": JOINS / seconds,
    }


def _load(product: Product, room: str, count: int, *pin: str) -> float:
    argv = [sys.executable, "-m", "bench.joins", product.url, room, str(count), *pin]
    done = subprocess.run(argv, capture_output=True, text=True, check=True, cwd=figures.HERE.parent)
    return float(done.stdout)


def pin() -> dict[str, float]:
    """300 students with the right PIN on two workers that don't know it yet; median of three rooms."""
    asked, free = [], []
    settings = {"AUDIMAX_ENABLED_PLUGINS": "pin", "AUDIMAX_WEB_WORKERS": "2"}
    with tempfile.TemporaryDirectory() as folder, running(Path(folder) / "instance", **settings) as product:
        host = Host(product)
        _joined(product, host, "warm up")
        for _turn in range(3):
            asked.append(_joined(product, host, "482913"))
            free.append(_joined(product, host))
    return {"pin_300_cpu_s": statistics.median(asked), "joins_300_cpu_s": statistics.median(free)}


def _joined(product: Product, host: Host, *pin: str) -> float:
    """CPU seconds of the web for 300 who join a new room."""
    room = host.new_room()
    host.post(f"/api/rooms/{room}/start")
    for one in pin:
        host.post(f"/api/rooms/{room}/pin/choose", {"pin": one})
    web = web_workers(product)
    before = cpu_seconds(web)
    _load(product, room, STUDENTS, *pin)
    return cpu_seconds(web) - before


def waiting() -> dict[str, float]:
    """Memory for each of 5,000 who wait on one worker, and whether the start reaches all."""
    with tempfile.TemporaryDirectory() as folder, running(Path(folder) / "instance") as product:
        host, guests = Host(product), Guests()
        warm, room = host.new_room(), host.new_room()
        guests.tell("wait", 100, warm, product.url, 0)
        (worker,) = web_workers(product)
        before = private_kb(worker)
        guests.tell("wait", WAITING, room, product.url, 1000)
        grown = private_kb(worker) - before
        for one in (warm, room):
            host.post(f"/api/rooms/{one}/start")
        events = guests.tell("woken", 120)["events"]
        guests.quit()
    lost = sum("STARTING" not in e or "APPROVED" not in e for e in events)
    return {"waiting_kb_per_guest": grown / WAITING, "waiting_lost": lost}


def starting() -> dict[str, float]:
    """From the start click to the message and to the token, for 1,000 guests; median of five starts."""
    wakes, tokens = [], []
    with tempfile.TemporaryDirectory() as folder, running(Path(folder) / "instance") as product:
        host = Host(product)
        for turn in range(5):
            guests, room = Guests(), host.new_room()
            guests.tell("wait", STARTING, room, product.url, turn * STARTING)
            click = time.monotonic()
            host.post(f"/api/rooms/{room}/start")
            events = guests.tell("woken", 60)["events"]
            guests.quit()
            woken = sorted(e["STARTING"] - click for e in events)
            wakes.append(woken[int(len(woken) * 0.99) - 1] * 1000)
            tokens.append(max(e["APPROVED"] for e in events) - click)
            host.post(f"/api/rooms/{room}/end")
    return {
        "start_wakes_1000_p99_ms": statistics.median(wakes),
        "start_tokens_1000_s": statistics.median(tokens),
    }


def second_start() -> dict[str, float]:
    """`make run` once more, until the first page is there; median of three."""
    with tempfile.TemporaryDirectory() as folder:
        instance = Path(folder) / "instance"
        with running(instance) as product:
            environment = product.environment
        times = [_start_once(environment, product.url) for _ in range(3)]
    return {"second_start_s": statistics.median(times)}


def _start_once(environment: dict[str, str], url: str) -> float:
    import requests

    begun = time.monotonic()
    argv = ["make", "run"]
    process = subprocess.Popen(
        argv, cwd=figures.HERE.parent, env=environment, stdout=subprocess.DEVNULL, start_new_session=True
    )
    try:
        while True:
            try:
                if requests.get(url, timeout=1).ok:
                    return time.monotonic() - begun
            except requests.RequestException:
                os.sched_yield()
    finally:
        # Ctrl-C reaches everything that was started from a terminal, not make alone.
        os.killpg(process.pid, signal.SIGINT)
        process.wait(60)


MEASURES: dict[str, Callable[[], dict[str, float]]] = {
    "joins": joins,
    "pin": pin,
    "waiting": waiting,
    "starting": starting,
    "second_start": second_start,
    "room_page": browser.room_page,
    "panic": panic,
    "approving": lobby.approving,
    "admitting": lobby.admitting,
    "holding": lobby.holding,
    "upload_1gb_worker_mb": uploads.upload_1gb,
    "chat_history": chat.history,
    "chat_crowd": chat.crowd,
    "chat_shown": chat.shown,
    "captions_published": captions.published,
    "captions_offline": captions.offline,
    "captions_agent": captions.agent,
    "captions_cloud": captions.cloud,
    "captions_takeover": captions.takeover,
    "captions_written_up": captions.written_up,
    "captions_reported": captions.reported,
    "lecture_page": lecture_page.page,
    "pdf": pdf.pdf,
    "search": search.search,
    "admin": admin.lists,
    "exports": exports.joins_beside,
    "recording_live": recording.live,
    "recording_hour": recording.hour,
    "recording_afterwards": recording.afterwards,
    "recording_in_step": recording.in_step,
}


def main(names: list[str]) -> None:
    for name in names or MEASURES:
        found = MEASURES[name]()
        figures.write(found, f"make bench ONLY={name}")
        for key, value in found.items():
            figure = figures.FIGURES[key]
            print(f"{key:28} {value:10.3f} {figure.unit:8} goal {figure.goal or '-'}", flush=True)
    capacity.write()


if __name__ == "__main__":
    main(sys.argv[1:])
