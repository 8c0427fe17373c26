"""LiveKit's key, its version and every door of sound and pictures, at a real server."""

from __future__ import annotations

import asyncio
import socket
import time
from dataclasses import replace
from typing import Any

import pytest

from core.doctor import gate as gate_looks
from core.doctor import livekit, media
from core.doctor.asking import Answer
from core.doctor.looking import Patient
from core.run.livekit_server import PROGRAM, LiveKitServer, stop_server
from tests.core.doctor.conftest import by_check
from tests.fixtures.product import free_ports

pytestmark = pytest.mark.livekit
SECRET = "s" * 40


@pytest.fixture
def config(livekit_server, app):
    return app.extensions["audimax_config"]


@pytest.fixture
def own_server(tmp_path):
    """``own_server(turn={…})``: a LiveKit with more, or something else, in its configuration."""
    started = []

    def start(**changed: Any) -> LiveKitServer:
        port, tcp, udp = free_ports(3)

        class Changed(LiveKitServer):
            def config(self) -> dict[str, Any]:
                made = super().config()
                for name, value in changed.items():
                    made[name] = {**made.get(name, {}), **value}
                return made

        made = Changed(tmp_path / f"livekit-{port}", "key", SECRET, port=port, tcp_port=tcp, udp_port=udp)
        started.append(made.start(PROGRAM.fetch()))
        return made

    yield start
    for process in started:
        stop_server(process)


def patient_of(config, server, **changed) -> Patient:
    given = {"livekit_key": "key", "livekit_secret": SECRET, "livekit_api_url": server.url}
    return Patient(replace(config, **{**given, **changed}))


# --- the key --------------------------------------------------------------------------


def test_the_right_pair_is_taken(config):
    seen = by_check(livekit.look(Patient(config)))
    assert seen["LiveKit"].state == "good" and seen["rooms"].state == "good"


def test_a_key_that_livekit_does_not_know_is_named(config):
    seen = by_check(livekit.look(Patient(replace(config, livekit_key="nobodys"))))
    assert seen["LiveKit"].is_bad and "doesn't know the key 'nobodys'" in seen["LiveKit"].said
    assert "livekit_key must stand below `keys:`" in seen["LiveKit"].remedy
    assert set(seen) == {"LiveKit"}, "what needs the key isn't asked"


def test_a_secret_that_is_not_that_keys_is_named_and_not_shown(config):
    seen = by_check(livekit.look(Patient(replace(config, livekit_secret="another" * 8))))
    assert "knows the key 'testkey', but not with our livekit_secret" in seen["LiveKit"].said
    assert "livekit_secret must be" in seen["LiveKit"].remedy and "another" not in seen["LiveKit"].text()


@pytest.mark.parametrize("seconds", [-3600, 3600])
def test_clocks_that_differ_are_named(config, monkeypatch, seconds):
    right = time.time
    monkeypatch.setattr(time, "time", lambda: right() + seconds)
    seen = by_check(livekit.look(Patient(config)))
    assert seen["LiveKit"].is_bad and "finds our token out of date" in seen["LiveKit"].said
    assert seen["LiveKit"].remedy == "let both machines keep time by NTP: their clocks differ"


@pytest.mark.parametrize(
    ("words", "said", "remedy"),
    [
        ("invalid API key: nobodys", "doesn't know the key", "must stand below `keys:`"),
        ("token is Expired (exp)", "finds our token out of date", "their clocks differ"),
        ("token not valid yet (nbf)", "finds our token out of date", "their clocks differ"),
        ("go-jose: validation failed, nbf", "finds our token out of date", "their clocks differ"),
        ("invalid token: error in cryptographic primitive", "not with our livekit_secret", "behind that key"),
        ("permission denied", "refuses our key (unauthenticated)", "must be a pair"),
        ("", "refuses our key (unauthenticated)", "must be a pair"),
    ],
)
def test_a_refusal_is_told_by_what_livekit_says(config, monkeypatch, words, said, remedy):
    monkeypatch.setattr(livekit, "ask", lambda _url: Answer(401, body=words.encode()))
    found = livekit._refusal(config, "unauthenticated")
    assert said in found[0] and remedy in found[1]


def test_a_server_that_is_away_is_named(config):
    seen = by_check(livekit.look(Patient(replace(config, livekit_api_url="http://127.0.0.1:9"))))
    assert seen["LiveKit"].is_bad and "livekit_api_url" in seen["LiveKit"].remedy
    assert list(media.look(Patient(replace(config, livekit_api_url="http://127.0.0.1:9")))) == []


