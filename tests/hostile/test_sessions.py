"""Sessions that were planted, ended or made smaller while a page, a stream or a call was open."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import sqlalchemy as sa
import websocket
from flask import Flask
from flask.testing import FlaskClient

from core.db import db
from core.lectures.models import Participant
from core.livekit.gate import may_connect
from core.livekit.tokens import join_token
from core.people import accounts
from core.people.models import User
from core.people.passwords import hash_password
from core.rooms import hosts, rooms
from core.rooms.models import Room
from tests.conftest import ORIGIN
from tests.hostile.conftest import PASSWORD, World

SECONDS = 20


@pytest.fixture
def dashboard(app: Flask, serve: Any) -> Iterator[Callable[[FlaskClient], websocket.WebSocket]]:
    """``dashboard(client)`` is that client's open dashboard."""
    made: list[websocket.WebSocket] = []

    def open_one(client: FlaskClient) -> websocket.WebSocket:
        cookie = client.get_cookie("audimax", domain="localhost")
        assert cookie is not None
        url = serve().url.replace("http", "ws") + "/ws/dashboard"
        made.append(
            websocket.create_connection(
                url, timeout=SECONDS, origin=ORIGIN, host="localhost:8000", cookie=f"audimax={cookie.value}"
            )
        )
        return made[-1]

    yield open_one
    for socket in made:
        socket.close()
    with app.app_context():
        app.extensions["audimax_sockets"].close()


def shown(socket: websocket.WebSocket) -> list[str]:
    return [room["title"] for room in json.loads(socket.recv())["live"]]


def closing_code(socket: websocket.WebSocket) -> int:
    while True:
        kind, data = socket.recv_data(control_frame=True)
        if kind == websocket.ABNF.OPCODE_CLOSE:
            return int.from_bytes(data[:2], "big")


def change(app: Flask, work: Callable[[], Any]) -> None:
    with app.test_request_context(headers={"Host": "localhost:8000"}):
        work()
        db.session.commit()


def user(key: int) -> User:
    return db.session.get_one(User, key)


# --- planted --------------------------------------------------------------------------


def test_a_planted_session_is_not_the_one_that_signs_in(world: World, make_user: Any) -> None:
    make_user("eve@uni.example", password_hash=hash_password(PASSWORD))
    attacker, victim = world.ours.guest, world.nobody()
    attacker.get("/sign-in")
    planted = attacker.get_cookie("audimax-guest", domain="localhost")
    victim.set_cookie("audimax-guest", planted.value, domain="localhost")
    assert victim.post("/sign-in", data={"email": "eve@uni.example", "password": PASSWORD}).location == "/"
    assert victim.get_cookie("audimax-guest", domain="localhost").value != planted.value
    assert attacker.get("/account").location.startswith("/sign-in")
    assert '"role": "stranger"' in attacker.get(f"/r/{world.ours.code}").text


def test_a_session_of_one_account_is_none_of_another_with_its_number(world: World) -> None:
    with world.app.app_context():
        ours = user(world.ours.owner).get_id()
    public_id, _dot, version = ours.rpartition(".")
    for made_up in (
        f"{public_id}.{int(version) + 1}",
        f"{public_id}.",
        public_id,
        f".{version}",
        "1.1",
        "None.None",
    ):
        client = world.nobody()
        with client.session_transaction(base_url=ORIGIN) as session:
            session["_user_id"] = made_up
        assert client.get("/account").location.startswith("/sign-in"), made_up


def test_a_session_signed_with_another_key_is_nobody(world: World, make_app: Any) -> None:
    other = make_app(secret_key="another-secret-key-of-more-than-32-letters")
    client = other.test_client()
    with world.app.app_context():
        identifier = user(world.ours.owner).get_id()
    with client.session_transaction(base_url=ORIGIN) as session:
        session["_user_id"] = identifier
    stolen = client.get_cookie("audimax", domain="localhost").value
    victim = world.nobody()
    victim.set_cookie("audimax", stolen, domain="localhost")
    assert victim.get("/account").location.startswith("/sign-in")


# --- ended ----------------------------------------------------------------------------


