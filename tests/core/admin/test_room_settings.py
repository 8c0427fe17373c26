"""What the institution says about the settings of all rooms, and what hosts may still change."""

from __future__ import annotations

import html
import re
from collections.abc import Callable
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask
from flask.testing import FlaskClient

from core.db import db
from core.engine import room_plugins
from core.engine.house import SWITCH, House
from core.errors import Refusal
from core.lectures.access import days_of_reading
from core.models import RoomPlugin, Setting, SettingChange
from core.rooms.forms import locked_names
from core.rooms.models import Room
from core.rooms.settings import RoomSettings, is_set, rule, settings_of
from tests.core.rooms.conftest import DoorSettings, add_plugin

__all__ = ["add_plugin"]

PAGE = "/admin/room-settings"


def shown(page: FlaskClient, owner: str) -> dict[str, str]:
    """What a group's hidden fields say that was shown, by the names of the boxes."""
    found = re.findall(rf'name="was\.(room\.{owner}\.[^"]+)" value="([^"]*)">', page.get(PAGE).text)
    return {name: html.unescape(value) for name, value in found}


def form_of(page: FlaskClient, owner: str, **typed: str) -> dict[str, str]:
    """A group's form as a browser sends it, with some boxes changed: ``screen_share="hosts"``."""
    was = shown(page, owner)
    changed = {
        f"room.{owner}.{name.replace('__', '.').replace('on_off', SWITCH)}": v for name, v in typed.items()
    }
    assert changed.keys() <= was.keys()
    sent = {name: value for name, value in {**was, **changed}.items() if value}
    return {**sent, **{f"was.{name}": value for name, value in was.items()}}


def save(page: FlaskClient, owner: str, **typed: str) -> Any:
    answer = page.post(f"{PAGE}/{owner}", data=form_of(page, owner, **typed))
    assert answer.status_code == 303, answer.text
    return answer


def reset(page: FlaskClient, owner: str, name: str) -> None:
    given = {**form_of(page, owner), "reset": f"room.{owner}.{name}"}
    assert page.post(f"{PAGE}/{owner}", data=given).status_code == 303


@pytest.fixture
def host(ada: int, sign_in: Callable[..., FlaskClient]) -> FlaskClient:
    return sign_in(ada)


@pytest.fixture
def room(ada: int, make_room: Any) -> tuple[int, str, str]:
    found: tuple[int, str, str] = make_room(ada)
    return found


@pytest.fixture
def held(app: Flask, room: Any) -> Callable[..., Any]:
    """``held()`` are core's settings of the room, ``held("door")`` whether that is on, and its settings."""

    def look(plugin: str = "") -> Any:
        with app.test_request_context():
            found = db.session.get_one(Room, room[0])
            if not plugin:
                return settings_of(found)
            return room_plugins.is_enabled_in(found, plugin), room_plugins.room_settings(found, DoorSettings)

    return look


@pytest.fixture
def missing(app: Flask, room: Any) -> Callable[[], tuple[str, ...]]:
    def look() -> tuple[str, ...]:
        with app.test_request_context():
            return room_plugins.missing_guards(db.session.get_one(Room, room[0]))

    return look


# --- what holds -----------------------------------------------------------------------


def test_a_locked_value_comes_first_then_the_rooms_then_the_default() -> None:
    said = House({"a": 1, "b": 2}, frozenset({"a"}))
    assert said.over({}) == {"a": 1, "b": 2}
    assert said.over({"a": 7, "b": 8, "c": 9}) == {"a": 1, "b": 8, "c": 9}
    assert House().is_on(None, True) and not House().is_on(False, True)
    assert House(on=True).is_on(None, False) and not House(on=True).is_on(False, False)
    assert House(on=True, locked=frozenset({SWITCH})).is_on(False, False)
    assert not House(on=False, locked=frozenset({SWITCH})).is_on(True, True)


def test_a_default_holds_where_hosts_have_set_nothing_else(
    boss: FlaskClient, host: FlaskClient, room: Any, held: Any
) -> None:
    save(boss, "core", screen_share="hosts", camera_on_entry="on")
    assert (held().screen_share, held().camera_on_entry) == ("hosts", True)
    host.patch(f"/api/rooms/{room[1]}", json={"settings": {"screen_share": "everyone"}})
    assert (held().screen_share, held().camera_on_entry) == ("everyone", True)
    reset(boss, "core", "camera_on_entry")
    assert (held().screen_share, held().camera_on_entry) == ("everyone", False)


