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


# --- who asks, to the last bit --------------------------------------------------------


def exactly(make_app: Callable[..., Flask], **changed: object) -> Callable[..., str]:
    """Ask an app with these settings whom it sees, from ``remote`` with these headers."""
    app = make_app(**changed)
    app.add_url_rule("/exactly", "exactly", lambda: str(security.exact_address()))

    def ask(remote: str, scheme: str = "http", **headers: str) -> str:
        made = {name.replace("_", "-"): value for name, value in headers.items()}
        base = app.extensions["audimax_config"].public_url.replace("https", scheme)
        return app.test_client().get(
            "/exactly", base_url=base, headers=made, environ_overrides={"REMOTE_ADDR": remote}
        ).text  # fmt: skip

    return ask


def test_an_address_is_known_to_its_last_bit(make_app: Callable[..., Flask]) -> None:
    ask = exactly(make_app)
    assert ask("192.0.2.7") == "192.0.2.7"
    assert ask("2001:db8::1:2:3:4") == "2001:db8::1:2:3:4"
    assert ask("::ffff:10.0.0.1") == "10.0.0.1", "IPv4 that came in by an IPv6 socket"


@pytest.mark.parametrize("header", ["X_Forwarded_For", "Forwarded", "X_Real_IP"])
def test_whoever_is_passed_on_by_a_stranger_has_no_address(
    make_app: Callable[..., Flask], header: str
) -> None:
    assert exactly(make_app)("10.0.0.1", **{header: "192.0.2.7"}) == "None"


def test_a_trusted_proxy_vouches_for_an_address(make_app: Callable[..., Flask]) -> None:
    ask = exactly(make_app, trusted_proxies=["10.0.0.0/24"])
    assert ask("10.0.0.1", X_Forwarded_For="6.6.6.6, 192.0.2.7") == "192.0.2.7"
    assert ask("::ffff:10.0.0.1", X_Forwarded_For="::ffff:192.0.2.7") == "192.0.2.7"
    assert ask("10.0.0.1", X_Forwarded_For="2001:db8::7") == "2001:db8::7"
    assert ask("10.0.0.1", X_Forwarded_For="rubbish") == "None"


def test_a_trusted_proxy_that_says_nothing_is_not_who_asks(make_app: Callable[..., Flask]) -> None:
    ask = exactly(make_app, trusted_proxies=["10.0.0.0/24"])
    assert ask("10.0.0.1") == ask("10.0.0.1", X_Real_IP="192.0.2.7") == "None"
    assert ask("10.0.0.1", X_Forwarded_For=" , ") == "None"


def test_whoever_ends_the_tls_of_others_is_not_who_asks(make_app: Callable[..., Flask]) -> None:
    ask = exactly(make_app, public_url="https://hall.uni.example")
    assert ask("10.0.0.1") == "None", "a proxy that nobody named, and that sends no header"
    assert ask("192.0.2.7", scheme="https") == "192.0.2.7"


def test_browsers_may_go_on_to_the_nearest_server_of_livekit_cloud() -> None:
    def reached(url: str) -> str:
        return security._policy_template(url, (), ()).partition("connect-src ")[2].partition(";")[0]

    own = "'self' wss://uni.livekit.cloud https://uni.livekit.cloud"
    assert reached("wss://uni.livekit.cloud") == f"{own} wss://*.livekit.cloud https://*.livekit.cloud"
    for other in ("wss://livekit.cloud.evil.example", "wss://evillivekit.cloud", "wss://media.uni.example"):
        assert "*" not in reached(other)
