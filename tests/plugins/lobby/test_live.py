"""Streams of those who wait and sockets of hosts, over real connections and two workers."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import sqlalchemy as sa
import websocket
from flask import Flask
from flask.testing import FlaskClient

from core import waiting
from core.db import db
from core.models import Waiting
from core.people.models import User
from core.rooms import hosts
from tests.conftest import ORIGIN
from tests.fixtures.serving import Browser, Listener
from tests.plugins.lobby.conftest import Door

SECONDS = 20
Serve = Callable[[], Browser]


@pytest.fixture(autouse=True)
def who_goes_is_noticed_soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waiting, "LOOK_SECONDS", 0.2)
    monkeypatch.setattr(waiting, "HEARTBEAT_SECONDS", 0.5)
    monkeypatch.setattr(waiting, "RELOAD_SECONDS", 0)


def wait(browser: Browser, door: Door, name: str = "Ann") -> Listener:
    answer = browser.post(f"/api/rooms/{door.id}/join", {"name": name})
    assert answer.status_code == 202, answer.text
    assert answer.json()["stream_url"] == f"/api/rooms/{door.id}/lobby/stream"
    listener = browser.listen(answer.json()["stream_url"])
    assert listener.until("WAITING")["code"] == "lobby"
    return listener


@pytest.fixture
def follow(app: Flask, serve: Serve, door: Door) -> Iterator[Callable[..., websocket.WebSocket]]:
    """``follow(client)`` is that person's socket at the door."""
    made: list[websocket.WebSocket] = []

    def open_one(client: FlaskClient, search: str = "", **options: Any) -> websocket.WebSocket:
        cookies = [client.get_cookie(name, domain="localhost") for name in ("audimax", "audimax-guest")]
        url = f"{serve().url.replace('http', 'ws')}/api/rooms/{door.id}/lobby/live?q={search}"
        options = {"origin": ORIGIN, **options}
        cookie = "; ".join(f"{c.key}={c.value}" for c in cookies if c)
        made.append(
            websocket.create_connection(url, timeout=SECONDS, host="localhost:8000", cookie=cookie, **options)
        )
        return made[-1]

    yield open_one
    for one in made:
        one.close()
    with app.app_context():
        app.extensions["audimax_sockets"].close()


def until(socket: websocket.WebSocket, condition: Callable[[Any], Any]) -> Any:
    end = time.monotonic() + SECONDS
    while time.monotonic() < end:
        shown = json.loads(socket.recv())
        if condition(shown):
            return shown
    raise AssertionError(f"never shown; last: {shown}")


def closing_code(socket: websocket.WebSocket) -> int:
    while True:
        kind, data = socket.recv_data(control_frame=True)
        if kind == websocket.ABNF.OPCODE_CLOSE:
            return int.from_bytes(data[:2], "big")


def test_a_click_wakes_that_guest_with_a_token_and_no_other(serve: Serve, door: Door) -> None:
    bob, ann = wait(serve(), door, "Bob"), wait(serve(), door, "Ann")
    door.decide("admit", "Ann")
    assert ann.until("APPROVED")["token"]
    assert bob.is_silent()


def test_rejected_with_the_hosts_words_and_when_to_ask_again(serve: Serve, door: Door) -> None:
    ann = wait(serve(), door)
    door.decide("reject", "Ann", words="Wrong course.")
    told = ann.until("REJECTED")
    assert "Wrong course." in told["reason"] and 0 < told["retry_after"] <= 60


def test_place_and_message_reach_who_waits(serve: Serve, door: Door) -> None:
    wait(serve(), door, "Ann")
    bob = wait(serve(), door, "Bob")
    door.do("message", text="Ten minutes late.")
    assert bob.until("WAITING")["info"] == {"message": "Ten minutes late.", "place": 2}