def test_what_is_locked_holds_in_every_room_and_unlocking_brings_the_rooms_own_back(
    boss: FlaskClient, host: FlaskClient, room: Any, held: Any
) -> None:
    host.patch(f"/api/rooms/{room[1]}", json={"settings": {"screen_share": "everyone"}})
    save(boss, "core", screen_share="hosts", screen_share__may="")
    assert held().screen_share == "hosts"
    save(boss, "core", screen_share__may="on")
    assert held().screen_share == "everyone"


def test_a_new_room_begins_with_the_institutions_defaults(
    app: Flask, boss: FlaskClient, host: FlaskClient, add_plugin: Any
) -> None:
    add_plugin()
    save(boss, "core", camera_on_entry="on")
    save(boss, "door", on_off="on", most="77")
    page = host.get("/rooms/new").text
    assert re.search(r'name="core.camera_on_entry" value="on" checked', page)
    assert re.search(r'name="on:door" value="on" checked', page) and 'value="77"' in page
    made = host.post("/api/rooms", json={"title": "Graphs"}).json
    assert made["settings"]["camera_on_entry"] is True
    assert made["plugins"]["door"]["enabled"] and made["plugins"]["door"]["settings"]["most"] == 77


def test_a_form_that_is_saved_unchanged_sets_nothing_of_its_own(
    boss: FlaskClient, host: FlaskClient, room: Any, held: Any
) -> None:
    given = {"title": "Algorithms II", "language": "en", "core.screen_share": "everyone"}
    assert host.post(f"/rooms/{room[1]}/settings", data=given).status_code == 303
    save(boss, "core", screen_share="hosts")
    assert held().screen_share == "hosts"


@pytest.mark.parametrize("own", [None, True, False])
@pytest.mark.parametrize("said", [None, (True, False), (False, False), (True, True), (False, True)])
@pytest.mark.parametrize("name", ["participants_read", "share_links"])
def test_queries_say_what_holds_in_a_room(app: Flask, room: Any, name: str, said: Any, own: Any) -> None:
    with app.app_context():
        db.session.get_one(Room, room[0]).settings = {} if own is None else {name: own}
        if said is not None:
            value = {"value": said[0], "locked": said[1]}
            db.session.add(Setting(scope="room.core", name=name, value=value))
        db.session.commit()
        app.extensions["audimax_standing"].refresh()
        asked = db.session.scalar(sa.select(is_set(name, rule(name))).select_from(Room))
        assert asked is getattr(settings_of(db.session.get_one(Room, room[0])), name)


@pytest.mark.parametrize("own", [None, 0, 7, "many", 10**9])
@pytest.mark.parametrize("said", [None, (5, False), (5, True)])
def test_queries_say_for_how_many_days_participants_read(app: Flask, room: Any, said: Any, own: Any) -> None:
    name = "participants_read_days"
    with app.app_context():
        db.session.get_one(Room, room[0]).settings = {} if own is None else {name: own}
        if said is not None:
            value = {"value": said[0], "locked": said[1]}
            db.session.add(Setting(scope="room.core", name=name, value=value))
        db.session.commit()
        app.extensions["audimax_standing"].refresh()
        asked = db.session.scalar(sa.select(days_of_reading(rule(name))).select_from(Room))
        assert asked == settings_of(db.session.get_one(Room, room[0])).participants_read_days


# --- hosts ----------------------------------------------------------------------------


