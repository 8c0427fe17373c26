"""The assistant: how soon captions are read, what its agent costs, and how soon a lecture is written up."""

from __future__ import annotations

import itertools
import json
import math
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import psutil
import psycopg2
import requests
from playwright.sync_api import Page, sync_playwright

from bench.product import (
    ROOT,
    Guests,
    Host,
    cpu_seconds,
    join,
    private_kb,
    processes,
    running,
    web_workers,
)
from bench.speech import deepgram
from core.agents import READY
from tests.browser import hall
from tests.browser.speaking import SENTENCES
from tests.fixtures.browser import launch
from tests.fixtures.livekit import until
from tests.fixtures.product import Product
from tests.plugins.ai_assistant.agent.conftest import Person
from tests.plugins.ai_assistant.agent.voices import RATE, silence, spoken

Figures = dict[str, float]
OURS = "AUDIMAX_PLUGINS__AI_ASSISTANT__"
WITH_CAPTIONS = {
    "AUDIMAX_ENABLED_PLUGINS": "ai_assistant",
    f"{OURS}CAPTIONS_BY_DEFAULT": "yes",
    f"{OURS}KEEP_BY_DEFAULT": "yes",
}
SHOWN = 40
PHRASES = SENTENCES + SENTENCES[:4]
AFTERWARDS = 5.0
SECONDS = 20.0
# Until the first line of each is there.
LONGEST_START = 25.0
MUTED, WITH_MICROPHONE = 100, 10
# Somebody who speaks for an hour and a half, a line every 3.6 seconds.
LINES = 1500
SEGMENTS = 500
# Notes when words that stand for good are drawn: two frames after they have come into the document.
WATCH = """() => {
  window.drawn = [];
  const seen = new Set();
  const look = () => {
    for (const words of document.querySelectorAll('.transcript-text [data-final=true]')) {
      if (seen.has(words.id)) continue;
      seen.add(words.id);
      const text = words.innerText;
      requestAnimationFrame(() => requestAnimationFrame(() => drawn.push([Date.now() / 1000, text])));
    }
  };
  const all = {childList: true, subtree: true, attributes: true};
  new MutationObserver(look).observe(document.querySelector('.transcript'), all);
}"""


class Talk:
    """A lecture with captions that has begun, and people who come with LiveKit's SDK."""

    def __init__(self, product: Product) -> None:
        self.product, self.host = product, Host(product)
        self.room = self.host.new_room()
        self.lecture = str(self.host.post(f"/api/rooms/{self.room}/start")["lecture_id"])
        self.link = f"{product.url}/r/{self.host.get(f'/api/rooms/{self.room}')['code']}"
        self._numbers = itertools.count(1)

    def join(self) -> dict[str, Any]:
        return join(self.product, self.room, next(self._numbers))

    def enter(self) -> Person:
        given = self.join()
        person = Person(given["livekit_url"], given["token"], given["identity"])
        person.connect()
        person.open_microphone()
        return person

    def until_listened_to(self) -> None:
        state = f"{self.product.url}/api/rooms/{self.room}/ai_assistant/state"
        ask = lambda: self.host.http.get(state, timeout=30).json().get("status") == "on"  # noqa: E731
        until(ask, what="the agent listens")


@contextmanager
def talk(**settings: str) -> Iterator[Talk]:
    with tempfile.TemporaryDirectory() as folder:
        ours = {f"{OURS}{name.upper()}": value for name, value in settings.items()}
        with running(Path(folder) / "instance", **{**WITH_CAPTIONS, **ours}) as product:
            yield Talk(product)


@contextmanager
def reader(link: str) -> Iterator[Page]:
    """Somebody at a browser who reads what was said."""
    with sync_playwright() as playwright:
        browser = launch(playwright)
        page = browser.new_context().new_page()
        hall.enter(page, link, "Reader")
        page.get_by_role("button", name="Captions and transcript").click()
        page.locator(".transcript").wait_for()
        page.evaluate(WATCH)
        yield page
        browser.close()


def drawn(page: Page) -> list[tuple[float, str]]:
    return [(float(at), str(text)) for at, text in page.evaluate("drawn")]


