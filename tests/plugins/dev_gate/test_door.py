"""Nothing is to be had without the key or the right network, and what opens the door can't be forged."""

from __future__ import annotations

import hmac
from collections.abc import Callable
from datetime import timedelta
from http.cookies import SimpleCookie
from types import SimpleNamespace
from typing import Any

import pytest
import websocket
from flask import Flask

from core.doctor import plugins as doctor
from core.engine import offers
from plugins.dev_gate import door, passes
from tests.conftest import ORIGIN
from tests.fixtures.serving import Browser
from tests.plugins.dev_gate.conftest import KEY, LOCKED, from_address

Behind = Callable[..., Flask]
PAGE = "/plugins/dev_gate/"
EVERYTHING = [
    "/",
    "/sign-in",
    "/set-up/secret",
    "/nowhere",
    "/static/dist/manifest.json",
    "/static/dist/icons.svg",
    "/plugins/chat/static/room.js",
    "/files/none",
    "/ws/dashboard",
    "/robots.txt",
]
API = ["/api/openapi.json", "/api/rooms/none/stream", "/api/rooms/none/lobby/stream", "/api/nowhere"]


def enter(client: Any, key: str = KEY, **form: str) -> Any:
    return client.post(PAGE, data={"access_key": key, **form})


def cookie_of(answer: Any) -> Any:
    [made] = SimpleCookie(answer.headers["Set-Cookie"]).values()
    return made


# --- before the door ------------------------------------------------------------------


@pytest.mark.parametrize("path", EVERYTHING)
def test_people_see_one_page_whatever_they_ask_for(client: Any, path: str) -> None:
    answer = client.get(path)
    assert answer.status_code == 403 and LOCKED in answer.text
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["X-Robots-Tag"] == "noindex, nofollow"


@pytest.mark.parametrize("path", API)
def test_programs_are_refused_in_words(client: Any, path: str) -> None:
    answer = client.get(path)
    assert (answer.status_code, answer.mimetype) == (403, "application/problem+json")
    assert answer.json["code"] == "locked" and "isn’t open to everybody yet" in answer.json["detail"]
    assert answer.headers["X-Robots-Tag"] == "noindex, nofollow"


def test_the_page_says_nothing_but_the_name_and_fetches_nothing(behind: Behind) -> None:
    said = behind("lobby", access_key=KEY, institution="University of Testing").test_client().get("/").text
    assert "University of Testing" in said
    for word in ("/static/", 'href="/', "src=", "url(", "@font-face", "Sign in", "sign-in", "lobby", "0.1.0"):
        assert word not in said, word
    assert KEY not in said


def test_a_live_stream_and_a_websocket_stay_shut(app: Flask, serve: Callable[[], Browser]) -> None:
    guest = serve()
    assert guest.get("/api/rooms/none/stream").status_code == 403
    address = guest.url.replace("http", "ws") + "/ws/dashboard"
    with pytest.raises(websocket.WebSocketBadStatusException, match="403"):
        websocket.create_connection(address, host="localhost:8000", origin=ORIGIN)


def test_programs_with_a_signature_come_by(client: Any) -> None:
    assert client.post("/api/livekit/webhook").status_code == 401
    asked = client.get("/api/internal/livekit/connect", headers={"X-Forwarded-Uri": "/rtc?access_token=x"})
    assert asked.status_code == 401
    assert client.post("/api/internal/lectures/none/chat/x").status_code == 403, "of no route nothing is said"


def test_where_it_is_off_nothing_is_there(make_app: Callable[..., Flask]) -> None:
    client = make_app("lobby").test_client()
    answer = client.get(f"/sign-in?access_key={KEY}")
    assert answer.status_code == 200 and "X-Robots-Tag" not in answer.headers
    assert client.get(PAGE).status_code == 404


# --- the key --------------------------------------------------------------------------


def test_the_key_opens_everything_for_this_browser(app: Flask) -> None:
    client = app.test_client()
    answer = enter(client, next="/sign-in?next=/rooms")
    assert (answer.status_code, answer.location) == (303, "/sign-in?next=/rooms")
    assert client.get("/sign-in").status_code == 200
    assert client.get("/nowhere").status_code == 404
    assert client.get("/api/openapi.json").status_code == 200
    assert client.get(PAGE).location == "/", "there is nothing to type any more"
    assert app.test_client().get("/sign-in").status_code == 403, "but for no other"