def test_a_host_cannot_change_what_is_locked_by_any_way(
    boss: FlaskClient, host: FlaskClient, room: Any, held: Any, make_user: Any, sign_in: Any
) -> None:
    save(boss, "core", screen_share="hosts", screen_share__may="")
    co_host = sign_in(make_user("bob@uni.example"))
    host.post(f"/api/rooms/{room[1]}/hosts", json={"email": "bob@uni.example"})
    for client in (host, co_host):
        answer = client.patch(f"/api/rooms/{room[1]}", json={"settings": {"screen_share": "everyone"}})
        assert (answer.status_code, answer.json["code"]) == (403, "locked")
        assert "Your institution has set this: Who may share the screen." in answer.json["detail"]
        given = {"title": "Other", "language": "en", "core.screen_share": "everyone"}
        answer = client.post(f"/rooms/{room[1]}/settings", data=given)
        assert answer.status_code == 403 and "Your institution has set this" in answer.text
    assert held().screen_share == "hosts"
    assert host.get(f"/api/rooms/{room[1]}").json["title"] == "Algorithms II"


def test_the_locked_value_itself_is_taken_and_not_stored(
    app: Flask, boss: FlaskClient, host: FlaskClient, room: Any
) -> None:
    save(boss, "core", screen_share="hosts", screen_share__may="")
    answer = host.patch(f"/api/rooms/{room[1]}", json={"settings": {"screen_share": "hosts"}})
    assert answer.status_code == 200 and answer.json["locked"] == ["settings.screen_share"]
    with app.app_context():
        assert db.session.get_one(Room, room[0]).settings == {}


def test_the_rooms_form_shows_what_is_locked_and_is_right_without_it(
    boss: FlaskClient, host: FlaskClient, room: Any, held: Any, add_plugin: Any
) -> None:
    add_plugin()
    save(boss, "core", microphone_on_entry="on", microphone_on_entry__may="")
    save(boss, "door", on_off="on", on_off__may="", sound__may="", most__may="")
    page = host.get(f"/rooms/{room[1]}/settings").text
    assert page.count("Set by your institution.") == 4
    assert re.search(r'name="core.microphone_on_entry" value="on" checked[^>]* disabled', page)
    assert re.search(r'name="on:door" value="on" checked[^>]* disabled', page)
    given = {"title": "", "language": "en", "door.greeting": "Hello"}
    wrong = host.post(f"/rooms/{room[1]}/settings", data=given)
    assert wrong.status_code == 422
    assert re.search(r'name="on:door" value="on" checked[^>]* disabled', wrong.text)
    saved = host.post(f"/rooms/{room[1]}/settings", data={**given, "title": "Graphs"})
    assert saved.status_code == 303
    on, settings = held("door")
    assert (on, settings.greeting, settings.sound, settings.most) == (True, "Hello", True, 20)
    assert held().microphone_on_entry


def test_a_plugin_that_is_locked_cannot_be_switched(
    boss: FlaskClient, host: FlaskClient, room: Any, held: Any, add_plugin: Any
) -> None:
    add_plugin()
    save(boss, "door", on_off="on", on_off__may="")
    off = host.patch(f"/api/rooms/{room[1]}", json={"plugins": {"door": {"enabled": False}}})
    assert (off.status_code, off.json["code"]) == (403, "locked")
    save(boss, "door", on_off="")
    wanted = {"on:door": "on", "title": "Graphs", "language": "en"}
    assert host.post(f"/rooms/{room[1]}/settings", data=wanted).status_code == 403
    assert held("door")[0] is False


def test_a_locked_setting_of_a_plugin_stays_as_the_room_had_it(
    app: Flask, boss: FlaskClient, host: FlaskClient, room: Any, held: Any, add_plugin: Any
) -> None:
    add_plugin()
    address = f"/api/rooms/{room[1]}"
    host.patch(address, json={"plugins": {"door": {"enabled": True, "settings": {"most": 9}}}})
    save(boss, "door", most="50", most__may="")
    refused = host.patch(address, json={"plugins": {"door": {"settings": {"most": 9}}}})
    assert (refused.status_code, refused.json["code"]) == (403, "locked")
    taken = host.patch(address, json={"plugins": {"door": {"settings": {"most": "50", "greeting": "Hi"}}}})
    assert taken.status_code == 200
    assert (held("door")[1].most, held("door")[1].greeting) == (50, "Hi")
    with app.app_context():
        assert db.session.scalars(sa.select(RoomPlugin.settings)).one() == {"most": 9, "greeting": "Hi"}
    reset(boss, "door", "most")
    assert held("door")[1].most == 9


