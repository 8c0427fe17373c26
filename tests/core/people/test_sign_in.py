"""Signing in and out: right, wrong, too often, at the same time."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from core.people import hashing, passwords, sessions
from tests.core.people.conftest import PASSWORD, is_signed_in, log_in


def test_the_right_password_signs_in_and_leads_to_the_dashboard(client: FlaskClient, ada: int) -> None:
    answer = log_in(client)
    assert (answer.status_code, answer.location) == (303, "/")
    assert is_signed_in(client)


def test_the_address_may_be_typed_in_capitals_and_with_spaces(client: FlaskClient, ada: int) -> None:
    assert log_in(client, " Ada@Uni.Example ").status_code == 303


def test_a_wrong_password_says_so_and_keeps_the_address(client: FlaskClient, ada: int) -> None:
    answer = log_in(client, password="wrong")
    assert answer.status_code == 422
    assert "The address or the password is wrong" in answer.text
    assert 'value="ada@uni.example"' in answer.text
    assert "wrong</" not in answer.text
    assert 'value="wrong"' not in answer.text
    assert not is_signed_in(client)


def test_an_unknown_address_gets_the_same_answer(client: FlaskClient, ada: int) -> None:
    known = log_in(client, password="wrong").text.replace("ada@uni.example", "X")
    unknown = log_in(client, "eve@uni.example", "wrong").text.replace("eve@uni.example", "X")
    assert _without_nonce(known) == _without_nonce(unknown)


def _without_nonce(page: str) -> str:
    return "\n".join(line for line in page.splitlines() if "nonce" not in line)


def test_an_unknown_address_takes_as_long_as_a_known_one(
    client: FlaskClient, ada: int, monkeypatch: pytest.MonkeyPatch, make_user: Callable[..., int]
) -> None:
    monkeypatch.setattr(hashing, "ROUNDS", 10)
    make_user("slow@uni.example", password_hash=passwords.hash_password(PASSWORD))
    known, unknown = _times(
        lambda: log_in(client, "slow@uni.example", "wrong"),
        lambda: log_in(client, "eve@uni.example", "wrong"),
    )
    assert 0.8 < known / unknown < 1.25


def _times(*works: Callable[[], Any]) -> list[float]:
    """The cheapest of several runs each, by processor time: the machine does other things too."""
    rounds = [[_time(work) for work in works] for _ in range(9)]
    return [min(column) for column in zip(*rounds, strict=True)]


def _time(work: Callable[[], Any]) -> float:
    start = time.process_time()
    work()
    return time.process_time() - start


@pytest.mark.parametrize("trouble", ["unverified", "disabled", "without a password"])
def test_an_account_that_does_not_count_cannot_sign_in(
    client: FlaskClient, make_user: Callable[..., int], trouble: str
) -> None:
    from core.db import now

    about: dict[str, Any] = {"password_hash": passwords.hash_password(PASSWORD)}
    if trouble == "disabled":
        about["disabled_at"] = now()
    if trouble == "without a password":
        about = {}
    make_user("ada@uni.example", verified=trouble != "unverified", **about)
    assert log_in(client).status_code == 422
    assert not is_signed_in(client)


def test_empty_fields_get_their_own_words_and_the_focus(client: FlaskClient) -> None:
    page = client.post("/sign-in", data={}).text
    assert "Type an address like" in page
    assert "Type your password." in page
    assert page.count("autofocus") == 1
    assert 'aria-describedby="d-email"' in page


@pytest.mark.parametrize(
    "typed", ["a@b", "x" * 5000 + "@uni.example", "a\0b@uni.example", "<script>@x.y", "@", "ada"]
)
def test_what_is_no_address_is_refused_in_words(client: FlaskClient, typed: str) -> None:
    answer = log_in(client, typed)
    assert answer.status_code == 422
    assert "<script>@" not in answer.text


def test_an_address_is_guessed_ten_times_then_told_to_wait(client: FlaskClient, ada: int) -> None:
    assert [log_in(client, password=f"wrong{n}").status_code for n in range(10)] == [422] * 10
    answer = log_in(client)
    assert answer.status_code == 429
    assert "Too many tries. Please try again in" in answer.text
    assert 1 <= int(answer.headers["Retry-After"]) <= 15 * 60
    assert not is_signed_in(client)


def test_another_account_of_the_same_lecture_hall_can_still_sign_in(
    client: FlaskClient, ada: int, make_user: Callable[..., int]
) -> None:
    make_user("bob@uni.example", password_hash=passwords.hash_password(PASSWORD))
    for n in range(11):
        log_in(client, password=f"wrong{n}")
    assert log_in(client, "bob@uni.example").status_code == 303


def test_a_right_password_gives_the_tries_back(client: FlaskClient, ada: int) -> None:
    for _ in range(3):
        for n in range(9):
            log_in(client, password=f"wrong{n}")
        assert log_in(client).status_code == 303


def test_one_account_is_guarded_against_many_addresses(make_app: Any, ada: int) -> None:
    app = make_app(trusted_proxies=["127.0.0.1"])
    client = app.test_client()
    answers = [_from(client, f"203.0.113.{n}") for n in range(51)]
    assert answers[-1] == 429
    assert set(answers[:-1]) == {422}


def _from(client: FlaskClient, address: str) -> int:
    made = client.post(
        "/sign-in",
        data={"email": "ada@uni.example", "password": "wrong"},
        headers={"X-Forwarded-For": address},
    )
    return int(made.status_code)


def test_an_ipv6_network_counts_as_one_address(make_app: Any, ada: int) -> None:
    client = make_app(trusted_proxies=["127.0.0.1"]).test_client()
    answers = [_from(client, f"2001:db8:1:1::{n:x}") for n in range(11)]
    assert answers[-1] == 429


def test_parallel_guesses_do_not_beat_the_counter(app: Flask, ada: int) -> None:
    found: list[int] = []
    threads = [
        threading.Thread(target=lambda: found.append(log_in(app.test_client(), password="wrong").status_code))
        for _ in range(25)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(found) == [422] * 10 + [429] * 15


def test_counting_goes_on_in_memory_while_the_shared_storage_is_away(make_app: Any, ada: int) -> None:
    client = make_app(rate_limit_storage="redis://127.0.0.1:9").test_client()
    answers = [log_in(client, password=f"wrong{n}").status_code for n in range(11)]
    assert answers == [422] * 10 + [429]


def test_too_many_sign_ins_at_once_are_told_to_come_back(
    client: FlaskClient, ada: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(passwords.queue, "_places", threading.BoundedSemaphore(1))
    with passwords.queue._places:
        answer = log_in(client)
    assert answer.status_code == 503
    assert answer.headers["Retry-After"] == "3"
    assert "Many people are signing in right now" in answer.text
    assert 'value="ada@uni.example"' in answer.text


def test_a_session_ends_at_sign_out(client: FlaskClient, ada: int) -> None:
    log_in(client)
    assert client.post("/sign-out").location == "/sign-in"
    assert not is_signed_in(client)


def test_a_link_cannot_sign_somebody_out(client: FlaskClient, ada: int) -> None:
    log_in(client)
    assert client.get("/sign-out").status_code == 405
    assert client.post("/sign-out", headers={"Origin": "https://evil.example"}).status_code == 403
    assert is_signed_in(client)


def test_signing_in_from_a_foreign_page_is_refused(client: FlaskClient, ada: int) -> None:
    data = {"email": "ada@uni.example", "password": PASSWORD}
    assert client.post("/sign-in", data=data, headers={"Origin": "https://evil.example"}).status_code == 403
    sibling = {"Sec-Fetch-Site": "same-site"}
    assert client.post("/sign-in", data=data, headers=sibling).status_code == 403


def test_an_end_of_all_sessions_ends_this_one(client: FlaskClient, app: Flask, ada: int) -> None:
    from core.db import db
    from core.people import accounts
    from core.people.models import User

    log_in(client)
    with app.app_context():
        accounts.end_sessions(db.session.get(User, ada))  # type: ignore[arg-type]
        db.session.commit()
    assert not is_signed_in(client)


def test_a_disabled_account_is_out_at_once(client: FlaskClient, app: Flask, ada: int) -> None:
    from core.db import db
    from core.people import accounts
    from core.people.models import User

    log_in(client)
    with app.app_context():
        accounts.disable(db.session.get(User, ada))  # type: ignore[arg-type]
        db.session.commit()
    assert not is_signed_in(client)


def test_whoever_listens_to_the_user_hears_that_the_sessions_ended(app: Flask, ada: int) -> None:
    from core import bus
    from core.db import db
    from core.people import accounts
    from core.people.models import User

    woken = threading.Event()
    with app.app_context():
        stop = bus.subscribe(f"user:{ada}", lambda hint: woken.set() if hint else None)
        accounts.end_sessions(db.session.get(User, ada))  # type: ignore[arg-type]
        db.session.commit()
        assert woken.wait(10)
        stop()


@pytest.mark.parametrize("cookie", ["", "x", "1", "nobody.1", "..", "%00", "a" * 4000])
def test_a_made_up_session_is_nobody(client: FlaskClient, cookie: str) -> None:
    client.set_cookie("audimax", cookie)
    assert not is_signed_in(client)


def test_staying_signed_in_is_a_choice(client: FlaskClient, ada: int) -> None:
    assert "Expires" not in _session_cookie(log_in(client))
    assert "Expires" in _session_cookie(log_in(client, remember="1"))


def test_cookies_are_hidden_from_scripts_and_bound_to_this_site(client: FlaskClient, ada: int) -> None:
    cookie = _session_cookie(log_in(client))
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie
    assert "Path=/" in cookie
    assert "Domain" not in cookie


def test_under_https_cookies_carry_the_host_prefix(make_app: Any, ada: int) -> None:
    client = make_app(public_url="https://talk.uni.example").test_client()
    answer = client.post(
        "/sign-in",
        data={"email": "ada@uni.example", "password": PASSWORD},
        base_url="https://talk.uni.example",
        headers={"Origin": "https://talk.uni.example"},
    )
    cookie = _session_cookie(answer)
    assert cookie.startswith("__Host-audimax=")
    assert "Secure" in cookie


def _session_cookie(answer: Any) -> str:
    return next(c for c in answer.headers.getlist("Set-Cookie") if "audimax=" in c)


# --- where one goes afterwards ----------------------------------------------------------


def test_a_page_that_needs_signing_in_is_come_back_to(client: FlaskClient, ada: int) -> None:
    asked = client.get("/account?tab=1")
    assert asked.status_code == 302
    page = client.get(asked.location).text
    assert 'name="next" value="/account?tab=1"' in page
    assert log_in(client, next="/account?tab=1").location == "/account?tab=1"


@pytest.mark.parametrize(
    "target",
    [
        "https://evil.example",
        "//evil.example",
        "///evil.example",
        "/\\evil.example",
        "\\\\evil.example",
        "/\t/evil.example",
        "\n//evil.example",
        "javascript:alert(1)",
        "http:evil",
        "evil",
        "/" + "a" * 3000,
        "/a\r\nSet-Cookie: x=y",
    ],
)
def test_nobody_is_sent_to_another_site(client: FlaskClient, ada: int, target: str) -> None:
    assert sessions.safe_next(target) == "/"
    assert log_in(client, next=target).location == "/"
    assert "evil" not in client.get("/sign-in", query_string={"next": target}).text


def test_a_program_that_is_not_signed_in_is_told_so(app: Flask) -> None:
    from core.errors import Refusal

    with app.test_request_context("/api/anything"), pytest.raises(Refusal) as refused:
        sessions.ask_to_sign_in()
    assert refused.value.status == 401