def test_a_disabled_account_loses_page_api_dashboard_and_gate(world: World, dashboard: Any) -> None:
    us = world.ours
    token = us.host.post(f"/api/rooms/{us.id}/token").json
    socket = dashboard(us.host)
    assert shown(socket) == ["Room of Ada"]
    change(world.app, lambda: accounts.disable(user(us.owner)))
    assert closing_code(socket) == 4401
    assert us.host.get("/account").location.startswith("/sign-in")
    assert us.host.get("/api/rooms").status_code == 401
    assert us.host.post(f"/api/rooms/{us.id}/token").status_code == 403
    with world.app.app_context():
        assert may_connect(us.lecture, token["identity"]) is None


def test_a_demoted_co_host_loses_the_room_at_once(world: World, dashboard: Any, sign_in: Any) -> None:
    us, grace = world.ours, sign_in(world.ours.co_host)
    identity = grace.post(f"/api/rooms/{us.id}/token").json["identity"]
    us.host.patch(f"/api/rooms/{us.id}", json={"settings": {"screen_share": "hosts"}})
    socket = dashboard(grace)
    assert shown(socket) == ["Room of Ada"]
    assert us.host.delete(f"/api/rooms/{us.id}/hosts/{us.co_host_id}").status_code == 204
    assert shown(socket) == []
    for method, path in (
        ("GET", ""),
        ("PATCH", ""),
        ("POST", "/end"),
        ("POST", "/token"),
        ("POST", "/start"),
    ):
        assert grace.open(f"/api/rooms/{us.id}{path}", method=method, json={}).status_code == 403
    assert grace.get(f"/rooms/{us.id}").status_code == 404
    with world.app.app_context():
        row = db.session.scalars(sa.select(Participant).where(Participant.identity == identity)).one()
        assert (row.role, row.screen) == ("guest", False), "the gate hands out a guest's rights"
        assert join_token(row.lecture, row)
    joined = grace.post(f"/api/rooms/{us.id}/join", json={"name": "Grace"}).json
    assert (joined["role"], joined["identity"]) == ("guest", identity)


def test_a_demoted_admin_loses_the_admins_pages_at_once(world: World) -> None:
    assert world.admin.get("/admin/people/invitations").status_code == 200
    with world.app.app_context():
        db.session.execute(sa.update(User).values(is_admin=False))
        db.session.commit()
    assert world.admin.get("/admin/people/invitations").status_code == 403
    assert world.admin.get(f"/api/rooms/{world.ours.id}").status_code == 403


def test_a_deleted_room_leaves_the_open_dashboard(world: World, dashboard: Any) -> None:
    us = world.ours
    socket = dashboard(us.host)
    assert shown(socket) == ["Room of Ada"]
    us.host.post(f"/api/rooms/{us.id}/end")
    assert shown(socket) == []
    change(world.app, lambda: rooms.delete(db.session.get_one(Room, us.room), user(us.owner)))
    assert us.host.get(f"/api/rooms/{us.id}").status_code == 404


# --- too many -------------------------------------------------------------------------


def test_ten_streams_that_open_at_once_leave_three(world: World, serve: Any) -> None:
    us = world.ours
    us.host.post(f"/api/rooms/{us.id}/end")
    guest = serve()
    assert guest.post(f"/api/rooms/{us.id}/join", {"name": "Eve"}).status_code == 202
    streams = [guest.listen(f"/api/rooms/{us.id}/stream") for _ in range(10)]
    for old in streams[:7]:
        assert old.until("CLOSED") == {"reason": "elsewhere"}
    with world.app.app_context():
        hall = world.app.extensions["audimax_halls"].open[us.room]
    assert all(stream.until("WAITING") for stream in streams[7:])
    assert sum(map(len, hall.streams.values())) >= 3


def test_who_has_an_account_is_not_found_out_by_naming_co_hosts(world: World) -> None:
    us = world.ours
    answers = [
        us.host.post(f"/rooms/{us.id}/hosts", data={"email": f"someone{n}@uni.example"}) for n in range(31)
    ]
    assert "Too many tries" in answers[-1].text
    with world.app.app_context():
        assert len(hosts.co_hosts(db.session.get_one(Room, us.room))) == 1


def test_unknown_codes_at_speed_are_told_to_wait(world: World) -> None:
    client = world.nobody()
    found = [client.get(f"/api/rooms/by-code/{'abcdefgh'[n % 8] * 9}") for n in range(130)]
    assert {answer.status_code for answer in found[:120]} == {404}
    assert {answer.status_code for answer in found[120:]} == {429}
    assert int(found[-1].headers["Retry-After"]) >= 1
    assert client.get("/r/aaa-aaaa-ab").status_code == 429
    assert world.ours.guest.get(f"/r/{world.ours.code}").status_code == 200