def test_the_others_move_up_in_the_line_after_a_while(
    serve: Serve, door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(waiting, "SOON_SECONDS", 0)
    wait(serve(), door, "Ann")
    bob = wait(serve(), door, "Bob")
    door.decide("admit", "Ann")
    assert bob.until("WAITING")["info"]["place"] == 1


def test_nobody_waits_any_more_lets_everybody_in_at_once(serve: Serve, door: Door) -> None:
    people = [wait(serve(), door, f"Guest {n}") for n in range(3)]
    door.do("who", who_waits="nobody")
    assert all(one.until("APPROVED")["token"] for one in people)


def test_approved_before_the_start_the_start_lets_in(serve: Serve, make_door: Any) -> None:
    door = make_door()
    ann = wait(serve(), door)
    door.do("admit-all")
    assert ann.until("WAITING")["code"] == "host_absent"
    door.start()
    assert ann.until("APPROVED")["token"]


def test_a_cut_stream_picks_up_what_was_decided_meanwhile(serve: Serve, door: Door) -> None:
    ann, eve = serve(), serve()
    wait(ann, door, "Ann").close()
    wait(eve, door, "Eve").close()
    door.decide("admit", "Ann")
    door.decide("reject", "Eve")
    assert ann.listen(f"/api/rooms/{door.id}/lobby/stream").until("APPROVED")["token"]
    assert eve.listen(f"/api/rooms/{door.id}/lobby/stream").until("REJECTED")["reason"]


def test_a_rejection_that_went_into_a_dead_line_is_told_to_who_comes_back(
    app: Flask, serve: Serve, door: Door
) -> None:
    eve = serve()
    assert eve.post(f"/api/rooms/{door.id}/join", {"name": "Eve"}).status_code == 202
    door.decide("reject", "Eve", words="Wrong course.")
    with app.app_context():
        db.session.execute(sa.delete(Waiting))
        db.session.commit()
    told = eve.listen(f"/api/rooms/{door.id}/lobby/stream").until("REJECTED")
    assert "Wrong course." in told["reason"] and told["retry_after"] > 0


def test_a_stream_with_a_foreign_or_missing_session_is_refused(
    serve: Serve, door: Door, make_door: Any
) -> None:
    elsewhere = serve()
    wait(elsewhere, make_door())
    for browser in (serve(), elsewhere):
        answer = browser.get(f"/api/rooms/{door.id}/lobby/stream")
        assert answer.status_code == 403 and answer.json()["code"] == "not_waiting"


def test_streams_beyond_the_cap_end_the_oldest(serve: Serve, door: Door) -> None:
    ann = serve()
    first = wait(ann, door)
    for _more in range(3):
        ann.listen(f"/api/rooms/{door.id}/lobby/stream").until("WAITING")
    assert first.until("CLOSED") == {"reason": "elsewhere"}


def test_the_hosts_page_sees_who_comes_who_goes_and_who_is_back(
    serve: Serve, door: Door, follow: Any
) -> None:
    shown = follow(door.host)
    assert until(shown, lambda s: s["total"] == 0)
    ann = serve()
    listener = wait(ann, door)
    assert until(shown, lambda s: s["total"] == 1)["people"][0]["name"] == "Ann"
    listener.close()
    assert until(shown, lambda s: s["people"][0]["gone"])
    ann.listen(f"/api/rooms/{door.id}/lobby/stream").until("WAITING")
    back = until(shown, lambda s: not s["people"][0]["gone"])
    assert back["total"] == 1, "as themselves"


def test_a_co_host_sees_the_others_decision_at_once(
    serve: Serve, door: Door, follow: Any, make_user: Any, sign_in: Any
) -> None:
    grace = make_user(name="Grace Hopper")
    door.add_co_host(grace)
    wait(serve(), door)
    theirs = follow(sign_in(grace))
    until(theirs, lambda s: s["total"] == 1)
    door.decide("admit", "Ann")
    decided = until(theirs, lambda s: s["total"] == 0)["decided"]
    assert [(one["name"], one["state"], one["by"]) for one in decided] == [
        ("Ann", "approved", "Emmy Noether")
    ]


def test_the_socket_searches_on_the_server(serve: Serve, door: Door, follow: Any) -> None:
    wait(serve(), door, "Ann")
    wait(serve(), door, "Bob")
    shown = until(follow(door.host, search="an"), lambda s: s["total"] == 2)
    assert [one["name"] for one in shown["people"]] == ["Ann"]


def test_a_demoted_co_hosts_open_socket_closes(
    app: Flask, door: Door, follow: Any, make_user: Any, sign_in: Any
) -> None:
    grace = make_user("grace@uni.example")
    door.add_co_host(grace)
    theirs = follow(sign_in(grace))
    until(theirs, lambda s: s["total"] == 0)
    with app.test_request_context():
        public_id, owner = db.session.get_one(User, grace).public_id, db.session.get_one(User, door.owner)
        hosts.remove_host(door.room(), public_id, owner)
        db.session.commit()
    assert closing_code(theirs) == 4401


def test_where_it_is_switched_off_the_socket_closes(door: Door, follow: Any) -> None:
    shown = follow(door.host)
    until(shown, lambda s: s["total"] == 0)
    door.host.patch(f"/api/rooms/{door.id}", json={"plugins": {"lobby": {"enabled": False}}})
    assert closing_code(shown) == 4401


@pytest.mark.parametrize("who", ["guest", "stranger", "another host"])
def test_the_socket_is_refused_before_the_handshake(
    app: Flask, door: Door, follow: Any, make_user: Any, sign_in: Any, who: str
) -> None:
    clients = {
        "guest": door.newcomer,
        "stranger": app.test_client,
        "another host": lambda: sign_in(make_user()),
    }
    with pytest.raises(websocket.WebSocketBadStatusException, match="403"):
        follow(clients[who]())


def test_another_pages_socket_is_refused(door: Door, follow: Any) -> None:
    with pytest.raises(websocket.WebSocketBadStatusException, match="403"):
        follow(door.host, origin="https://evil.example")


def test_plain_http_at_the_sockets_address_is_no_error_of_ours(door: Door) -> None:
    assert door.host.get(f"/api/rooms/{door.id}/lobby/live").status_code in (400, 426)


def test_a_fourth_socket_of_a_host_closes_the_oldest(door: Door, follow: Any) -> None:
    opened = [follow(door.host) for _ in range(3)]
    for one in opened:
        until(one, lambda s: True)
    until(follow(door.host), lambda s: True)
    assert closing_code(opened[0]) == 4408


def test_the_hosts_click_on_one_worker_wakes_a_guest_on_the_other(
    make_app: Callable[..., Flask], serve: Serve, door: Door
) -> None:
    """``serve`` is one process' app; the click comes through another that shares the database alone."""
    ann = wait(serve(), door)
    other = make_app("lobby")
    cookie = door.host.get_cookie("audimax", domain="localhost")
    assert cookie is not None
    chosen = door.id_of("Ann")
    other.config["SECRET_KEY"] = door.app.config["SECRET_KEY"]
    client = other.test_client()
    client.set_cookie("audimax", cookie.value, domain="localhost")
    answer = client.post(f"/api/rooms/{door.id}/lobby/decide", json={"ids": [chosen], "verdict": "admit"})
    assert answer.status_code == 200, answer.text
    assert ann.until("APPROVED")["token"]