def test_a_livekit_that_opens_rooms_by_itself_is_named(config, own_server):
    seen = by_check(livekit.look(patient_of(config, own_server(room={"auto_create": True}))))
    assert seen["rooms"].is_bad and "room.auto_create: false" in seen["rooms"].remedy


def test_webhooks_are_waited_for_and_nothing_of_them_stays(web, app, config):
    with app.app_context():
        seen = by_check(livekit.look(Patient(config, app)))
        assert seen["webhooks"].state == "good"


def test_webhooks_that_do_not_come_are_named(app, config, own_server, monkeypatch):
    monkeypatch.setattr(livekit, "WEBHOOK_SECONDS", 0.5)
    patient = replace(patient_of(config, own_server()), app=app)
    with app.app_context():
        seen = by_check(livekit.look(patient))
    assert seen["webhooks"].is_bad and "webhook.urls" in seen["webhooks"].remedy


# --- doors ----------------------------------------------------------------------------


def test_udp_and_tcp_answer_where_livekit_says_that_it_is(config, livekit_server):
    seen = by_check(media.look(Patient(config)))
    assert {name: one.said for name, one in seen.items() if one.state != "good"} == {}
    ports = livekit_server.server
    assert f"port {ports.udp_port} answers" in seen["media over UDP"].said
    assert f"port {ports.tcp_port} answers" in seen["media over TCP"].said
    assert set(seen) == {"LiveKit version", "signalling", "media address", "media over UDP", "media over TCP"}


def test_the_room_in_which_it_looked_is_gone(config, livekit_server):
    list(media.look(Patient(config)))
    assert [
        room.name for room in livekit.LiveKit(config).list_rooms() if room.name.startswith(livekit.PREFIX)
    ] == []


def test_ports_that_a_firewall_keeps_shut_are_named(config, own_server, monkeypatch):
    """LiveKit tells people an address that isn't this machine's: nothing answers there."""
    monkeypatch.setattr(media, "KNOCK_SECONDS", 1.0)
    server = own_server(rtc={"node_ip": "192.0.2.1", "enable_loopback_candidate": False})
    seen = list(media.look(patient_of(config, server)))
    for kind, port in (("UDP", server.udp_port), ("TCP", server.tcp_port)):
        (found,) = [one for one in seen if f"192.0.2.1 port {port} doesn't answer" in one.said]
        assert found.check == f"media over {kind}" and f"open {kind} {port} in the firewall" in found.remedy
        # Where the machine has IPv6, that is offered too, and answers.
        others = [one for one in seen if one.check == found.check and one.state == "good"]
        assert found.state == ("warning" if others else "bad")


def test_an_address_that_only_this_network_knows_is_named(config, own_server):
    patient = patient_of(config, own_server(), public_url="https://192.88.99.1")
    seen = by_check(media.look(patient))
    assert seen["media address"].is_bad and "127.0.0.1" in seen["media address"].said
    assert "rtc.node_ip" in seen["media address"].remedy


def test_a_livekit_without_tcp_is_a_warning(config, own_server):
    seen = by_check(media.look(patient_of(config, own_server(rtc={"tcp_port": 0}))))
    assert seen["media over TCP"].state == "warning" and "rtc.tcp_port" in seen["media over TCP"].remedy


def test_an_older_livekit_is_a_warning():
    assert media._version(media.Doors(version="1.5.2")).state == "warning"
    assert media._version(media.Doors(version="99.0.0")).state == "good"


def test_without_turn_nothing_is_said_but_in_earnest(config, livekit_server):
    assert "TURN" not in by_check(media.look(Patient(config)))
    seen = by_check(media.look(Patient(replace(config, mode="production"))))
    assert seen["TURN"].state == "warning" and "strict firewall" in seen["TURN"].said


# --- TURN -----------------------------------------------------------------------------

NAME = "turn.audimax.test"