def test_the_call_is_told_what_is_locked(
    boss: FlaskClient, host: FlaskClient, room: Any, add_plugin: Any
) -> None:
    add_plugin()
    save(boss, "core", screen_share__may="")
    save(boss, "door", on_off__may="", days="monday", days__may="")
    groups = host.get(f"/api/rooms/{room[1]}/form").json["groups"]
    locked = {f"{group['owner']}.{f['name']}" for group in groups for f in group["fields"] if f["locked"]}
    assert locked == {"core.screen_share", "door.days"}
    assert [group["on_locked"] for group in groups if group["owner"] == "door"] == [True]
    named = ["settings.screen_share", "plugins.door.enabled", "plugins.door.settings.days"]
    assert host.get(f"/api/rooms/{room[1]}").json["locked"] == named


# --- guards ---------------------------------------------------------------------------


def test_a_guard_that_is_locked_on_keeps_every_door_shut_when_it_is_gone(
    app: Flask, boss: FlaskClient, host: FlaskClient, room: Any, missing: Any, add_plugin: Any
) -> None:
    add_plugin()
    host.patch(f"/api/rooms/{room[1]}", json={"plugins": {"door": {"enabled": False}}})
    save(boss, "door", on_off="on", on_off__may="")
    assert missing() == ()
    del app.extensions["audimax_plugins"].loaded["door"]
    assert missing() == ("door",)
    made = host.post("/api/rooms", json={"title": "Graphs"}).json
    assert made["missing_guards"] == ["door"]
    with app.app_context(), pytest.raises(Refusal) as error:
        room_plugins.switch(db.session.get_one(Room, room[0]), "door", False)
    assert error.value.code == "locked"
    with app.app_context():
        room_plugins.release_guard("door")
        db.session.commit()
        app.extensions["audimax_standing"].wake()
    assert missing() == ()
    assert host.get(f"/api/rooms/{made['id']}").json["missing_guards"] == []


def test_a_guard_that_is_on_by_the_institutions_default_keeps_the_door_shut_too(
    app: Flask, boss: FlaskClient, host: FlaskClient, room: Any, missing: Any, add_plugin: Any
) -> None:
    add_plugin()
    off = host.post("/api/rooms", json={"title": "Graphs"}).json
    host.patch(f"/api/rooms/{off['id']}", json={"plugins": {"door": {"enabled": False}}})
    save(boss, "door", on_off="on")
    del app.extensions["audimax_plugins"].loaded["door"]
    assert missing() == ("door",)
    assert host.get(f"/api/rooms/{off['id']}").json["missing_guards"] == []


