"""The room form as JSON, for the call: the same groups, words and values as on the page."""

from __future__ import annotations

import pytest

from core.db import db
from core.models import AuditEntry


@pytest.fixture
def room(host):
    return host.post("/api/rooms", json={"title": "Algorithms II"}).json


@pytest.fixture
def form(host, room):
    """``form()`` reads the groups, by owner; of core's that of the room."""

    def read():
        groups = host.get(f"/api/rooms/{room['id']}/form").json["groups"]
        found = {}
        for group in groups:
            # An owner may have several: the first is what it is about.
            found.setdefault(group["owner"], group)
        return found

    return read


def test_it_says_all_that_the_page_says(form, add_plugin, queries):
    add_plugin()
    with queries(at_most=8):
        groups = form()
    core, door = groups["core"], groups["door"]
    assert "on" not in core and core["title"] == "In the room"
    screen = next(field for field in core["fields"] if field["name"] == "screen_share")
    assert (screen["kind"], screen["value"]) == ("choice", "everyone")
    assert screen["choices"][1] == {"value": "hosts", "label": "Hosts only"}
    assert (door["on"], door["title"]) == (False, "Waiting room")
    assert [(f["name"], f["kind"], f["value"]) for f in door["fields"]] == [
        ("who", "choice", "everyone"),
        ("most", "number", 20),
        ("greeting", "text", ""),
        ("sound", "switch", True),
        ("days", "choices", []),
        ("names", "list", []),
    ]
    most = door["fields"][1]
    assert (most["label"], most["minimum"], most["maximum"]) == ("How many may wait", 1, 500)


def test_what_is_saved_comes_back(host, room, form, add_plugin):
    add_plugin()
    wanted = {"enabled": True, "settings": {"most": "9", "days": ["friday"], "names": ["Bob", "Grace"]}}
    answer = host.patch(f"/api/rooms/{room['id']}", json={"plugins": {"door": wanted}})
    assert answer.status_code == 200
    values = {field["name"]: field["value"] for field in form()["door"]["fields"]}
    assert form()["door"]["on"] is True
    assert (values["most"], values["days"], values["names"]) == (9, ["friday"], ["Bob", "Grace"])


def test_every_wrong_setting_is_named_in_plain_words_and_nothing_is_kept(app, host, room, form, add_plugin):
    add_plugin()
    before = form()
    wrong = {
        "settings": {"screen_share": "hosts"},
        "plugins": {"door": {"enabled": True, "settings": {"greeting": "x" * 81, "most": "many"}}},
    }
    answer = host.patch(f"/api/rooms/{room['id']}", json=wrong)
    assert answer.status_code == 422
    assert answer.json["errors"] == [
        {"field": "plugins.door.settings.most", "message": "Please type a number from 1 to 500."},
        {"field": "plugins.door.settings.greeting", "message": "Please use at most 80 characters."},
    ]
    assert form() == before
    with app.app_context():
        assert [entry.action for entry in db.session.query(AuditEntry)] == ["room.create"]


def test_the_door_comes_before_what_goes_on_inside(host, room, form, add_plugin):
    for name, order in (("chat", 100), ("webinar", 40), ("lobby", 10), ("answers", 100)):
        add_plugin(name, order=order, title=name)
    assert list(form()) == ["core", "lobby", "webinar", "answers", "chat"]
    page = host.get(f"/rooms/{room['id']}/settings").get_data(as_text=True)
    places = [page.index(f'name="on:{name}"') for name in ("lobby", "webinar", "answers", "chat")]
    assert places == sorted(places)


def test_only_hosts_read_it(client, room, make_user, sign_in):
    address = f"/api/rooms/{room['id']}/form"
    assert client.get(address).status_code == 403
    assert sign_in(make_user("mallory@uni.example")).get(address).status_code == 403
    assert sign_in(make_user("root@uni.example", is_admin=True)).get(address).status_code == 403
