"""Who waits, who comes in, and how long a host's word holds."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask

from core.contracts import LectureEnded
from core.db import db, now
from core.lectures.models import Lecture, Participant
from core.models import Waiting
from plugins.lobby import hooks
from plugins.lobby.models import Entry
from tests.plugins.lobby.conftest import Door


def entries(app: Flask) -> list[Entry]:
    with app.app_context():
        return list(db.session.scalars(sa.select(Entry).order_by(Entry.id)))


def a_minute_passes(app: Flask) -> None:
    with app.app_context():
        db.session.execute(sa.update(Entry).values(decided_at=Entry.decided_at - timedelta(seconds=61)))
        db.session.commit()


def test_a_new_room_works_without_a_click(app: Flask, make_user: Any, make_room: Any) -> None:
    _key, room, _code = make_room(make_user())
    answer = app.test_client().post(f"/api/rooms/{room}/join", json={"name": "Ann"})
    assert answer.status_code == 202 and answer.json["code"] == "host_absent"


def test_who_asks_waits_and_comes_in_when_a_host_says_so(app: Flask, door: Door) -> None:
    ann = app.test_client()
    answer = door.join(ann)
    assert answer.status_code == 202
    assert answer.json["code"] == "lobby" and answer.json["stream_url"].endswith("/lobby/stream")
    assert door.decide("admit", "Ann") == {"done": 1, "already": [], "live": True}
    assert door.join(ann).json["status"] == "admitted"
    assert door.join(ann).json["status"] == "admitted", "a reload needs no second click"


def test_one_person_is_one_entry_however_often_they_come(app: Flask, door: Door) -> None:
    ann = door.newcomer()
    first = door.state()["people"]
    for _again in range(3):
        door.join(ann)
    assert door.state()["people"] == first and len(entries(app)) == 1


def test_who_signs_in_while_waiting_is_still_the_same_person(
    app: Flask, door: Door, make_user: Any, sign_in: Any
) -> None:
    ann = door.newcomer()
    signed = sign_in(make_user(name="Ann Known"))
    signed.set_cookie("audimax-guest", ann.get_cookie("audimax-guest", domain="localhost").value)
    door.join(signed)
    (entry,) = entries(app)
    assert entry.user_id is not None and entry.name == "Ann Known"


def test_an_account_at_two_devices_is_one_entry(app: Flask, door: Door, make_user: Any, sign_in: Any) -> None:
    user = make_user(name="Ann Known")
    for _device in range(2):
        door.join(sign_in(user))
    assert len(entries(app)) == 1


def test_approved_before_the_start_means_let_in_at_the_start(make_door: Any, app: Flask) -> None:
    door = make_door()
    ann, bob = door.newcomer("Ann"), door.newcomer("Bob")
    assert door.decide("admit", "Ann")["live"] is False
    assert door.join(ann, "Ann").json["code"] == "host_absent"
    assert door.state()["ready"] == 1
    door.start()
    assert door.join(ann, "Ann").json["status"] == "admitted"
    assert door.join(bob, "Bob").json["status"] == "waiting"


def test_an_approval_ends_with_its_lecture_and_one_without_with_the_next(make_door: Any, app: Flask) -> None:
    door = make_door()
    ann, bob = door.newcomer("Ann"), door.newcomer("Bob")
    door.decide("admit", "Ann")
    door.start()
    door.decide("admit", "Bob")
    assert door.join(ann, "Ann").json["status"] == door.join(bob, "Bob").json["status"] == "admitted"
    door.end()
    door.start()
    assert door.join(ann, "Ann").json["status"] == door.join(bob, "Bob").json["status"] == "waiting"


def test_approved_after_the_end_is_for_the_next_lecture(app: Flask, door: Door) -> None:
    ann = door.newcomer()
    door.end()
    assert door.decide("admit", "Ann") == {"done": 1, "already": [], "live": False}
    assert door.join(ann).status_code == 202
    with app.app_context():
        assert db.session.scalar(sa.select(sa.func.count()).select_from(Participant)) == 0
    door.start()
    assert door.join(ann).json["status"] == "admitted"


def test_who_is_rejected_reads_the_hosts_words_and_may_ask_again_after_a_minute(
    app: Flask, door: Door
) -> None:
    ann = door.newcomer()
    door.decide("reject", "Ann", words="Please use your full name.")
    early = door.join(ann)
    assert early.status_code == 429 and 0 < int(early.headers["Retry-After"]) <= 60
    assert early.json["denied"] and "Please use your full name." in early.json["detail"]
    a_minute_passes(app)
    assert door.join(ann).status_code == 202
    assert door.state()["people"][0]["asked_before"] is True


def test_twice_rejected_needs_the_host(app: Flask, door: Door) -> None:
    ann = door.newcomer()
    door.decide("reject", "Ann")
    a_minute_passes(app)
    door.join(ann)
    door.decide("reject", "Ann")
    a_minute_passes(app)
    answer = door.join(ann)
    assert answer.status_code == 403 and "retry_after" not in answer.json
    assert [p["times"] for p in door.state()["rejected"]] == [2]
    assert door.decide("admit", "Ann", rejected=True)["done"] == 1
    assert door.join(ann).json["status"] == "admitted"


def test_rejections_hold_where_nobody_waits_any_more_and_end_with_the_lecture(app: Flask, door: Door) -> None:
    ann = door.newcomer()
    door.decide("reject", "Ann")
    door.set(who_waits="nobody")
    assert door.join(ann).status_code == 429
    a_minute_passes(app)
    assert door.join(ann).status_code == 202, "a host has to look at them"
    door.end()
    door.start()
    assert door.join(ann).json["status"] == "admitted"


def test_only_strangers_wait_where_the_room_says_so(
    make_door: Any, app: Flask, make_user: Any, sign_in: Any
) -> None:
    door = make_door(who_waits="strangers")
    door.start()
    assert door.join(app.test_client()).json["status"] == "waiting"
    assert door.join(sign_in(make_user())).json["status"] == "admitted"


@pytest.mark.parametrize(("passes", "status"), [(True, "admitted"), (False, "waiting")])
def test_who_was_inside_comes_back_if_the_room_says_so(
    make_door: Any, app: Flask, passes: bool, status: str
) -> None:
    door = make_door(who_waits="nobody", returnees_pass=passes)
    door.start()
    ann = door.newcomer()
    door.set(who_waits="everyone", returnees_pass=passes)
    assert door.join(ann).json["status"] == status


def test_who_was_removed_waits_again_and_a_new_approval_counts(app: Flask, door: Door) -> None:
    ann = door.newcomer()
    door.decide("admit", "Ann")
    door.join(ann)
    with app.app_context():
        db.session.execute(sa.update(Participant).values(removed_at=now()))
        db.session.commit()
    assert door.join(ann).json["status"] == "waiting"
    door.decide("admit", "Ann")
    assert door.join(ann).json["status"] == "admitted"


def test_everybody_comes_in_from_now_on_until_the_host_closes_the_door(app: Flask, door: Door) -> None:
    ann = door.newcomer("Ann")
    door.do("open", on=True)
    assert door.join(ann, "Ann").json["status"] == "admitted"
    assert door.join(app.test_client(), "Bob").json["status"] == "admitted"
    assert door.state()["open"] is True
    door.do("open", on=False)
    assert door.join(app.test_client(), "Eve").json["status"] == "waiting"
    door.do("open", on=True)
    door.end()
    door.start()
    assert door.join(app.test_client(), "Kay").json["status"] == "waiting", "it ends with the lecture"


def test_an_open_door_lets_nobody_in_whom_a_host_rejected(app: Flask, door: Door) -> None:
    ann = door.newcomer()
    door.decide("reject", "Ann")
    door.do("open", on=True)
    assert door.join(ann).status_code == 429


def test_the_class_list_lets_verified_accounts_in_and_no_typed_name(
    make_door: Any, app: Flask, make_user: Any, sign_in: Any
) -> None:
    door = make_door(class_list_passes=True)
    door.start()
    door.do("class-list", text="Ann Known <Ann@Uni.example>\nBob Typed")
    assert door.join(sign_in(make_user("ann@uni.example"))).json["status"] == "admitted"
    assert door.join(sign_in(make_user("eve@uni.example"))).json["status"] == "waiting"
    assert door.join(app.test_client(), "Bob Typed").json["status"] == "waiting"
    assert door.join(app.test_client(), "ann@uni.example").json["status"] == "waiting"


def test_places_count_those_who_are_there(app: Flask, door: Door) -> None:
    people = [door.newcomer(f"Guest {n}") for n in range(3)]
    assert door.join(people[2], "Guest 2").json["info"]["place"] == 3
    with app.app_context():
        db.session.execute(sa.update(Waiting).where(Waiting.name == "Guest 0").values(left_at=now()))
        db.session.commit()
    door.decide("admit", "Guest 1")
    assert door.join(people[2], "Guest 2").json["info"]["place"] == 1


def test_who_gave_up_and_asks_again_stands_at_the_end(app: Flask, door: Door) -> None:
    ann, _bob = door.newcomer("Ann"), door.newcomer("Bob")
    ann.post(f"/api/rooms/{door.id}/leave")
    assert [p["name"] for p in door.state()["people"]] == ["Bob"]
    door.join(ann, "Ann")
    assert [p["name"] for p in door.state()["people"]] == ["Bob", "Ann"]


def test_what_was_decided_for_a_lecture_goes_with_it(app: Flask, door: Door) -> None:
    door.newcomer("Ann")
    stays = door.newcomer("Bob")
    left = door.newcomer("Eve")
    left.post(f"/api/rooms/{door.id}/leave")
    door.decide("admit", "Ann")
    door.end()
    with app.app_context():
        lecture = db.session.query(Lecture).one()
        for _twice in range(2):
            hooks.on_event(LectureEnded(room_id=door.key, lecture_id=lecture.id))
            db.session.commit()
    assert [entry.name for entry in entries(app)] == ["Bob"]
    assert door.join(stays, "Bob").status_code == 202


def test_switched_off_nobody_waits_and_switched_on_everybody_does(app: Flask, door: Door) -> None:
    ann = door.newcomer()
    door.host.patch(f"/api/rooms/{door.id}", json={"plugins": {"lobby": {"enabled": False}}})
    assert door.join(ann).json["status"] == "admitted"
    assert ann.get(f"/api/rooms/{door.id}/lobby/stream").status_code == 404