def test_while_nothing_could_be_read_yet_no_door_is_judged(
    app: Flask, room: Any, missing: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from core.engine import standing

    def away() -> Any:
        raise sa.exc.OperationalError("SELECT 1", {}, Exception("away"))

    app.extensions["audimax_standing"] = standing.Standing({})
    monkeypatch.setattr(standing, "_rows", away)
    with pytest.raises(Refusal) as error:
        missing()
    assert error.value.status == 503


# --- admins ---------------------------------------------------------------------------


def test_every_change_is_written_down_and_can_be_undone(
    app: Flask, boss: FlaskClient, held: Any, audited: Any
) -> None:
    save(boss, "core", screen_share="hosts", screen_share__may="")
    assert audited() == [("setting.change", "room.core.screen_share")]
    assert re.search(r"Set here by Grace Hopper, [^<]+\. Default: Everyone\.", boss.get(PAGE).text)
    history = boss.get("/admin/settings/history").text
    assert "Who may share the screen" in history and "Hosts only (hosts can’t change it)" in history
    with app.app_context():
        change = db.session.scalars(sa.select(SettingChange.public_id)).one()
    assert boss.post(f"/admin/settings/history/{change}/undo").status_code == 303
    assert held().screen_share == "everyone"
    with app.app_context():
        assert db.session.scalars(sa.select(Setting)).all() == []


def test_what_was_saved_unchanged_stays_the_default(app: Flask, boss: FlaskClient, add_plugin: Any) -> None:
    add_plugin()
    for owner in ("core", "door"):
        save(boss, owner)
    with app.app_context():
        assert db.session.scalars(sa.select(SettingChange)).all() == []


def test_the_second_of_two_hears_what_the_first_has_set(
    app: Flask, boss: FlaskClient, admin: int, sign_in: Any, held: Any
) -> None:
    def locked() -> list[str]:
        with app.app_context():
            return locked_names()

    late = form_of(boss, "core", screen_share="hosts")
    save(sign_in(admin), "core", screen_share__may="")
    save(boss, "core", camera_on_entry="on")
    answer = boss.post(f"{PAGE}/core", data={**late, "room.core.screen_share.may": ""})
    # One has locked it, the other has set the value: both hold.
    assert answer.status_code == 303 and held().screen_share == "hosts"
    assert "settings.screen_share" in locked()
    first = form_of(boss, "core", participants_read="on")
    save(sign_in(admin), "core", participants_read="on", participants_read__may="")
    clash = boss.post(f"{PAGE}/core", data={**first, "room.core.participants_read_days": "7"})
    assert clash.status_code == 303 and held().participants_read_days == 7
    old = form_of(boss, "core", participants_read_days="9")
    save(sign_in(admin), "core", participants_read_days="8")
    answer = boss.post(f"{PAGE}/core", data=old)
    assert answer.status_code == 409 and "Grace Hopper has changed this meanwhile, to: 8." in answer.text
    assert held().participants_read_days == 8


def test_a_wrong_value_is_told_beside_its_box_and_nothing_is_saved(
    app: Flask, boss: FlaskClient, add_plugin: Any
) -> None:
    add_plugin()
    typed = form_of(boss, "door", most="0", greeting="Hello")
    answer = boss.post(f"{PAGE}/door", data=typed)
    assert answer.status_code == 422 and "Please type a number from 1 to 500." in answer.text
    assert 'value="Hello"' in answer.text
    with app.app_context():
        assert db.session.scalars(sa.select(Setting)).all() == []


def test_secrets_days_and_what_is_the_owners_are_not_on_the_page(boss: FlaskClient, add_plugin: Any) -> None:
    add_plugin()
    names = {*shown(boss, "core"), *shown(boss, "door")}
    assert "room.door.key" not in names and not [name for name in names if "keep_" in name]


def test_only_admins_see_and_change_it(app: Flask, boss: FlaskClient, host: FlaskClient, client: Any) -> None:
    given = form_of(boss, "core", screen_share="hosts")
    assert (host.get(PAGE).status_code, host.post(f"{PAGE}/core", data=given).status_code) == (403, 403)
    assert client.get(PAGE).status_code != 200 and client.post(f"{PAGE}/core", data=given).status_code != 200
    assert boss.post(f"{PAGE}/nobody", data={}).status_code == 404
    assert (
        boss.post(f"{PAGE}/core", data=given, headers={"Origin": "https://evil.example"}).status_code == 403
    )
    with app.app_context():
        assert db.session.scalars(sa.select(Setting)).all() == []


def test_another_process_hears_of_it(app: Flask, boss: FlaskClient, room: Any, make_app: Any) -> None:
    other = make_app()

    def there() -> RoomSettings:
        with other.app_context():
            return settings_of(db.session.get_one(Room, room[0]))

    assert there().screen_share == "everyone"
    save(boss, "core", screen_share="hosts", screen_share__may="")
    other.extensions["audimax_standing"].wake()
    assert there().screen_share == "hosts"


def test_a_job_settles_those_who_are_inside(app: Flask, boss: FlaskClient) -> None:
    save(boss, "core", screen_share="hosts")
    with app.app_context():
        names = db.session.scalars(sa.text("SELECT task_name FROM procrastinate_jobs")).all()
    assert "core:settle_rooms" in names


@pytest.mark.parametrize(
    "kept", [7, None, {"value": "admins", "locked": True}, {"locked": True}, {"value": 1}]
)
def test_a_kept_value_that_does_not_fit_any_more_counts_as_never_set(
    app: Flask, boss: FlaskClient, held: Any, kept: Any
) -> None:
    with app.app_context():
        db.session.add(Setting(scope="room.core", name="screen_share", value=kept))
        db.session.commit()
        app.extensions["audimax_standing"].refresh()
    assert held().screen_share == "everyone"
    assert boss.get(PAGE).status_code == 200
