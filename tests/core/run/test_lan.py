"""Found in the local network: which address, which programs, what a device learns, and what stays inside."""

from __future__ import annotations

import asyncio
import re
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from aiohttp.test_utils import TestClient, TestServer

from core.config import load
from core.errors import ConfigError
from core.run import lan, lan_front, lan_page
from core.run.authority import Authority
from core.run.instance import Instance
from core.run.lan import Lan
from core.run.supervisor import Supervisor
from core.run.topology import Topology
from tests.fixtures.livekit import until

ADDRESS = "192.168.178.20"


@pytest.fixture
def at_home(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine with one address in one network."""
    monkeypatch.setattr(lan, "own_address", lambda: ADDRESS)
    monkeypatch.setattr(lan, "_addresses", lambda inner=False: [ADDRESS])


@pytest.fixture
def nowhere(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine without any network."""

    class Unreachable(socket.socket):
        def connect(self, address: Any) -> None:
            raise OSError("Network is unreachable")

    monkeypatch.setattr(socket, "socket", Unreachable)
    monkeypatch.setattr(lan.psutil, "net_if_addrs", dict)


def planned(tmp_path: Path, **environ: str) -> Topology:
    return Topology.plan(Instance.make(tmp_path / "instance"), {"AUDIMAX_CONFIG": "", **environ})


def children(plan: Topology) -> dict[str, Any]:
    return {child.name: child for child in plan.lan_children()}


@pytest.mark.parametrize("wish", ["", "0", "no", "off"])
def test_nobody_is_served_unasked(tmp_path: Path, at_home: None, wish: str) -> None:
    plan = planned(tmp_path, AUDIMAX_LAN=wish)
    assert (plan.lan, plan.lan_children()) == (None, [])
    assert "AUDIMAX_LINKS_URL" not in plan.environ


def test_the_network_gets_a_web_of_its_own_and_the_loopback_one_stays(tmp_path: Path, at_home: None) -> None:
    plan = planned(tmp_path, AUDIMAX_LAN="1")
    assert plan.lan is not None
    assert (plan.lan.url, plan.lan.page_url) == (f"https://{ADDRESS}:8443", f"http://{ADDRESS}:8080")
    own = load(environ={**plan.environ, "AUDIMAX_DATABASE_URL": "postgresql+psycopg2://audimax@db/audimax"})
    assert (own.public_url, own.livekit_url) == ("http://localhost:8000", "ws://localhost:8001")
    assert own.address == plan.lan.url, "links are for others"
    assert {port.host for port in plan.ports if port.variable.startswith("AUDIMAX_LAN")} == {ADDRESS}


def test_media_come_by_the_networks_address(
    tmp_path: Path, at_home: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "core.run.topology.livekit_server.PROGRAM", type("Here", (), {"fetch": lambda: Path("x")})
    )
    seen = []
    monkeypatch.setattr(
        "core.run.topology.LiveKitServer", lambda folder, **how: seen.append(how) or FakeServer()
    )
    for environ, address in (
        ({}, "127.0.0.1"),
        ({"AUDIMAX_LAN": "1"}, ADDRESS),
        ({"AUDIMAX_LAN": "1", "AUDIMAX_LIVEKIT_NODE_IP": "10.0.0.7"}, "10.0.0.7"),
    ):
        assert planned(tmp_path, **environ).livekit_child() is not None
        assert seen[-1]["node_ip"] == address


class FakeServer:
    log = Path("x")

    def answers(self) -> bool:
        return True


def test_an_address_that_isnt_ours_is_refused_with_those_that_are(tmp_path: Path, at_home: None) -> None:
    assert planned(tmp_path, AUDIMAX_LAN=ADDRESS).lan is not None
    with pytest.raises(
        ConfigError, match=rf"AUDIMAX_LAN must be 1, or .*{re.escape(ADDRESS)}.*not '10.9.9.9'"
    ):
        planned(tmp_path, AUDIMAX_LAN="10.9.9.9")


def test_pages_over_https_need_the_gate_before_a_livekit_beside_us(tmp_path: Path, at_home: None) -> None:
    with pytest.raises(ConfigError, match="LAN=1 needs the gate"):
        planned(tmp_path, AUDIMAX_LAN="1", AUDIMAX_GATED="no")
    elsewhere = {"AUDIMAX_LIVEKIT_API_URL": "https://uni.livekit.cloud", "AUDIMAX_GATED": "no"}
    assert planned(tmp_path, AUDIMAX_LAN="1", **elsewhere).lan is not None


def test_without_a_network_it_runs_for_this_machine(tmp_path: Path, nowhere: None) -> None:
    plan = planned(tmp_path, AUDIMAX_LAN="1")
    assert plan.lan is None
    assert lan.asks_for_network(plan.environ)


def test_this_machine_has_an_address_and_it_isnt_the_loopback(tmp_path: Path) -> None:
    address = lan.own_address()
    assert not address.startswith("127.")
    assert address in lan._addresses(inner=True)
    assert Lan.plan({"AUDIMAX_LAN": "1"}, tmp_path).address == address  # type: ignore[union-attr]


def test_who_wanders_to_another_network_is_told(
    tmp_path: Path, at_home: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = planned(tmp_path, AUDIMAX_LAN="1").lan
    assert plan is not None
    assert not plan.has_moved
    monkeypatch.setattr(lan, "_addresses", lambda inner=False: ["10.0.0.7"])
    assert plan.has_moved


def test_what_changes_while_it_runs_is_said_and_the_web_reads_a_new_certificate(
    tmp_path: Path, at_home: None, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    running, sent = Supervisor(planned(tmp_path, AUDIMAX_LAN="1")), list[tuple[str, int]]()
    for name in ("web", "lan", "lan-page"):
        child: Any = SimpleNamespace(
            name=name, send_signal=lambda which, name=name: sent.append((name, which))
        )
        running.children.append(child)
    running._look_at_network()
    running._look_at_network()
    assert sent == [("lan", signal.SIGHUP)], (
        "the first look made the certificates, the second found them good"
    )
    assert "the certificate for the local network is a new one" in capsys.readouterr().out
    monkeypatch.setattr(lan, "_addresses", lambda inner=False: ["10.0.0.7"])
    running._look_at_network()
    running._look_at_network()
    assert capsys.readouterr().out.count(f"this machine isn't {ADDRESS} any more") == 1


def test_a_phone_can_read_the_address_from_the_terminal(tmp_path: Path, at_home: None) -> None:
    plan = planned(tmp_path, AUDIMAX_LAN="1").lan
    assert plan is not None
    assert len(plan.qr_code().splitlines()) > 10


def test_the_gate_is_left_out_where_people_reach_livekit_directly(tmp_path: Path) -> None:
    cloud = {"AUDIMAX_LIVEKIT_API_URL": "https://uni.livekit.cloud", "AUDIMAX_GATED": "no"}
    plan = planned(tmp_path, **cloud)
    assert (plan.gate_child(), plan.livekit_child()) == (None, None)
    assert "AUDIMAX_GATE_PORT" not in [port.variable for port in plan.ports]
    assert "AUDIMAX_LIVEKIT_URL" not in plan.environ, "it follows from the other address"


# --- the page about the certificate ---------------------------------------------------


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    made = Authority(tmp_path / "lan")
    made.ensure([ADDRESS], ())
    return made


def asked(authority: Authority, *paths: str, method: str = "GET", language: str = "") -> list[Any]:
    """Status, headers and body of each."""

    async def ask() -> list[Any]:
        app = lan_page.application(authority, f"https://{ADDRESS}:8443")
        async with TestClient(TestServer(app)) as client:
            answers = [
                await client.request(method, path, headers={"Accept-Language": language}) for path in paths
            ]
            return [(one.status, one.headers, await one.read()) for one in answers]

    return asyncio.run(ask())


def test_a_device_gets_the_certificate_its_fingerprint_and_the_address(authority: Authority) -> None:
    (status, headers, page), (_, kind, file) = asked(authority, "/", lan_page.CERTIFICATE)
    assert status == 200
    text = page.decode()
    assert authority.fingerprint() in text
    assert f'href="https://{ADDRESS}:8443"' in text
    assert "script-src" not in headers["Content-Security-Policy"]
    assert headers["Content-Security-Policy"].startswith("default-src 'none'; style-src 'nonce-")
    assert file == authority.certificate()
    assert kind["Content-Type"] == "application/x-x509-ca-cert"


def test_the_page_speaks_german_where_the_device_does(authority: Authority) -> None:
    ((_, _, german),) = asked(authority, "/", language="de-AT,de;q=0.9,en;q=0.8")
    assert '<html lang="de">' in german.decode()
    ((_, _, english),) = asked(authority, "/", language="xx,en;q=0.8,de;q=0.1")
    assert '<html lang="en">' in english.decode()


def test_nothing_else_is_there(authority: Authority) -> None:
    for status, _, body in asked(
        authority, "/authority.pem", "/../authority.pem", "/lan/authority.pem", "/x"
    ):
        assert status == 404
        assert b"KEY" not in body
    assert [status for status, _, _ in asked(authority, "/", method="POST")] == [405]


# --- what stands before the web of the network ----------------------------------------


class Call:
    """One request to the front, as gunicorn makes it; ``behind`` answers as the web."""

    def __init__(self, gate: str = "127.0.0.1:9") -> None:
        self.status, self.headers, self.reached = "", dict[str, str](), False
        self.front = lan_front.Front(self._web, f"https://{ADDRESS}:8443", gate)

    def _web(self, _environ: Any, start: Any) -> list[bytes]:
        self.reached = True
        start("200 OK", [])
        return [b"web"]

    def ask(self, path: str, host: str = f"{ADDRESS}:8443", **more: Any) -> Call:
        query = more.pop("query", "")
        environ = {
            "PATH_INFO": path, "REQUEST_METHOD": "GET", "HTTP_HOST": host,
            "RAW_URI": f"{path}?{query}" if query else path, **more,
        }  # fmt: skip

        def start(status: str, headers: list[tuple[str, str]]) -> None:
            self.status, self.headers = status, dict(headers)

        self.front(environ, start)
        return self


def test_pages_are_the_webs() -> None:
    assert Call().ask("/r/kxf-pmua-wz").reached
    assert Call().ask("/rtc/other").reached


@pytest.mark.parametrize(
    "path",
    [
        "/api/internal/livekit/connect",
        "/api/internal/lectures/x/ai_assistant/segments",
        "/api/livekit/webhook",
    ],
)
def test_what_is_for_programs_of_this_machine_isnt_there(path: str) -> None:
    call = Call().ask(path)
    assert (call.status, call.reached) == ("404 Not Found", False)


def test_who_typed_the_machines_name_is_led_to_its_address() -> None:
    call = Call().ask("/r/kxf", host="hall.local:8443", query="a=b")
    assert (call.status, call.headers["Location"]) == ("302 Found", f"https://{ADDRESS}:8443/r/kxf?a=b")
    evil = Call().ask("//evil.example", host="hall.local", RAW_URI="https://evil.example/")
    assert evil.headers["Location"] == f"https://{ADDRESS}:8443/"
    assert not evil.reached
    for nonsense in ("", "[", "[::1", ":"):
        assert Call().ask("/", host=nonsense).status == "302 Found"


def test_without_the_gate_browsers_are_told_to_come_again() -> None:
    with socket.create_server(("127.0.0.1", 0)) as nobody:
        port = nobody.getsockname()[1]
    call = Call(f"127.0.0.1:{port}").ask("/rtc/v1")
    assert (call.status, call.headers["Retry-After"]) == ("503 Service Unavailable", "2")


@pytest.fixture
def gate() -> Iterator[tuple[str, list[bytes]]]:
    """Somebody who notes what is asked, and says everything back."""
    listener, heard = socket.create_server(("127.0.0.1", 0)), list[bytes]()

    def answer() -> None:
        line, _address = listener.accept()
        with line:
            while chunk := line.recv(4096):
                heard.append(chunk)
                line.sendall(b"echo " + chunk)

    threading.Thread(target=answer, daemon=True).start()
    yield f"127.0.0.1:{listener.getsockname()[1]}", heard
    listener.close()


SOCKET = {
    "HTTP_UPGRADE": "websocket", "HTTP_CONNECTION": "Upgrade", "HTTP_SEC_WEBSOCKET_KEY": "abc",
    "HTTP_COOKIE": "__Host-audimax=secret", "HTTP_X_FORWARDED_FOR": "1.2.3.4", "HTTP_ORIGIN": "https://x",
}  # fmt: skip


def handed_on(gate: str) -> tuple[socket.socket, threading.Thread, Call]:
    """Somebody's socket that is handed on in a thread."""
    browser, server = socket.socketpair()
    call = Call(gate)

    def serve() -> None:
        with pytest.raises(StopIteration):
            call.ask("/rtc/v1", query="access_token=t", **{"gunicorn.socket": server}, **SOCKET)
        server.close()

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    return browser, thread, call


def test_signalling_goes_to_the_gate_and_back_without_cookies(gate: tuple[str, list[bytes]]) -> None:
    address, heard = gate
    browser, thread, _call = handed_on(address)
    until(lambda: heard)
    head = heard[0].decode()
    assert head.startswith("GET /rtc/v1?access_token=t HTTP/1.1\r\n")
    assert head.endswith("\r\n\r\n")
    assert "SEC-WEBSOCKET-KEY: abc\r\n" in head
    for hidden in ("secret", "1.2.3.4", "COOKIE"):
        assert hidden not in head
    browser.sendall(b"hello")
    until(lambda: heard[1:] == [b"hello"])
    browser.shutdown(socket.SHUT_WR)
    thread.join(30)
    assert not thread.is_alive()


def test_a_web_that_ends_lets_go_of_everybody(gate: tuple[str, list[bytes]]) -> None:
    address, heard = gate
    browser, thread, call = handed_on(address)
    until(lambda: heard)
    call.front.close()
    thread.join(30)
    assert not thread.is_alive()
    while browser.recv(4096):
        pass


def test_a_question_that_isnt_a_socket_is_answered_and_over() -> None:
    said = lan_front.head(
        {"HTTP_HOST": ADDRESS, "RAW_URI": "/rtc/validate?x", "HTTP_CONNECTION": "keep-alive"}
    )
    assert b"CONNECTION: close\r\n" in said


def test_elsewhere_nothing_stands_before_the_web(make_app: Callable[..., Any]) -> None:
    app = make_app()
    before = app.wsgi_app
    lan_front.init_app(app)
    assert app.wsgi_app is before
