"""The public address is looked at as browsers come to it: each fault of a proxy is named with its remedy."""

from __future__ import annotations

import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from core.doctor import browsers, certificates
from core.health import echo
from tests.core.doctor.conftest import by_check
from tests.fixtures.certificates import Authority
from tests.fixtures.product import free_ports
from tests.fixtures.proxies import instead, with_header, without

AS_IT_SHOULD = instead("X-Forwarded-For", "198.51.100.7")


def found(patient):
    return by_check(browsers.look(patient))


def test_behind_a_proxy_as_it_should_be_all_is_well(behind):
    seen = found(behind(ask=AS_IT_SHOULD))
    assert {name: one.said for name, one in seen.items() if one.state != "good"} == {}
    assert set(seen) == set(browsers.CHECKS) - {"redirect"}
    assert "198.51.100.7" in seen["forwarded"].said


def test_without_a_proxy_nothing_is_missing(behind):
    """Beside `audimax run` nobody stands between, and what clients say of themselves isn't believed."""
    seen = found(behind(is_https=False, settings={"trusted_proxies": []}))
    assert {name: one.said for name, one in seen.items() if one.state != "good"} == {}
    assert "no proxy stands between" in seen["forwarded"].said


FAULTS = {
    "a proxy that says nothing of clients": (
        {"ask": without("X-Forwarded-For")},
        "forwarded",
        "doesn't say for whom it asks",
        "proxy_set_header X-Forwarded-For",
    ),
    "a proxy that passes on what clients say": (
        {},
        "forwarded",
        "passes on whatever address a client makes up",
        "in place of what the client sent",
    ),
    "a proxy that keeps answers back": (
        {"ask": AS_IT_SHOULD, "buffers": True},
        "streams",
        "are kept back",
        "proxy_buffering off",
    ),
    "a proxy without WebSockets": (
        {"ask": lambda head: without("Connection")(without("Upgrade")(AS_IT_SHOULD(head)))},
        "websockets",
        "don't pass: 400",
        "Upgrade",
    ),
    "a proxy that takes small bodies only": (
        {"ask": AS_IT_SHOULD, "largest": 1_000_000},
        "uploads",
        "a part of 16 MB doesn't pass",
        "client_max_body_size",
    ),
    "a proxy that takes HSTS out": (
        {"ask": AS_IT_SHOULD, "answer": without("Strict-Transport-Security")},
        "headers",
        "Strict-Transport-Security is missing",
        "neither remove nor add",
    ),
    "a proxy with a content policy of its own": (
        {"ask": AS_IT_SHOULD, "answer": with_header("Content-Security-Policy", "default-src *")},
        "headers",
        "Content-Security-Policy comes 2 times",
        "neither remove nor add",
    ),
    "a proxy that changes cookies": (
        {
            "ask": AS_IT_SHOULD,
            "answer": lambda head: head.replace("; Secure", "").replace("; SameSite=Lax", ""),
        },
        "cookies",
        "lacks SameSite, Secure",
        "leave cookies as they are",
    ),
    "a proxy that drops cookies": (
        {"ask": AS_IT_SHOULD, "answer": without("Set-Cookie")},
        "cookies",
        "doesn't arrive",
        "Set-Cookie",
    ),
    "a proxy with another host name": (
        {"ask": lambda head: instead("Host", "web.internal:8000")(AS_IT_SHOULD(head))},
        "public address",
        "answers 400",
        "proxy_set_header Host $host",
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_each_fault_is_named_with_its_remedy(behind, fault, monkeypatch):
    monkeypatch.setattr(echo, "HELD_SECONDS", 1.0)
    faults, check, said, remedy = FAULTS[fault]
    seen = found(behind(**faults))
    assert seen[check].is_bad, seen[check]
    assert said in seen[check].said and remedy in seen[check].remedy
    assert [name for name, one in seen.items() if one.is_bad] == [check]


def test_a_proxy_that_nobody_named_is_named(behind):
    seen = found(behind(ask=AS_IT_SHOULD, settings={"trusted_proxies": []}))
    assert seen["forwarded"].is_bad and "127.0.0.1, which isn't in trusted_proxies" in seen["forwarded"].said
    assert 'add "127.0.0.1" to trusted_proxies' in seen["forwarded"].remedy


def test_another_program_behind_the_name_is_told_apart(behind, make_app):
    patient = behind(ask=AS_IT_SHOULD)
    other = make_app(secret_key="another" * 8, public_url=patient.config.public_url)
    stranger = browsers.Patient(other.extensions["audimax_config"])
    seen = found(stranger)
    assert seen["public address"].is_bad and "answers 404" in seen["public address"].said
    assert "another secret_key" in seen["public address"].remedy
    assert set(seen) == {"certificate", "public address"}


def test_a_web_that_is_away_is_told(behind):
    seen = found(behind(serve=False))
    assert seen["public address"].is_bad and "doesn't answer" in seen["public address"].said
    assert "start the proxy and the web" in seen["public address"].remedy


def test_a_name_that_leads_nowhere_is_told(make_app):
    app = make_app(public_url="https://hall.invalid")
    seen = found(browsers.Patient(app.extensions["audimax_config"]))
    assert "its name isn't known here" in seen["certificate"].said
    assert "let DNS lead here" in seen["certificate"].remedy


# --- certificates ---------------------------------------------------------------------


CERTIFICATES = {
    "expired": ({"days": -1}, "bad", "has expired", "certbot renew"),
    "of tomorrow": ({"from_days": 1}, "bad", "begins in the future", "NTP"),
    "about to end": ({"days": 5.5}, "warning", "5 days from now", "certbot renew"),
    "self-signed": ({"self_signed": True}, "bad", "self-signed", "Let's Encrypt"),
    "good": ({}, "good", "is good until", ""),
}


@pytest.mark.parametrize("kind", CERTIFICATES)
def test_each_certificate_is_judged(behind, authority, kind):
    how, state, said, remedy = CERTIFICATES[kind]
    seen = found(behind(certificate=authority.pair("localhost", **how), ask=AS_IT_SHOULD))
    assert (seen["certificate"].state, said in seen["certificate"].said) == (state, True), seen["certificate"]
    assert remedy in seen["certificate"].remedy
    assert ("public address" in seen) is (state != "bad")


def test_a_certificate_of_another_name_says_whose_it_is(behind, authority):
    seen = found(behind(certificate=authority.pair("old.uni.example", "www.uni.example")))
    assert "its certificate is for old.uni.example, www.uni.example" in seen["certificate"].said
    assert "get one that has the name localhost" in seen["certificate"].remedy


def test_an_authority_that_nobody_knows_is_told(behind, tmp_path):
    unknown = Authority(tmp_path, "Nobody knows")
    seen = found(behind(certificate=unknown.pair("localhost")))
    assert "an authority that isn't trusted here" in seen["certificate"].said
    assert "fullchain.pem" in seen["certificate"].remedy and "SSL_CERT_FILE" in seen["certificate"].remedy


def test_a_port_without_tls_is_told(smtp):
    place = certificates.Place("localhost", smtp.port, "renew it", "look at the proxy")
    seen = certificates.look("certificate", place)
    assert seen.is_bad and "doesn't speak TLS" in seen.said and seen.remedy == "look at the proxy"


# --- plain http -----------------------------------------------------------------------


def led(line: str) -> browsers.Finding:
    """What is said of a server on port 80 that answers with this head."""

    class Answers(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.wfile.write(line.encode())

        def log_message(self, *_what: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Answers) as server:
        threading.Thread(target=server.handle_request, daemon=True).start()
        return browsers.redirect("localhost", server.server_port)


def test_plain_http_leads_to_https():
    seen = led("HTTP/1.0 301 Moved\r\nLocation: https://localhost/\r\n\r\n")
    assert (seen.state, seen.said) == ("good", "http://localhost leads to https://")


@pytest.mark.parametrize(
    "head",
    ["HTTP/1.0 200 OK\r\n\r\n", "HTTP/1.0 302 Found\r\nLocation: http://localhost/sign-in\r\n\r\n"],
)
def test_plain_http_that_serves_pages_is_bad(head):
    seen = led(head)
    assert seen.is_bad and "redirect all of port 80" in seen.remedy


def test_a_shut_port_80_is_a_warning():
    (port,) = free_ports(1)
    seen = browsers.redirect("localhost", port)
    assert seen.state == "warning" and "Connection refused" in seen.said