def test_a_link_with_the_key_opens_once_and_leaves_the_address(app: Flask) -> None:
    client = app.test_client()
    answer = client.get(f"/sign-in?a=1&access_key={KEY}&b=%C3%BC")
    assert (answer.status_code, answer.location) == (303, "/sign-in?a=1&b=%C3%BC")
    assert answer.headers["Cache-Control"] == "no-store" and KEY not in answer.text
    assert client.get(answer.location).status_code == 200
    deep = client.get(f"/r/a:b?next=/rooms/new&access%5Fkey={KEY}")
    assert deep.location == "/r/a:b?next=/rooms/new", "the rest stays as it was"
    again = client.get(f"/sign-in?access_key={KEY}")
    assert again.location == "/sign-in", "whoever is inside loses the key from the address too"


def test_links_work_for_pages_only(app: Flask) -> None:
    client = app.test_client()
    assert client.get(f"/api/openapi.json?access_key={KEY}").status_code == 403
    assert client.post(f"/sign-in?access_key={KEY}").status_code == 403
    assert client.head(f"/?access_key={KEY}").status_code == 403


def test_the_cookie_is_no_key_and_is_bound_to_this_host(behind: Behind) -> None:
    app = behind(access_key=KEY, public_url="https://hall.uni.example")
    answer = app.test_client().get(f"/?access_key={KEY}", base_url="https://hall.uni.example")
    made = cookie_of(answer)
    assert made.key == "__Host-audimax-dev-gate" and KEY not in made.value
    assert made["secure"] and made["httponly"] and made["samesite"] == "Lax" and made["path"] == "/"
    assert not made["domain"] and int(made["max-age"]) == 30 * 24 * 3600
    plain = cookie_of(behind(access_key=KEY).test_client().get(f"/?access_key={KEY}"))
    assert plain.key == "audimax-dev-gate" and not plain["secure"]


def with_cookie(app: Flask, value: str) -> int:
    client = app.test_client()
    client.set_cookie("audimax-dev-gate", value, domain="localhost")
    return client.get("/sign-in").status_code


def test_another_key_shuts_the_door_again(behind: Behind) -> None:
    old = cookie_of(enter(behind(access_key=KEY).test_client())).value
    assert with_cookie(behind(access_key=KEY), old) == 200
    assert with_cookie(behind(access_key=KEY + "2"), old) == 403
    assert with_cookie(behind(allowed_ips=["192.0.2.0/24"]), old) == 403, "no key, no pass"
    assert with_cookie(behind(access_key=KEY, secret_key="another" * 8), old) == 403


