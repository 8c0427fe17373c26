"""Rooms in the hands of an administrator."""

from __future__ import annotations

import re
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask
from flask.testing import FlaskClient

from core.db import db, now
from core.files.models import State, StoredFile
from core.lectures.models import Lecture, Participant
from core.rooms.models import Room, RoomHost

ROOMS = "/admin/rooms"


def titles(html: str) -> list[str]:
    return re.findall(r"<td><a href=\"/admin/rooms/[^\"]+\"><strong>([^<]+)</strong>", html)


def keep_file(room: int, lecture: int, plugin: str, size: int, state: str = "ready") -> StoredFile:
    return StoredFile(
        plugin=plugin, storage="local", name="a.pdf", extension="pdf", mime="application/pdf", size=size,
        room_id=room, lecture_id=lecture, uploader_name="Ada", state=state,
    )  # fmt: skip


@pytest.fixture
def kay(make_user: Any) -> int:
    return int(make_user("kay@uni.example", name="Kay"))


@pytest.fixture
def room(app: Flask, ada: int, make_room: Any) -> tuple[int, str]:
    """Ada's room with a finished lecture and files of it."""
    key, public_id, _code = make_room(ada)
    with app.app_context():
        lecture = Lecture(room_id=key, title="Sorting", started_by_id=ada, ended_at=now())
        db.session.add(lecture)
        db.session.flush()
        gone = keep_file(key, lecture.id, "chat", 7_000, State.GONE.value)
        db.session.add_all(
            [keep_file(key, lecture.id, "files", 3_000_000), keep_file(key, lecture.id, "chat", 1500), gone]
        )
        db.session.commit()
    return key, public_id


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", ["Algorithms II", "Biology", "Old room"]),
        ("text=algo+LOVE", ["Algorithms II"]),
        ("text=kay%40uni", ["Biology", "Old room"]),
        ("state=archived", ["Old room"]),
        ("state=open", ["Algorithms II", "Biology"]),
        ("state=live", ["Biology"]),
        ("text=nothing", []),
    ],
)
def test_rooms_are_found(
    app: Flask, boss: FlaskClient, room: Any, kay: int, make_room: Any, query: str, found: list[str]
) -> None:
    biology, _id, _code = make_room(kay, title="Biology")
    make_room(kay, title="Old room", archived_at=now())
    with app.app_context():
        db.session.add(Lecture(room_id=biology, title="Now", started_by_id=kay))
        db.session.commit()
    answer = boss.get(f"{ROOMS}?{query}")
    assert answer.status_code == 200 and titles(answer.text) == found


def test_a_code_finds_its_room(boss: FlaskClient, room: Any, kay: int, make_room: Any) -> None:
    _key, _id, code = make_room(kay, title="Biology")
    assert titles(boss.get(f"{ROOMS}?text={code}").text) == ["Biology"]


def test_the_list_tells_what_rooms_hold(boss: FlaskClient, room: Any, queries: Any) -> None:
    with queries(at_most=4):
        text = boss.get(ROOMS).text
    assert "3.0 MB" in text and re.search(r"</svg> 1</span>", text)


def test_a_page_tells_of_a_room(boss: FlaskClient, room: tuple[int, str], queries: Any) -> None:
    with queries(at_most=7):
        text = boss.get(f"{ROOMS}/{room[1]}").text
    assert "Ada Lovelace" in text and "1 lecture" in text
    assert re.search(r"<dt>files</dt><dd>3.0 MB · 1 file</dd>", text)
    assert boss.get(f"{ROOMS}/{room[0]}").status_code == 404


@pytest.mark.parametrize("stays", [True, False])
def test_a_room_is_handed_over(
    app: Flask,
    boss: FlaskClient,
    room: tuple[int, str],
    ada: int,
    kay: int,
    stays: bool,
    audited: Any,
    sign_in: Any,
) -> None:
    with app.app_context():
        db.session.add(RoomHost(room_id=room[0], user_id=kay))
        db.session.commit()
    data = {"email": " Kay@uni.example", **({"stays": "1"} if stays else {})}
    assert boss.post(f"{ROOMS}/{room[1]}/owner", data=data).status_code == 303
    with app.app_context():
        found = db.session.get_one(Room, room[0])
        hosts = set(db.session.scalars(sa.select(RoomHost.user_id).where(RoomHost.room_id == room[0])))
        assert (found.owner_id, hosts) == (kay, {ada} if stays else set())
    assert sign_in(ada).get(f"/rooms/{room[1]}").status_code == (200 if stays else 404)
    assert sign_in(kay).get(f"/rooms/{room[1]}").status_code == 200
    assert audited() == [("room.change_owner", "kay@uni.example")]


def test_the_owner_before_is_no_host_of_the_running_lecture(
    app: Flask, boss: FlaskClient, room: tuple[int, str], ada: int, kay: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("core.order.keep", lambda lecture: None)
    monkeypatch.setattr("core.order.tell", lambda *said: True)
    with app.app_context():
        lecture = Lecture(room_id=room[0], title="Now", started_by_id=ada)
        db.session.add(lecture)
        db.session.flush()
        db.session.add(Participant(lecture_id=lecture.id, user_id=ada, name="Ada", role="host"))
        db.session.commit()
    assert boss.post(f"{ROOMS}/{room[1]}/owner", data={"email": "kay@uni.example"}).status_code == 303
    with app.app_context():
        assert db.session.scalars(sa.select(Participant.role)).all() == ["guest"]


@pytest.mark.parametrize(
    ("email", "status", "words"),
    [
        ("nobody@uni.example", 404, "There is no account with this address."),
        ("ada@uni.example", 409, "This is the room&#39;s owner already."),
        ("", 404, "There is no account with this address."),
    ],
)
def test_a_room_is_handed_to_nobody_else(
    app: Flask,
    boss: FlaskClient,
    room: tuple[int, str],
    ada: int,
    email: str,
    status: int,
    words: str,
    audited: Any,
) -> None:
    answer = boss.post(f"{ROOMS}/{room[1]}/owner", data={"email": email, "stays": "1"})
    assert answer.status_code == status and words in answer.text
    assert audited() == []
    with app.app_context():
        assert db.session.get_one(Room, room[0]).owner_id == ada


def test_a_room_is_closed_and_opened_again(boss: FlaskClient, room: tuple[int, str], audited: Any) -> None:
    place = f"{ROOMS}/{room[1]}"
    assert boss.post(f"{place}/archive").status_code == 303
    assert "Open it again" in boss.get(place).text
    assert boss.post(f"{place}/unarchive").status_code == 303
    assert "Archive the room" in boss.get(place).text
    assert [action for action, _target in audited()] == ["room.archive", "room.unarchive"]


def test_a_room_in_use_is_not_closed(app: Flask, boss: FlaskClient, room: tuple[int, str], ada: int) -> None:
    with app.app_context():
        db.session.add(Lecture(room_id=room[0], title="Now", started_by_id=ada))
        db.session.commit()
    answer = boss.post(f"{ROOMS}/{room[1]}/archive")
    assert answer.status_code == 409 and "A lecture is running in this room." in answer.text


def test_the_list_says_what_all_files_take_and_a_rooms_page_leads_to_its_log(
    boss: FlaskClient, room: tuple[int, str], kay: int
) -> None:
    assert "3.0 MB in the file storage" in boss.get(ROOMS).text
    address = f"/admin/logs?room={room[1]}"
    assert f'href="{address}"' in boss.get(f"{ROOMS}/{room[1]}").text
    page = boss.get(address).text
    assert "Only what concerns one room." in page and f'href="{ROOMS}/{room[1]}"' in page
