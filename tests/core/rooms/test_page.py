from __future__ import annotations

import json
import re

import pytest


@pytest.fixture
def room(ada, make_room):
    return make_room(ada, "</script><b>Graphs")


def config_of(answer):
    assert answer.status_code == 200
    found = re.search(r'id="room-config">(.*?)</script>', answer.get_data(as_text=True), re.DOTALL)
    return json.loads(found[1])


def test_a_stranger_gets_the_room_with_no_role(client, room, queries):
    _key, public_id, code = room
    with queries(at_most=6):
        answer = client.get(f"/r/{code}")
    config = config_of(answer)
    assert answer.headers["Cache-Control"] == "no-store"
    assert config["room"] == {
        "id": public_id,
        "title": "</script><b>Graphs",
        "code": code,
        "link": f"http://localhost:8000/r/{code}",
        "live": False,
        "shut": "",
    }
    assert config["me"] == {"signed_in": False, "name": "", "role": "stranger", "known": False}
    assert config["api"]["base"] == f"/api/rooms/{public_id}"
    assert config["settings"]["screen_share"] == "everyone"
    assert "<b>Graphs" not in answer.get_data(as_text=True)


def test_the_host_is_the_host(ada, room, sign_in, start_lecture):
    start_lecture(room[1])
    config = config_of(sign_in(ada).get(f"/r/{room[2]}"))
    assert config["room"]["live"] is True
    assert config["me"] == {"signed_in": True, "name": "Ada Lovelace", "role": "host", "known": True}


def test_another_host_is_a_stranger_here(room, make_user, sign_in):
    config = config_of(sign_in(make_user("b@uni.example", name="Bob")).get(f"/r/{room[2]}"))
    assert config["me"]["role"] == "stranger" and config["me"]["name"] == "Bob"


def test_a_code_in_another_form_is_led_to_the_rooms_address(client, room):
    code = room[2]
    for typed in (code.upper(), code.replace("-", ""), code.replace("-", "%20")):
        assert client.get(f"/r/{typed}").location == f"/r/{code}"
    assert (
        client.get("/r", query_string={"code": f"http://localhost:8000/r/{code.upper()}"}).location
        == f"/r/{code}"
    )


@pytest.mark.parametrize("code", ["aaa-aaaa-aa", "nonsense", "x" * 5000, "%3Cb%3E"])
def test_a_wrong_code_meets_friendly_words_and_a_box(client, code):
    answer = client.get(f"/r/{code}")
    page = answer.get_data(as_text=True)
    assert answer.status_code == 404
    assert "This link leads nowhere" in page and 'name="code"' in page and "<b>" not in page


def test_a_typing_mistake_in_the_box_is_explained(client):
    answer = client.get("/r?code=abc")
    assert answer.status_code == 422
    assert "A code looks like kxf-pmua-wz" in answer.get_data(as_text=True)


def test_an_archived_room_says_so_and_lets_its_host_open_it(ada, room, client, sign_in):
    host = sign_in(ada)
    host.post(f"/rooms/{room[1]}/archive")
    answer = client.get(f"/r/{room[2]}")
    assert answer.status_code == 403
    assert "This room is closed" in answer.get_data(as_text=True)
    assert "unarchive" not in answer.get_data(as_text=True)
    assert "unarchive" in host.get(f"/r/{room[2]}").get_data(as_text=True)
    host.post(f"/rooms/{room[1]}/unarchive")
    assert client.get(f"/r/{room[2]}").status_code == 200


def test_a_deleted_room_leads_nowhere(ada, room, client, sign_in):
    sign_in(ada).post(f"/rooms/{room[1]}/delete")
    assert client.get(f"/r/{room[2]}").status_code == 404