def test_a_pass_ends_after_thirty_days(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    value = cookie_of(enter(app.test_client())).value
    real = passes.now
    monkeypatch.setattr(passes, "now", lambda: real() + timedelta(days=29, hours=23))
    assert with_cookie(app, value) == 200
    monkeypatch.setattr(passes, "now", lambda: real() + timedelta(days=30, minutes=1))
    assert with_cookie(app, value) == 403


def test_a_pass_can_not_be_made_or_made_longer(app: Flask) -> None:
    until, _dot, proof = cookie_of(enter(app.test_client())).value.partition(".")
    forged = ["", ".", until, f"{until}.", f"{int(until) + 1}.{proof}", f"{until}.{proof[:-1]}", f"{until}.ü"]
    forged += [
        f"{until}.{proof.upper()}",
        f"-1.{proof}",
        f"٣.{proof}",
        f"{'9' * 3000}.{proof}",
        f"{until}.{proof}x" * 9,
    ]
    assert [with_cookie(app, value) for value in forged] == [403] * len(forged)


def test_keys_are_compared_in_constant_time(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    compared: list[tuple[bytes, bytes]] = []

    def compare(one: bytes, other: bytes) -> bool:
        compared.append((one, other))
        return hmac.compare_digest(one, other)

    monkeypatch.setattr(passes, "hmac", SimpleNamespace(compare_digest=compare, digest=hmac.digest))
    for wrong in ("x", KEY[:-1], "é" * 50):
        enter(app.test_client(), wrong)
    assert len(compared) == 3
    assert {len(part) for pair in compared for part in pair} == {32}, "hashes of one length"


def test_a_wrong_key_is_told_and_right_ones_are_taken_with_blanks_around(app: Flask) -> None:
    client = app.test_client()
    answer = enter(client, "not-the-key-at-all", next="/sign-in")
    assert answer.status_code == 403 and "That isn’t the key." in answer.text
    assert 'value="/sign-in"' in answer.text and "not-the-key-at-all" not in answer.text
    assert "That isn’t the key." in client.get("/?access_key=wrong").text
    assert enter(client, f"  {KEY}\n").status_code == 303


@pytest.mark.parametrize(
    "target",
    [
        "https://evil.example/",
        "//evil.example",
        "/\\evil.example",
        "\\\\evil.example",
        "javascript:alert(1)",
        "/\t/evil.example",
        "http:evil.example",
        "",
        "/" + "a" * 3000,
    ],
)
def test_the_door_leads_nowhere_else(app: Flask, target: str) -> None:
    assert enter(app.test_client(), next=target).location == "/"


def test_a_link_leads_nowhere_else(app: Flask) -> None:
    for path in ("//evil.example", "//evil.example/x", "/\\evil.example"):
        location = app.test_client().get(f"{path}?access_key={KEY}", base_url=ORIGIN).location
        assert location.startswith("/") and not location.startswith(("//", "/\\")), location


def test_a_key_from_a_foreign_page_is_not_taken(app: Flask) -> None:
    answer = app.test_client().post(
        PAGE, data={"access_key": KEY}, headers={"Origin": "https://evil.example"}
    )
    assert answer.status_code == 403 and "Set-Cookie" not in answer.headers


# --- how often ------------------------------------------------------------------------


def guess(app: Flask, remote: str, key: str = "wrong", how: str = "typed") -> Any:
    made = {"environ_overrides": {"REMOTE_ADDR": remote}}
    client = app.test_client()
    return (
        client.get(f"/?access_key={key}", **made)
        if how == "link"
        else client.post(PAGE, data={"access_key": key}, **made)
    )


@pytest.mark.parametrize("how", ["typed", "link"])
def test_wrong_keys_of_one_address_are_limited_and_the_right_one_too_then(app: Flask, how: str) -> None:
    for _try in range(10):
        assert guess(app, "192.0.2.7", how=how).status_code == 403
    answer = guess(app, "192.0.2.7", KEY, how)
    assert answer.status_code == 429 and int(answer.headers["Retry-After"]) > 0
    assert "Too many tries" in answer.text and "Set-Cookie" not in answer.headers
    assert guess(app, "192.0.2.8", KEY, how).status_code == 303, "others go on"


def test_ipv6_is_counted_by_its_64(app: Flask) -> None:
    answers = [guess(app, f"2001:db8::{number}").status_code for number in range(11)]
    assert answers == [403] * 10 + [429]
    assert guess(app, "2001:db8:0:1::1").status_code == 403


def test_right_keys_use_nothing_up(app: Flask) -> None:
    assert {guess(app, "192.0.2.7", KEY).status_code for _try in range(30)} == {303}


def test_looking_at_the_page_is_no_try(app: Flask) -> None:
    for _look in range(30):
        from_address(app, "192.0.2.7", "/")
    assert guess(app, "192.0.2.7", KEY).status_code == 303


# --- networks -------------------------------------------------------------------------

NETWORKS = ["10.20.0.0/16", "192.0.2.7", "2001:db8:1::/48"]


@pytest.mark.parametrize(
    ("remote", "status"),
    [
        ("10.20.3.4", 200),
        ("10.21.3.4", 403),
        ("192.0.2.7", 200),
        ("192.0.2.8", 403),
        ("2001:db8:1:2::3", 200),
        ("2001:db8:2::3", 403),
        ("::ffff:10.20.3.4", 200),
        ("::ffff:10.21.3.4", 403),
        ("::ffff:0a14:0304", 200),
        ("rubbish", 403),
    ],
)
def test_networks_are_let_in_without_a_key(behind: Behind, remote: str, status: int) -> None:
    app = behind(allowed_ips=NETWORKS)
    answer = from_address(app, remote)
    assert answer.status_code == status
    assert answer.headers["X-Robots-Tag"] == "noindex, nofollow"


def test_where_only_networks_are_named_nobody_else_comes_in(behind: Behind) -> None:
    app = behind(allowed_ips=NETWORKS)
    said = from_address(app, "192.0.2.99").text
    assert "from some networks only" in said and "<form" not in said
    assert guess(app, "192.0.2.99", "").status_code == 403
    assert guess(app, "192.0.2.99", KEY).status_code == 403


def test_with_both_either_is_enough(behind: Behind) -> None:
    app = behind(access_key=KEY, allowed_ips=NETWORKS)
    assert from_address(app, "10.20.3.4").status_code == 200
    assert guess(app, "192.0.2.99", KEY).status_code == 303
    assert guess(app, "10.20.3.4", KEY, "link").status_code == 303, "who may travel takes a pass along"
    assert from_address(app, "10.20.3.4", "/sign-in?access_key=other").status_code == 200, "no try"


def test_an_address_that_is_only_claimed_opens_nothing(behind: Behind) -> None:
    app = behind(allowed_ips=NETWORKS)
    assert from_address(app, "6.6.6.6", X_Forwarded_For="10.20.3.4").status_code == 403
    assert from_address(app, "6.6.6.6", X_Real_IP="10.20.3.4", Forwarded="for=10.20.3.4").status_code == 403


def test_behind_a_trusted_proxy_it_is_the_visitor_who_counts(behind: Behind) -> None:
    app = behind(allowed_ips=[*NETWORKS, "172.16.0.0/12"], trusted_proxies=["172.16.0.1"])
    assert from_address(app, "172.16.0.1", X_Forwarded_For="10.20.3.4").status_code == 200
    assert from_address(app, "172.16.0.1", X_Forwarded_For="10.20.3.4, 6.6.6.6").status_code == 403
    assert from_address(app, "172.16.0.1", X_Forwarded_For="::ffff:10.20.3.4").status_code == 200
    assert from_address(app, "172.16.0.1").status_code == 403, "the proxy is nobody's address"


def test_a_proxy_that_nobody_named_lets_nobody_in_and_is_named_in_the_log(
    behind: Behind, caplog: pytest.LogCaptureFixture
) -> None:
    door._warn_of_unknown_addresses.cache_clear()
    app = behind(allowed_ips=["127.0.0.0/8"])
    for _again in range(3):
        assert from_address(app, "127.0.0.1", X_Forwarded_For="6.6.6.6").status_code == 403
    [said] = [record.getMessage() for record in caplog.records if record.name == door.__name__]
    assert "name that proxy in trusted_proxies" in said and "127.0.0.1" in said
    https = behind(allowed_ips=["127.0.0.0/8"], public_url="https://hall.uni.example")
    asked = https.test_client().get("/", base_url="http://hall.uni.example")
    assert asked.status_code == 403, "a proxy that sends no header either"


# --- around ---------------------------------------------------------------------------


def test_no_cache_between_keeps_files_for_others(app: Flask) -> None:
    client = app.test_client()
    enter(client)
    made = client.get("/static/dist/icons.svg?x")
    assert made.status_code == 200
    assert made.cache_control.private and not made.cache_control.public
    assert made.cache_control.max_age == 365 * 24 * 3600, "the browser keeps it as ever"


def test_doctor_finds_the_door_shut(app: Flask) -> None:
    with app.app_context():
        [found] = [doctor.of_plugin(name, check) for name, check in offers.health_checks().items()
                   if name.startswith("dev_gate.")]  # fmt: skip
    assert found.text() == "✓ dev_gate.door: works"


def test_doctor_says_when_a_stranger_comes_in(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(door, "is_inside", lambda: True)
    with app.app_context():
        found = doctor.of_plugin("dev_gate.door", offers.health_checks()["dev_gate.door"])
    assert found.is_bad and "to a stranger at 192.0.2.1, not 403: look at the log" in found.said


def test_the_key_is_in_no_log_and_in_no_answer(app: Flask, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG")
    answers = [enter(app.test_client()), app.test_client().get(f"/?access_key={KEY}")]
    answers += [guess(app, "192.0.2.7", KEY + "wrong"), app.test_client().get("/")]
    assert KEY not in caplog.text
    for answer in answers:
        assert KEY not in answer.text + str(answer.headers)


def test_german_people_read_german(client: Any) -> None:
    said = client.get("/", headers={"Accept-Language": "de"}).text
    assert 'lang="de"' in said and "Noch nicht geöffnet" in said
