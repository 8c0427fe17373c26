"""Rooms against the institution's rules, as an administrator finds and reads them."""

from __future__ import annotations

import html
import re
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from core.db import db, now
from core.engine.standing import CORE
from core.models import Setting
from core.people.models import User
from core.rooms.models import Room
from tests.core.admin.test_room_settings import PAGE, form_of, save
from tests.core.admin.test_rooms import ROOMS, titles
from tests.core.rooms.conftest import add_plugin

__all__ = ["add_plugin"]


@pytest.fixture
def host(ada: int, sign_in: Callable[..., FlaskClient]) -> FlaskClient:
    return sign_in(ada)


@pytest.fixture
def rooms(ada: int, make_room: Any) -> dict[str, tuple[int, str]]:
    """Two open rooms and an archived one; their keys and ids, by title."""
    made = {title: make_room(ada, title=title) for title in ("Analysis", "Biology")}
    made["Old"] = make_room(ada, title="Old", archived_at=now())
    return {title: room[:2] for title, room in made.items()}


@pytest.fixture
def found(boss: FlaskClient) -> Callable[[], list[str]]:
    """The titles of the rooms that the list says are against the rules, by filter and by badge alike."""

    def look() -> list[str]:
        filtered = titles(boss.get(f"{ROOMS}?state=against").text)
        rows = re.findall(r"<tr>(.*?)</tr>", boss.get(ROOMS).text, re.S)
        marked = [titles(row)[0] for row in rows if "badge-warn" in row]
        assert marked == filtered
        return filtered

    return look


@pytest.fixture
def told(boss: FlaskClient, rooms: Any) -> Callable[[str], list[str]]:
    """What a room's page says about it."""

    def look(title: str) -> list[str]:
        page = boss.get(f"{ROOMS}/{rooms[title][1]}").text
        return [html.unescape(one) for one in re.findall(r'alert-warn">.*?<span>(.*?)</span>', page, re.S)]

    return look


def test_a_room_that_does_what_it_may_is_in_order(
    boss: FlaskClient, host: FlaskClient, rooms: Any, found: Any, told: Any, add_plugin: Any
) -> None:
    add_plugin()
    given = {"settings": {"screen_share": "hosts"}, "plugins": {"door": {"enabled": True}}}
    assert host.patch(f"/api/rooms/{rooms['Analysis'][1]}", json=given).status_code == 200
    save(boss, "core", screen_share="everyone")
    save(boss, "door", most="50")
    assert found() == []
    assert told("Analysis") == told("Biology") == []
    assert "No room fits these filters" in boss.get(f"{ROOMS}?state=against").text


def test_what_a_room_says_against_what_is_locked_is_named_with_what_holds(
    boss: FlaskClient, host: FlaskClient, rooms: Any, found: Any, told: Any, add_plugin: Any
) -> None:
    add_plugin()
    given = {
        "settings": {"screen_share": "hosts", "microphone_on_entry": True},
        "plugins": {"door": {"enabled": True, "settings": {"most": 9, "days": ["friday"], "sound": True}}},
    }
    assert host.patch(f"/api/rooms/{rooms['Analysis'][1]}", json=given).status_code == 200
    save(boss, "core", screen_share__may="", microphone_on_entry="on", microphone_on_entry__may="")
    save(boss, "door", on_off__may="", most="50", most__may="", days="monday", days__may="", sound__may="")
    assert found() == ["Analysis"]
    ends = "The institution has locked it, and “{}” holds."
    assert told("Analysis") == [
        "Who may share the screen: the room says “Hosts only”. " + ends.format("Everyone"),
        "Waiting room, Days: the room says “friday”. " + ends.format("monday"),
        "Waiting room, How many may wait: the room says “9”. " + ends.format("50"),
        "Waiting room: the room says “on”. " + ends.format("off"),
    ]
    assert told("Biology") == []


def test_a_room_whose_owner_cannot_sign_in_has_nobody_who_answers_for_it(
    app: Flask, ada: int, rooms: Any, found: Any, told: Any
) -> None:
    with app.app_context():
        db.session.get_one(User, ada).disabled_at = now()
        db.session.commit()
    assert found() == ["Analysis", "Biology"]
    assert told("Analysis") == [
        "The owner can't sign in any more: nobody answers for this room. Hand it over."
    ]
    assert told("Old") == []


@pytest.mark.parametrize(("own", "is_told"), [(30, False), (31, True), (0, False), ("many", False)])
def test_a_room_that_says_it_keeps_longer_than_the_institution_does(
    app: Flask, rooms: Any, found: Any, told: Any, own: Any, is_told: bool
) -> None:
    with app.app_context():
        db.session.get_one(Room, rooms["Biology"][0]).settings = {"keep_chat_days": own}
        db.session.add(Setting(scope=CORE, name="keep_chat_days", value=30))
        db.session.commit()
        app.extensions["audimax_standing"].refresh()
    assert found() == (["Biology"] if is_told else [])
    words = "Chat: the room says 31 days. The institution keeps them for 30 days, which holds."
    assert told("Biology") == ([words] if is_told else [])


GONE = (
    "The plugin door keeps the door of this room and isn't enabled: nobody can come in. Enable it again, or"
    " release its rooms by “audimax release-guard door”."
)


@pytest.mark.parametrize(
    ("said", "shut"),
    [
        ({}, ["Analysis"]),
        ({"on_off": "on"}, ["Analysis"]),
        ({"on_off": "on", "on_off__may": ""}, ["Analysis", "Biology"]),
        ({"on_off__may": ""}, []),
    ],
)
def test_a_door_that_is_shut_for_want_of_its_guard_is_named(
    app: Flask, boss: FlaskClient, host: FlaskClient, rooms: Any, found: Any, told: Any, add_plugin: Any,
    said: dict[str, str], shut: list[str],
) -> None:  # fmt: skip
    add_plugin()
    for title, is_on in (("Analysis", True), ("Biology", False)):
        given = {"plugins": {"door": {"enabled": is_on}}}
        assert host.patch(f"/api/rooms/{rooms[title][1]}", json=given).status_code == 200
    if said:
        save(boss, "door", **said)
    del app.extensions["audimax_plugins"].loaded["door"]
    assert found() == shut
    for title in ("Analysis", "Biology"):
        assert told(title) == ([GONE] if title in shut else [])


def test_the_list_asks_no_more_with_many_rules(boss: FlaskClient, rooms: Any, queries: Any) -> None:
    asked = []
    for _round in range(2):
        with queries() as statements:
            assert boss.get(f"{ROOMS}?state=against").status_code == 200
        asked.append(len(statements))
        given = {name: one for name, one in form_of(boss, "core").items() if not name.endswith(".may")}
        assert boss.post(f"{PAGE}/core", data=given).status_code == 303
        boss.get(ROOMS)
    assert asked[1] <= asked[0]
