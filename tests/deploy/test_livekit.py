"""livekit-server itself reads our configuration, with the variables of compose.yaml."""

from __future__ import annotations

import json
import os
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from core.config import Config
from core.livekit.client import LiveKit
from core.run.livekit_server import EVENTS, PROGRAM
from core.run.processes import spawn, stop
from tests.deploy.composed import DEPLOY, composed
from tests.fixtures.livekit import until
from tests.fixtures.product import free_ports

pytestmark = pytest.mark.livekit
CONFIG = DEPLOY / "livekit/livekit.yaml"
SERVICES = {"production": "livekit", "local": "livekit-local"}


@pytest.fixture(params=["production", "local"])
def server(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[str, dict[str, str], Path]]:
    made = composed(request.param)
    ports = dict(
        zip(
            (
                "LIVEKIT_PORT",
                "LIVEKIT_RTC_TCP_PORT",
                "UDP_PORT",
                "LIVEKIT_TURN_UDP_PORT",
                "LIVEKIT_TURN_TLS_PORT",
            ),
            free_ports(5),
            strict=True,
        )
    )
    # Other ports than in earnest, for somebody may use those.
    moved = {name: str(port) for name, port in ports.items()}
    env = {
        "PATH": os.environ["PATH"],
        **made.environment(SERVICES[request.param]),
        **moved,
        "NODE_IP": "127.0.0.1",
    }
    log = tmp_path / "livekit.log"
    argv = [str(PROGRAM.fetch()), "--config", str(CONFIG), "--bind", "127.0.0.1"]
    with log.open("wb") as output:
        process = spawn(argv, env=env, output=output)
    url = f"http://127.0.0.1:{ports['LIVEKIT_PORT']}"
    try:
        until(lambda: answers(url) or process.poll() is not None, what="livekit-server answers")
        assert process.poll() is None, log.read_text()
        yield url, made.given, log
    finally:
        stop(process, grace=1)


def answers(url: str) -> bool:
    try:
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(url, timeout=2) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def test_it_starts_with_the_key_of_the_file_of_secrets(server: tuple[str, dict[str, str], Path]) -> None:
    url, given, log = server
    key = {name: given[f"AUDIMAX_LIVEKIT_{name.upper()}"] for name in ("key", "secret")}
    client = LiveKit(Config(livekit_api_url=url, livekit_key=key["key"], livekit_secret=key["secret"]))
    assert client.create_room("a-lecture").name == "a-lecture"
    assert ("Starting TURN server" in log.read_text()) is (given["COMPOSE_PROFILES"] == "production")
    assert given["AUDIMAX_LIVEKIT_SECRET"] not in log.read_text()


def said() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(CONFIG.read_text("utf-8"))
    return found


def test_only_core_opens_rooms_and_the_web_hears_what_it_needs() -> None:
    assert said()["room"]["auto_create"] is False
    assert said()["webhook"]["filter_params"]["include_events"] == EVENTS
    assert said()["webhook"]["urls"] == ["http://web:8000/api/livekit/webhook"]
    assert "keys" not in said()


def test_in_the_machines_own_network_the_web_has_the_addresses_that_compose_gives_it() -> None:
    made = composed("production")
    fixed = {made.services[name]["networks"]["edge"]["ipv4_address"] for name in ("web-a", "web-b")}
    assert {one.removeprefix("web:") for one in made.services["livekit"]["extra_hosts"]} == fixed
    assert json.dumps(made.whole["networks"]["edge"]).count("172.30.80.0/24") == 1
