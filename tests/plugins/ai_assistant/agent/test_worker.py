"""The program itself: how it starts, what it costs, and what it says when it can't listen."""

from __future__ import annotations

import ipaddress
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from tests.fixtures.deepgram import Deepgram
from tests.fixtures.livekit import ROOT, until
from tests.plugins.ai_assistant.agent import voices
from tests.plugins.ai_assistant.agent.conftest import Talk, Worker
from tests.plugins.ai_assistant.agent.web import Served, Web

pytestmark = [pytest.mark.livekit, pytest.mark.slow]
MEGABYTE = 2**20


@pytest.fixture
def at_deepgram() -> Iterator[tuple[Deepgram, Served]]:
    made = Deepgram()
    served = Served(made.app())
    yield made, served
    served.down()


def deepgram(served: Served) -> dict[str, Any]:
    return {"provider": "deepgram", "model": "nova-3", "url": f"{served.url}/v1/listen"}


def test_wrong_settings_are_named_and_nothing_starts(environment: dict[str, str]) -> None:
    broken = {**environment, "AUDIMAX_LIVEKIT_SECRET": "short", "AUDIMAX_LIVEKIT_KEY": ""}
    argv = [sys.executable, "-m", "plugins.ai_assistant.agent"]
    said = subprocess.run(argv, cwd=ROOT, env=broken, capture_output=True, text=True, timeout=60)
    assert said.returncode == 1
    assert "livekit_secret is shorter" in said.stderr and "livekit_key is not set" in said.stderr
    assert "Traceback" not in said.stderr


def test_a_process_that_waits_costs_little_and_nobody_outside_is_spoken_to(worker: Worker) -> None:
    waiting = [one.memory_full_info().uss / MEGABYTE for one in worker.family[1:]]
    assert len(waiting) >= 3 and max(waiting) < 40, waiting
    reached = [c.raddr.ip for one in worker.family for c in one.net_connections("inet") if c.raddr]
    opened = [c.laddr.ip for one in worker.family for c in one.net_connections("inet") if not c.raddr]
    assert all(ipaddress.ip_address(ip).is_loopback for ip in [*reached, *opened]), (reached, opened)


def test_only_open_microphones_have_a_socket_at_the_provider(
    worker: Worker, talk: Talk, web: Web, at_deepgram: tuple[Deepgram, Served]
) -> None:
    stand_in, served = at_deepgram
    web.change(speech=deepgram(served))
    talk.with_agent()
    people = [talk.enter(f"Person{number}") for number in range(5)]
    for person in people:
        person.open_microphone(muted=True)
    talk.order()
    assert stand_in.sockets == []
    people[0].mute(False)
    people[0].say(voices.silence(2))
    until(lambda: len(stand_in.open_sockets) == 1, what="one socket")
    until(lambda: web.lines, what="a line")
    people[0].mute()
    until(lambda: not stand_in.open_sockets, what="no socket")
    assert len(stand_in.sockets) == 1


def test_a_bad_key_is_said_and_captions_come_back_with_other_orders(
    worker: Worker, talk: Talk, web: Web, at_deepgram: tuple[Deepgram, Served]
) -> None:
    stand_in, served = at_deepgram
    stand_in.key = "another"
    web.change(speech=deepgram(served))
    talk.with_agent()
    ada = talk.enter("Ada")
    ada.open_microphone()
    ada.say(voices.silence(1), wait=False)
    until(lambda: ("paused", "bad_key") in web.states, what="it is said")
    assert web.reports[-1]["status"]["detail"] == "Deepgram answered 401"
    talk.order(speech={"provider": "offline"})
    until(lambda: web.states[-1:] == [("listening", "")], what="it listens again")
    assert web.states == [("starting", ""), ("listening", ""), ("paused", "bad_key"), ("listening", "")]


def test_where_no_model_fits_it_is_said(worker: Worker, talk: Talk, web: Web) -> None:
    web.change(speech={"language": "de"})
    talk.dispatch()
    until(lambda: web.states[-1:] == [("paused", "no_language")], what="it is said")
    talk.order(speech={"language": "de", "folder": "/nowhere"})
    until(lambda: web.states[-1:] == [("paused", "no_model")], what="it is said")
    talk.order(speech={"language": "en"})
    until(lambda: web.states[-1:] == [("listening", "")], what="it listens")