@pytest.fixture
def with_turn(own_server, authority, monkeypatch):
    """``with_turn(days=…)``: a LiveKit with TURN and such a certificate; its ports are ``udp`` and ``tls``."""
    look_up = socket.getaddrinfo
    monkeypatch.setattr(
        socket,
        "getaddrinfo",
        lambda host, *more, **how: look_up("127.0.0.1" if host == NAME else host, *more, **how),
    )

    def start(**how):
        pair = authority.pair(NAME, **how)
        udp, tls = free_ports(2)
        files = {"cert_file": str(pair.certificate), "key_file": str(pair.key)}
        server = own_server(turn={"enabled": True, "domain": NAME, "udp_port": udp, "tls_port": tls, **files})
        told = media._told

        def told_of_our_port(said, doors):
            """LiveKit tells people of 443, where a proxy stands; here there is none."""
            answer = told(said, doors)
            doors.relays = [replace(one, url=one.url.replace(":443", f":{tls}")) for one in doors.relays]
            return answer

        monkeypatch.setattr(media, "_told", told_of_our_port)
        return server, udp, tls

    return start


def test_turn_gives_out_addresses_over_udp_and_tls(config, with_turn):
    server, udp, tls = with_turn()
    seen = by_check(media.look(patient_of(config, server)))
    assert seen["TURN certificate"].state == "good"
    for url in (f"turn:127.0.0.1:{udp}?transport=udp", f"turns:{NAME}:{tls}?transport=tcp"):
        assert seen[f"TURN {url}"].state == "good", seen[f"TURN {url}"]
        assert "gives out 127.0.0.1:" in seen[f"TURN {url}"].said


def test_a_certificate_of_turn_that_has_expired_is_named(config, with_turn):
    server, _udp, tls = with_turn(days=-1)
    seen = by_check(media.look(patient_of(config, server)))
    assert seen["TURN certificate"].is_bad and "has expired" in seen["TURN certificate"].said
    assert "renew TURN's certificate" in seen["TURN certificate"].remedy
    assert f"TURN turns:{NAME}:{tls}?transport=tcp" not in seen


def test_a_turn_that_does_not_answer_is_named(monkeypatch):
    monkeypatch.setattr(media, "KNOCK_SECONDS", 1.0)
    (nobody,) = free_ports(1)
    relay = media.Relay(f"turn:127.0.0.1:{nobody}?transport=udp", "somebody", "word")
    (found,) = asyncio.run(media._relay(relay))
    assert found.is_bad and f"open UDP {nobody}" in found.remedy and "word" not in found.text()


def test_a_turn_that_refuses_our_words_is_named(with_turn):
    _server, udp, _tls = with_turn()
    relay = media.Relay(f"turn:127.0.0.1:{udp}?transport=udp", "somebody", "wrong")
    (found,) = asyncio.run(media._relay(relay))
    # LiveKit's doesn't even answer.
    assert found.is_bad and "look at LiveKit's log" in found.remedy and "wrong" not in found.text()


# --- the gate -------------------------------------------------------------------------


def gate_of(config, **changed):
    return by_check(gate_looks.look(Patient(replace(config, **changed))))


def test_the_gate_is_known_from_what_only_refuses(hall, config):
    seen = gate_of(config)
    assert {one.state for one in seen.values()} == {"good"} and set(seen) == {"gate", "gate paths"}


def test_a_web_that_answers_in_the_gates_place_is_told(web, config):
    """A proxy that forgot the routes of signalling sends them to the web, which says 404 too."""
    seen = gate_of(config, livekit_url=f"ws://127.0.0.1:{web.port}")
    assert seen["gate"].is_bad and "it isn't the gate that answers" in seen["gate"].said
    assert "/rtc/v1" in seen["gate"].remedy


def test_a_livekit_without_a_gate_before_it_is_told(config, own_server):
    server = own_server(room={"auto_create": True})
    patient = patient_of(config, server, livekit_url=server.url.replace("http", "ws"))
    seen = by_check(gate_looks.look(patient))
    assert seen["gate"].is_bad and "lets everybody through" in seen["gate"].said


def test_a_gate_that_is_away_and_one_that_is_off_are_told(config):
    seen = gate_of(config, livekit_url="ws://127.0.0.1:9")
    assert seen["gate"].is_bad and "Connection refused" in seen["gate"].said
    assert gate_of(config, gated=False)["gate"].state == "warning"


def test_internal_addresses_that_are_public_are_told(web, hall, config):
    public = f"http://localhost:{web.port}"
    web.app.extensions["audimax_config"] = replace(config, public_url=public)
    seen = gate_of(config, mode="production", public_url=public)
    assert seen["internal paths"].is_bad and "answer 404" in seen["internal paths"].remedy
