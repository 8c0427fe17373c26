"""Host, origin, headers, cookies and the caller's address."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from flask import Flask
from flask.testing import FlaskClient

from core.http import security


@pytest.fixture
def poked(app: Flask) -> FlaskClient:
    app.add_url_rule("/poke", "poke", lambda: "poked", methods=["GET", "POST"])
    app.add_url_rule("/who", "who", security.client_address)
    return app.test_client()


def test_a_change_from_our_own_page_is_taken(poked: FlaskClient) -> None:
    assert poked.post("/poke").status_code == 200


@pytest.mark.parametrize(
    "origin", ["https://evil.example", "null", "http://localhost:9000", "http://localhost"]
)
def test_a_change_from_a_foreign_page_is_refused(poked: FlaskClient, origin: str) -> None:
    answer = poked.post("/poke", headers={"Origin": origin})
    assert answer.status_code == 403
    assert "http://localhost:8000" in answer.text


def test_a_change_without_origin_is_refused(poked: FlaskClient) -> None:
    assert poked.post("/poke", headers={"Origin": None}).status_code == 403


@pytest.mark.parametrize("site", ["same-site", "cross-site"])
def test_a_change_from_a_sibling_host_is_refused(poked: FlaskClient, site: str) -> None:
    assert poked.post("/poke", headers={"Sec-Fetch-Site": site}).status_code == 403


def test_looking_needs_no_origin(poked: FlaskClient) -> None:
    assert poked.get("/poke", headers={"Origin": "https://evil.example"}).status_code == 200


def test_a_websocket_needs_our_origin(poked: FlaskClient) -> None:
    answer = poked.get("/poke", headers={"Upgrade": "websocket", "Origin": "https://evil.example"})
    assert answer.status_code == 403


def test_a_forged_host_is_refused(poked: FlaskClient) -> None:
    assert poked.get("/poke", headers={"Host": "evil.example"}).status_code == 400


def test_null_bytes_in_an_address_are_refused(poked: FlaskClient) -> None:
    assert poked.get("/poke?x=%00").status_code == 400
    assert poked.get("/poke%00").status_code == 400


def test_pages_carry_a_strict_policy_with_a_new_nonce_each(poked: FlaskClient) -> None:
    policies = [poked.get("/poke").headers["Content-Security-Policy"] for _ in range(2)]
    assert policies[0] != policies[1]
    assert "default-src 'none'" in policies[0] and "unsafe" not in policies[0]
    assert "frame-ancestors 'none'" in policies[0] and "ws://localhost:8001" in policies[0]


def test_cookies_are_bound_to_https_and_to_this_host(make_app: Callable[..., Flask]) -> None:
    app = make_app(public_url="https://hall.uni.example")
    assert app.config["SESSION_COOKIE_NAME"].startswith("__Host-")
    assert app.config["SESSION_COOKIE_SECURE"] and app.config["SESSION_COOKIE_HTTPONLY"]
    answer = app.test_client().get("/nowhere", base_url="https://hall.uni.example")
    assert "max-age" in answer.headers["Strict-Transport-Security"]


def test_a_forwarded_address_counts_only_from_a_trusted_proxy(make_app: Callable[..., Flask]) -> None:
    def ask(trusted: list[str], forwarded: str) -> str:
        app = make_app(trusted_proxies=trusted)
        app.add_url_rule("/who", "who", security.client_address)
        return app.test_client().get("/who", headers={"X-Forwarded-For": forwarded}).text

    assert ask([], "9.9.9.9") == "127.0.0.1"
    assert ask(["127.0.0.0/8"], "9.9.9.9") == "9.9.9.9"
    assert ask(["127.0.0.1"], "6.6.6.6, 9.9.9.9") == "9.9.9.9", "what the browser claims doesn't count"
    assert ask(["127.0.0.1", "9.9.9.9"], "6.6.6.6, 9.9.9.9") == "6.6.6.6"
    assert ask(["127.0.0.1"], "rubbish") == "unknown"


def test_ipv6_is_counted_by_its_64() -> None:
    assert security.network_of("2001:db8:1:2:3:4:5:6") == security.network_of("2001:db8:1:2::1")
    assert security.network_of("::ffff:9.9.9.9") == "9.9.9.9"
