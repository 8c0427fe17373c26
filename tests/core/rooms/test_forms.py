from __future__ import annotations

import re

import pytest

from core.contracts import RoomUi
from core.db import db
from core.models import AuditEntry, RoomPlugin

RIGHT = {
    "title": "Graphs",
    "language": "en",
    "core.screen_share": "everyone",
    "core.participants_read_days": "0",
    "on:door": "on",
    "door.who": "strangers",
    "door.most": "7",
    "door.greeting": "Hello",
    "door.days": ["monday", "friday"],
    "door.names": "Bob\nGrace",
}


@pytest.fixture
def room(ada, make_room):
    return make_room(ada)


def text(answer):
    return re.sub(r"\s+", " ", answer.get_data(as_text=True))


def stored(app):
    with app.app_context():
        return [(row.plugin, row.enabled, row.guard, row.settings) for row in db.session.query(RoomPlugin)]


def test_the_form_shows_a_plugins_settings_and_keeps_what_is_chosen(app, host, room, add_plugin, queries):
    add_plugin()
    page = text(host.get(f"/rooms/{room[1]}/settings"))
    assert "Waiting room" in page and "Guests wait until a host lets them in." in page
    assert "door.key" not in page
    assert host.post(f"/rooms/{room[1]}/settings", data=RIGHT).status_code == 303
    kept = {"who": "strangers", "most": 7, "greeting": "Hello", "sound": False, "days": ["monday", "friday"],
            "names": ["Bob", "Grace"]}  # fmt: skip
    assert stored(app) == [("door", True, True, kept)]
    with queries(at_most=10):
        page = text(host.get(f"/rooms/{room[1]}/settings"))
    assert re.search(r'name="on:door" value="on" checked', page)
    assert 'value="7" min="1" max="500"' in page and '<option value="strangers" selected>' in page
    assert re.search(r'value="friday" checked', page) and "Bob Grace</textarea>" in page


def test_a_plugins_wrong_setting_is_explained_beside_its_field(app, host, room, add_plugin):
    add_plugin()
    wrong = {
        **RIGHT,
        "door.most": "many",
        "door.who": "nobody",
        "door.greeting": "x" * 81,
        "door.days": "sunday",
    }
    answer = host.post(f"/rooms/{room[1]}/settings", data=wrong)
    page = text(answer)
    assert answer.status_code == 422 and stored(app) == []
    assert "Please type a number from 1 to 500." in page
    assert page.count("Please choose one of these.") == 2 and "at most 80 characters" in page
    assert 'value="many"' in page


def test_switching_off_keeps_the_settings_for_later(app, host, room, add_plugin):
    add_plugin()
    host.post(f"/rooms/{room[1]}/settings", data=RIGHT)
    off = {name: value for name, value in RIGHT.items() if name != "on:door"}
    host.post(f"/rooms/{room[1]}/settings", data={**off, "door.most": "not even a number"})
    assert stored(app)[0][1] is False and stored(app)[0][3]["most"] == 7


def test_saving_without_a_change_leaves_no_trace(app, host, room, add_plugin):
    add_plugin()
    for _time in range(2):
        host.post(f"/rooms/{room[1]}/settings", data={**RIGHT, "title": "Algorithms II"})
    with app.app_context():
        assert [e.action for e in db.session.query(AuditEntry)] == ["room.plugin_on"]


def test_a_new_room_can_have_a_plugin_from_the_start(app, host, add_plugin):
    add_plugin()
    assert host.post("/rooms/new", data=RIGHT).status_code == 303
    assert stored(app)[0][:3] == ("door", True, True)


def test_the_api_switches_plugins_too(host, room, add_plugin):
    add_plugin()
    base = f"/api/rooms/{room[1]}"
    changed = host.patch(base, json={"plugins": {"door": {"enabled": True, "settings": {"most": 9}}}}).json
    assert changed["plugins"]["door"]["enabled"] is True
    assert (
        changed["plugins"]["door"]["settings"]["most"] == 9
        and "key" not in changed["plugins"]["door"]["settings"]
    )
    wrong = host.patch(base, json={"plugins": {"door": {"settings": {"most": 0}}}})
    assert wrong.status_code == 422
    assert host.get(base).json["plugins"]["door"]["settings"]["most"] == 9


def test_a_guard_that_is_gone_is_named_on_the_rooms_page(app, host, room, add_plugin):
    add_plugin()
    host.post(f"/rooms/{room[1]}/settings", data=RIGHT)
    del app.extensions["audimax_plugins"].loaded["door"]
    assert "this room is kept by door" in text(host.get(f"/rooms/{room[1]}"))
    assert host.get(f"/api/rooms/{room[1]}").json["missing_guards"] == ["door"]
    assert "this room is kept by door" in text(host.get(f"/r/{room[2]}"))
    assert "kept by door" not in text(app.test_client().get(f"/r/{room[2]}"))


def test_a_plugins_browser_part_is_in_the_rooms_page_while_it_is_on(host, room, add_plugin):
    add_plugin(
        room_ui=lambda room, viewer: [
            RoomUi(module="door.js", config={"role": viewer.role, "x": "</script>"})
        ]
    )
    before = host.get(f"/r/{room[2]}").get_data(as_text=True)
    assert '"plugins": []' in before
    host.post(f"/rooms/{room[1]}/settings", data=RIGHT)
    page = host.get(f"/r/{room[2]}").get_data(as_text=True)
    assert '"module": "/plugins/door/static/door.js"' in page
    assert f'"api": "/api/rooms/{room[1]}/door"' in page and '"role": "host"' in page
    assert page.count("</script>") == before.count("</script>")


def test_pages_inside_fetch_the_plugins_that_are_on_now_and_strangers_do_not(
    client, host, room, add_plugin, start_lecture
):
    add_plugin(room_ui=lambda room, viewer: [RoomUi(module="door.js", config={"role": viewer.role})])
    start_lecture(room[1])
    address = f"/api/rooms/{room[1]}/plugins"
    assert host.get(address).json == {"plugins": []}
    host.patch(f"/api/rooms/{room[1]}", json={"plugins": {"door": {"enabled": True}}})
    (entry,) = host.get(address).json["plugins"]
    assert (entry["id"], entry["api"], entry["config"]) == (
        "door",
        f"/api/rooms/{room[1]}/door",
        {"role": "host"},
    )
    assert client.get(address).status_code == 403


def test_a_plugin_that_fails_leaves_the_rooms_page_as_it_is(host, room, add_plugin):
    def fails(room, viewer):
        raise RuntimeError("boom")

    add_plugin(room_ui=fails)
    host.post(f"/rooms/{room[1]}/settings", data=RIGHT)
    assert host.get(f"/r/{room[2]}").status_code == 200
