from __future__ import annotations

import json
from datetime import timedelta

import pytest
import websocket

from core.db import db, now
from core.lectures.lectures import live_in
from core.lectures.models import Lecture, Participant
from core.people import accounts
from core.people.models import User
from core.rooms import hosts, rooms
from core.rooms.models import Room
from tests.fixtures.livekit import until

ORIGIN = "http://localhost:8000"
SECONDS = 15


@pytest.fixture
def room(ada, make_room):
    return make_room(ada)


@pytest.fixture
def open_socket(app, serve, sign_in):
    """``open_socket(user)`` is that user's dashboard."""
    made = []

    def open_one(user=None, origin=ORIGIN, **headers):
        client = sign_in(user) if user else app.test_client()
        cookie = client.get_cookie("audimax", domain="localhost")
        url = serve().url.replace("http", "ws") + "/ws/dashboard"
        socket = websocket.create_connection(
            url,
            timeout=SECONDS,
            origin=origin,
            host="localhost:8000",
            cookie=f"audimax={cookie.value}" if cookie else None,
            header=[f"{name.replace('_', '-')}: {value}" for name, value in headers.items()],
        )
        made.append(socket)
        return socket

    yield open_one
    for socket in made:
        socket.close()
    with app.app_context():
        app.extensions["audimax_sockets"].close()


def live(socket):
    return json.loads(socket.recv())["live"]


def closing_code(socket):
    while True:
        kind, data = socket.recv_data(control_frame=True)
        if kind == websocket.ABNF.OPCODE_CLOSE:
            return int.from_bytes(data[:2], "big")


def start(app, room_key, people=0):
    with app.app_context():
        room = db.session.get(Room, room_key)
        lecture = Lecture(room_id=room.id, title=room.title)
        db.session.add(lecture)
        db.session.flush()
        for number in range(people):
            db.session.add(Participant(lecture_id=lecture.id, name=f"P{number}", present_since=now()))
        hosts.tell_hosts(room.id)
        db.session.commit()


def end(app, room_key):
    with app.app_context():
        room = db.session.get(Room, room_key)
        live_in(room).ended_at = now() + timedelta(seconds=1)
        hosts.tell_hosts(room.id)
        db.session.commit()


def test_a_start_and_an_end_reach_the_open_dashboard(app, ada, room, open_socket):
    socket = open_socket(ada)
    assert live(socket) == []
    start(app, room[0], people=42)
    shown = live(socket)
    assert [(one["id"], one["people"]) for one in shown] == [(room[1], "42 people")]
    end(app, room[0])
    assert live(socket) == []


def test_a_co_host_sees_it_and_another_host_does_not(app, ada, room, make_user, open_socket):
    grace, mallory = make_user("grace@uni.example"), make_user("mallory@uni.example")
    with app.test_request_context():
        hosts.add_host(db.session.get(Room, room[0]), "grace@uni.example", db.session.get(User, ada))
        db.session.commit()
    theirs, others = open_socket(grace), open_socket(mallory)
    assert live(theirs) == [] and live(others) == []
    start(app, room[0])
    assert len(live(theirs)) == 1
    with app.app_context():
        assert rooms.live_cards(mallory) == []


def test_signing_out_everywhere_closes_an_open_dashboard(app, ada, room, open_socket):
    socket = open_socket(ada)
    live(socket)
    with app.test_request_context():
        accounts.end_sessions(db.session.get(User, ada))
        db.session.commit()
    assert closing_code(socket) == 4401


def test_a_stranger_is_closed_at_once(open_socket):
    assert closing_code(open_socket()) == 4401


@pytest.mark.parametrize(
    "origin", ["http://evil.example", "http://localhost:8001", "https://localhost:8000", "null"]
)
def test_another_pages_socket_is_refused(ada, open_socket, origin):
    with pytest.raises(websocket.WebSocketBadStatusException, match="403"):
        open_socket(ada, origin=origin)


def test_a_sibling_hosts_socket_is_refused(ada, open_socket):
    with pytest.raises(websocket.WebSocketBadStatusException, match="403"):
        open_socket(ada, Sec_Fetch_Site="same-site")


def test_a_fourth_dashboard_closes_the_oldest(ada, open_socket):
    opened = []
    for _number in range(4):
        opened.append(open_socket(ada))
        assert live(opened[-1]) == []
    assert closing_code(opened[0]) == 4408


def test_sockets_hold_no_database_connection(app, ada, open_socket):
    sockets = [open_socket(ada) for _ in range(3)]
    assert [live(socket) for socket in sockets] == [[], [], []]
    with app.app_context():
        pool = db.engine.pool
        # What a socket has just asked for is given back after it has been sent.
        until(lambda: pool.checkedout() == 0, what="no socket holds a connection")


def test_plain_http_at_the_sockets_address_is_no_error_of_ours(client):
    assert client.get("/ws/dashboard").status_code in (400, 404, 426)