# --- how soon they are read -----------------------------------------------------------


def published() -> Figures:
    """A result of the provider (Deepgram, by its protocol) → drawn in a browser."""
    with deepgram() as (stand_in, settings), talk(**settings) as at, reader(at.link) as page:
        at.until_listened_to()
        speaker = at.enter()
        speaker.say(silence(SHOWN * 3), wait=False)
        while len(drawn(page)) < SHOWN:
            page.wait_for_timeout(500)
        took = sorted(when - stand_in.said_at[_key(text)] for when, text in drawn(page)[:SHOWN])
        speaker.leave()
    return {
        "caption_publish_p50_ms": took[SHOWN // 2] * 1000,
        "caption_publish_p95_ms": took[math.ceil(SHOWN * 0.95) - 1] * 1000,
    }


def _key(text: str) -> str:
    return re.sub(r"\W+", " ", text).strip().lower()


def offline() -> Figures:
    """The end of a spoken phrase → its last words drawn in a browser, with the model in the agent."""
    took = []
    with talk() as at, reader(at.link) as page:
        at.until_listened_to()
        speaker = at.enter()
        speaker.say(np.concatenate([silence(2), spoken(SENTENCES[0]), silence(AFTERWARDS)]))
        for phrase in PHRASES:
            sound = _without_silence(spoken(phrase))
            over = time.time() - time.monotonic() + speaker.say(sound)
            speaker.say(silence(AFTERWARDS))
            words = [when for when, _text in drawn(page) if when > over - len(sound) / RATE]
            took.append(max(words) - over)
        speaker.leave()
    return {"caption_offline_median_s": statistics.median(took), "caption_offline_max_s": max(took)}


def _without_silence(sound: Any) -> Any:
    """Ends with the last loud sample: from there on people wait."""
    return sound[: int(np.flatnonzero(np.abs(sound) > 300)[-1]) + 1]


# --- what the agent costs -------------------------------------------------------------


def agent() -> Figures:
    """CPU and memory of the agent's processes: with one and four who speak, with a hundred who are muted."""
    with talk() as at:
        at.until_listened_to()
        found = {"agent_idle": _costs(at.product)}
        speakers = [at.enter() for _ in range(4)]
        found["agent_1_speaking"] = _while_they_speak(at.product, speakers[:1])
        found["agent_4_speaking"] = _while_they_speak(at.product, speakers)
        for person in speakers:
            person.leave()
        with _muted(at):
            found["agent_100_muted"] = _costs(at.product)
    costs = {f"{name}_cpu": cpu for name, (cpu, _mb) in found.items()}
    return costs | {f"{name}_mb": mb for name, (_cpu, mb) in found.items()}


def cloud() -> Figures:
    """The same while one speaks and Deepgram (by its protocol) writes."""
    with deepgram() as (_stand_in, settings), talk(**settings) as at:
        at.until_listened_to()
        speaker = at.enter()
        cpu, mb = _while_they_speak(at.product, [speaker])
        speaker.leave()
    return {"agent_cloud_speaking_cpu": cpu, "agent_cloud_speaking_mb": mb}


@contextmanager
def _muted(at: Talk) -> Iterator[None]:
    """A hundred students who don't speak: most signal only, as LiveKit lets them for a minute, some have a
    muted microphone. A hundred whole clients take more than the machine has."""
    pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    some = subprocess.Popen([sys.executable, "-m", "bench.muted"], cwd=ROOT, **pipes)
    print(json.dumps([at.join() for _ in range(WITH_MICROPHONE)]), file=some.stdin, flush=True)
    assert some.stdout is not None and some.stdout.readline() == "in\n", "they came in"
    crowd = Guests("bench.crowd")
    inside = crowd.tell("enter", MUTED - WITH_MICROPHONE, 0, at.room, at.product.url)
    assert inside["inside"] == MUTED - WITH_MICROPHONE, inside
    yield
    crowd.quit()
    some.kill()


def _while_they_speak(product: Product, speakers: list[Person]) -> tuple[float, float]:
    sound = np.tile(spoken(" ".join(SENTENCES)), 3)[: RATE * int(SECONDS + LONGEST_START)]
    read = [len(speakers[0].finals(one.identity)) for one in speakers]
    for one in speakers:
        one.say(sound, wait=False)
    until(
        lambda: all(len(speakers[0].finals(one.identity)) > n for one, n in zip(speakers, read, strict=True)),
        what="all are heard",
    )
    costs = _costs(product)
    for one in speakers:
        # Comes after what was said before.
        one.say(silence(0.1))
    return costs


def _costs(product: Product) -> tuple[float, float]:
    """Cores that are busy, and private megabytes, of all the agent's processes together."""
    family = _agents(product)
    before, begun = cpu_seconds(family), time.monotonic()
    time.sleep(SECONDS)
    cores = (cpu_seconds(family) - before) / (time.monotonic() - begun)
    return cores, sum(private_kb(one) for one in family) / 1024


def _agents(product: Product) -> list[psutil.Process]:
    found: dict[int, psutil.Process] = {}
    for top in processes(product, "plugins.ai_assistant.agent"):
        found |= {one.pid: one for one in (top, *top.children(recursive=True))}
    return list(found.values())


# --- how soon another one takes over --------------------------------------------------

TAKEOVERS = 3


def takeover() -> Figures:
    """The worker of the agent is killed with all its processes → another run listens."""
    alone, other = [], []
    with talk() as at:
        for _turn in range(TAKEOVERS):
            alone.append(_taken_over(at))
            with _second_worker(at.product):
                other.append(_taken_over(at))
            # With the second one gone, the product's own has it again.
            until(lambda: not _run(at), what="nobody listens")
    return {"agent_takeover_s": statistics.median(other), "agent_restart_s": statistics.median(alone)}


@contextmanager
def _second_worker(product: Product) -> Iterator[None]:
    """Another worker beside the product's own, as a second machine has it; killed at the end."""
    variables = {**os.environ, **product.variables}
    argv = [sys.executable, "-m", "plugins.ai_assistant.agent"]
    log = product.instance / "second-worker.log"
    with log.open("wb") as said:
        process = subprocess.Popen(argv, cwd=ROOT, env=variables, stdout=said, stderr=said)
    top = psutil.Process(process.pid)
    try:
        until(lambda: READY in log.read_text("utf-8", "replace"), what="the second worker is ready")
        until(lambda: len(top.children(recursive=True)) > 2, what="it has processes that wait")
        yield
    finally:
        for one in (*top.children(recursive=True), top):
            one.kill()
        process.wait()


def _taken_over(at: Talk) -> float:
    """Seconds until a new run listens."""
    at.until_listened_to()
    before = _run(at)
    begun = time.monotonic()
    at.product.kill("plugins.ai_assistant.agent", family=True)
    until(lambda: _run(at) not in ("", before), what="another one listens")
    return time.monotonic() - begun


def _run(at: Talk) -> str:
    """The run of the agent that listens now; empty while none does."""
    query = """SELECT run FROM ai_assistant__artifact WHERE status = 'listening'
        AND heard_at > now() - interval '7 seconds'"""
    with psycopg2.connect(at.product.database) as connection, connection.cursor() as cursor:
        cursor.execute(query)
        found = cursor.fetchone()
        return str(found[0]) if found else ""


# --- how soon it is written up --------------------------------------------------------

FILL = """
INSERT INTO ai_assistant__line (lecture_id, key, participant_id, name, at, until, text, language,
    is_gap, is_edited)
SELECT p.lecture_id, 'bench-' || n, p.id, p.name, n * 3600, n * 3600 + 3000, text, 'en', false, false
FROM unnest(%(texts)s::text[]) WITH ORDINALITY AS said (text, n), participant AS p
WHERE p.identity = %(identity)s;
UPDATE lecture SET started_at = started_at - interval '90 minutes' WHERE public_id = %(lecture)s;
UPDATE ai_assistant__keeping SET since = since - interval '90 minutes';
"""


def written_up() -> Figures:
    """The end of 90 minutes → their transcript, then a draft of their summary, on the lecture's page."""
    ready, drafted = [], []
    with talk() as at:
        for _turn in range(3):
            at.until_listened_to()
            _fill(at, at.join()["identity"])
            page = f"{at.product.url}/lectures/{at.lecture}"
            at.host.post(f"/api/rooms/{at.room}/end")
            ended = time.monotonic()
            _until_on(at.host, page, "transcript.vtt")
            ready.append(time.monotonic() - ended)
            _until_on(at.host, page, "Draft without a language model")
            drafted.append(time.monotonic() - ended)
            at.lecture = str(at.host.post(f"/api/rooms/{at.room}/start")["lecture_id"])
    return {"transcript_ready_s": statistics.median(ready), "draft_ready_s": statistics.median(drafted)}


def _fill(at: Talk, identity: str) -> None:
    words = sorted({word for sentence in SENTENCES for word in sentence.rstrip(".").split()})
    dice = np.random.default_rng(6)
    texts = [" ".join([*dice.choice(words, 11), "number", str(n)]) + "." for n in range(LINES)]
    with psycopg2.connect(at.product.database) as connection, connection.cursor() as cursor:
        cursor.execute(FILL, {"texts": texts, "identity": identity, "lecture": at.lecture})


def _until_on(host: Host, page: str, words: str) -> None:
    until(lambda: words in host.http.get(page, timeout=60).text, what=f"{words} is on the page")


# --- what a line costs the web --------------------------------------------------------


def reported() -> Figures:
    """Reports of one line each, and of none: CPU of web and database, and the answer."""
    with talk(provider="off") as at:
        identity = at.join()["identity"]
        url = f"{at.product.url}/api/internal/lectures/{at.lecture}/ai_assistant/report"
        session = requests.Session()
        session.headers["Authorization"] = f"Bearer {lecture_key(at)}"
        send = _reporter(session, url, identity)
        for _ in range(20):
            send()
        took, web, database = _spent(at.product, send)
        _took, *quiet = _spent(at.product, _reporter(session, url, ""))
        with psycopg2.connect(at.product.database) as connection, connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM ai_assistant__line")
            assert cursor.fetchone() == (SEGMENTS + 20,), "every line was kept"
    return {
        "report_segment_cpu_ms": (web + database) / SEGMENTS * 1000,
        "report_segment_web_cpu_ms": web / SEGMENTS * 1000,
        "report_segment_p95_ms": took[int(SEGMENTS * 0.95)] * 1000,
        "report_quiet_cpu_ms": sum(quiet) / SEGMENTS * 1000,
    }


def _spent(product: Product, send: Callable[[], float]) -> tuple[list[float], float, float]:
    """Answers of so many reports, sorted, and the CPU seconds of web and database for all of them."""
    web, database = web_workers(product), processes(product, "postgres")
    before = cpu_seconds(web), cpu_seconds(database)
    took = sorted(send() for _ in range(SEGMENTS))
    return took, cpu_seconds(web) - before[0], cpu_seconds(database) - before[1]


def _reporter(session: requests.Session, url: str, identity: str) -> Callable[[], float]:
    """Sends reports, each with a line of that person; without one where nobody is named."""
    count = itertools.count()

    def send() -> float:
        segments = [_line(next(count), identity)] if identity else []
        body = {"run": "bench-run-1", "status": {"state": "listening"}, "segments": segments, "seconds": 3.0}
        begun = time.monotonic()
        session.post(url, json=body, timeout=30).raise_for_status()
        return time.monotonic() - begun

    return send


def _line(number: int, identity: str) -> dict[str, Any]:
    now = time.time()
    said = {"id": f"bench-{number:06}", "identity": identity, "text": "The speed of light is the same."}
    return said | {"started_at": now - 0.01, "ended_at": now}


def lecture_key(at: Talk) -> str:
    from core import create_app
    from core.api import Lecture, agent_key, db

    with patch.dict(os.environ, at.product.variables):
        app = create_app()
    with app.app_context():
        return agent_key(db.session.query(Lecture).filter_by(public_id=at.lecture).one())
