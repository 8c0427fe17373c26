"""`deploy/nginx.conf.example` before the same programs, with the gate as a program of its own."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace

import pytest
import urllib3
import websocket

from core.livekit.gate import CONNECT
from tests.deploy.whole import nginx, programs
from tests.deploy.whole.installation import Installation
from tests.deploy.whole.programs import Program
from tests.deploy.whole.test_ways import AS_CLIENT, status_of
from tests.deploy.whole.visitor import Visitor, raw
from tests.fixtures.product import free_ports

GATE = 8001


@pytest.fixture(scope="module")
def gate(installation: Installation) -> Iterator[Program]:
    """The gate, as its unit for systemd starts it."""
    address = installation.addresses.of["web"]
    asks = f"http://{address}:8000/api/internal/livekit/connect"
    said = {"AUDIMAX_GATE_BIND": address, "AUDIMAX_GATE_PORT": str(GATE), "AUDIMAX_GATE_ASKS": asks}
    made = programs.ours(
        "gate",
        ["python", "-m", "core.livekit.gateway"],
        {**installation.environment("web-a"), **said},
        installation.folder,
        installation.folder / "gate",
    )
    made.is_ready = lambda: answers(f"http://{address}:{GATE}/")
    made.start()
    made.wait()
    yield made
    made.stop()


def answers(url: str) -> bool:
    with suppress(urllib3.exceptions.HTTPError):
        return urllib3.request("GET", url, retries=False, timeout=5).status == 404
    return False


@pytest.fixture(scope="module")
def behind_example(installation: Installation, gate: Program) -> Iterator[Installation]:
    """The installation, led to by the example."""
    of, place = installation.addresses.of, installation.place
    plain, public, inner, turn = free_ports(4)
    own = replace(place, plain=plain, public=public, inner=inner, turn=turn)
    turned = f"{of['livekit']}:{installation.media_ports['LIVEKIT_TURN_TLS_PORT']}"
    # The name of both webs is led on by somebody in between, whom they don't trust.
    text = nginx.example(
        installation.domain,
        f"{of['web-a']}:8000",
        f"{of['web']}:{GATE}",
        turned,
        own,
        installation.certificate,
    )
    made = nginx.program(text, installation.folder, own, "example")
    made.start()
    made.wait()
    before = dict(installation.names)
    for name, port in before:
        installation.names[name, port] = (own.address, plain if port == 80 else public)
    yield installation
    installation.names.update(before)
    made.stop()


def test_pages_come_with_tls_and_plain_http_leads_there(behind_example: Installation, emmy: Visitor) -> None:
    visitor = Visitor(behind_example)
    assert visitor.get("/sign-in").status_code == 200
    led = visitor.get(f"http://{behind_example.domain}/sign-in")
    assert (led.status_code, led.headers["Location"]) == (301, f"{behind_example.url}/sign-in")
    assert emmy.get("/rooms/new").status_code == 200


def test_what_programs_say_among_themselves_is_not_answered(behind_example: Installation) -> None:
    for path in ("/api/internal/livekit/connect", "//api/internal/x", "/api/%69nternal/x"):
        asked = f"GET {path} HTTP/1.1\r\nHost: {behind_example.domain}\r\nConnection: close\r\n\r\n"
        assert status_of(raw(behind_example, asked)) == 404


@pytest.mark.parametrize("path", sorted(CONNECT))
def test_signalling_passes_the_gate_and_nobody_passes_beside_it(
    path: str, behind_example: Installation, emmy: Visitor
) -> None:
    room = emmy.make_room("By the example")
    emmy.made(f"/api/rooms/{room}/start")
    token = emmy.made(f"/api/rooms/{room}/token")["token"]
    line = Visitor(behind_example).socket(f"{path}?access_token={token}&{AS_CLIENT}")
    assert line.recv(), "LiveKit greets"
    line.close()
    with pytest.raises(websocket.WebSocketBadStatusException) as refused:
        Visitor(behind_example).socket(f"{path}?access_token=nonsense")
    assert refused.value.status_code == 401
    emmy.made(f"/api/rooms/{room}/end")


def test_the_address_of_people_arrives_and_no_other(behind_example: Installation, emmy: Visitor) -> None:
    eve = Visitor(behind_example, "127.0.9.2")
    claimed = [{"X-Forwarded-For": f"203.0.113.{n}"} for n in range(11)]
    data = {"email": "example@uni.example", "password": "guess"}
    said = [eve.ask("POST", "/sign-in", data=data, headers=one).status_code for one in claimed]
    assert said[-1] == 429 and 429 not in said[:-1]
    other = Visitor(behind_example, "127.0.9.3")
    assert other.ask("POST", "/sign-in", data=data).status_code != 429


def test_who_waits_is_told_at_once(behind_example: Installation, emmy: Visitor) -> None:
    room = emmy.make_room("Waves")
    visitor = Visitor(behind_example)
    waits = visitor.post(f"/api/rooms/{room}/join", {"name": "Ada Lovelace"})
    listener = visitor.listen(waits.json()["stream_url"])
    emmy.made(f"/api/rooms/{room}/start")
    assert listener.until("APPROVED")["token"]
    emmy.made(f"/api/rooms/{room}/end")
