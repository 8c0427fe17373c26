"""What hosts see and do at the door, and what nobody else may."""

from __future__ import annotations

from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask

from core.contracts import Person
from core.db import db, now
from core.engine import personal_columns
from core.models import AuditEntry, Waiting
from core.rooms.models import Room
from plugins.lobby import state
from plugins.lobby.models import Entry
from plugins.lobby.names import MOST_LISTED, name_key, read_list
from tests.plugins.lobby.conftest import Door


def person(door: Door, name: str) -> Any:
    return next(one for one in door.state()["people"] if one["name"] == name)


def test_the_second_click_is_answered_with_who_decided(
    app: Flask, door: Door, make_user: Any, sign_in: Any
) -> None:
    grace = make_user(name="Grace Hopper")
    door.add_co_host(grace)
    door.newcomer("Ann")
    chosen = door.id_of("Ann")
    door.decide("reject", "Ann", client=sign_in(grace))
    for verdict in ("admit", "reject"):
        again = door.do("decide", ids=[chosen], verdict=verdict)
        assert again["done"] == 0
        assert again["already"] == [{"id": chosen, "name": "Ann", "state": "rejected", "by": "Grace Hopper"}]


def test_approved_twice_is_one_approval(app: Flask, door: Door) -> None:
    door.newcomer("Ann")
    chosen = door.id_of("Ann")
    assert [door.do("decide", ids=[chosen], verdict="admit")["done"] for _ in range(2)] == [1, 0]
    with app.app_context():
        logged = db.session.scalars(sa.select(AuditEntry).where(AuditEntry.action == "lobby.admit")).all()
        assert [(one.target, one.details["people"]) for one in logged] == [("Ann", ["Ann"])]


def test_an_entry_of_another_room_is_not_found(make_door: Any, door: Door) -> None:
    there = make_door()
    there.newcomer("Eve")
    answer = door.ask("decide", ids=[there.id_of("Eve")], verdict="admit")
    assert answer.status_code == 404 and answer.json["code"] == "not_waiting"
    assert person(there, "Eve")


def test_ten_thousand_ids_are_refused_in_words(door: Door) -> None:
    answer = door.ask("decide", ids=["x" * 22] * 10_000, verdict="admit")
    assert answer.status_code == 422 and "ids" in answer.json["detail"]
    assert door.ask("decide", ids=[], verdict="admit").status_code == 422
    assert door.ask("decide", ids=["x"], verdict="maybe").status_code == 422
    assert door.ask("decide", ids=["x"], verdict="reject", words="x" * 301).status_code == 422
    huge = door.host.post(f"/api/rooms/{door.id}/lobby/class-list", json={"text": "x" * 1_100_000})
    assert huge.status_code == 413


def test_all_are_let_in_at_once(app: Flask, door: Door) -> None:
    people = [door.newcomer(f"Guest {n}") for n in range(5)]
    assert door.do("admit-all")["done"] == 5
    assert {door.join(one, "x").json["status"] for one in people} == {"admitted"}
    assert door.state()["total"] == 0 and len(door.state()["decided"]) == 5
    assert door.do("admit-all")["done"] == 0


def test_guests_strangers_and_other_hosts_do_nothing_here(app: Flask, door: Door, make_door: Any) -> None:
    ann = door.newcomer("Ann")
    chosen = door.id_of("Ann")
    for client in (ann, app.test_client(), make_door().host):
        assert door.ask("decide", client, ids=[chosen], verdict="admit").status_code == 403
        for action, body in (("admit-all", {}), ("open", {"on": True}), ("message", {"text": "x"}),
                             ("class-list", {"text": "x"}), ("who", {"who_waits": "nobody"})):  # fmt: skip
            assert door.ask(action, client, **body).status_code == 403
        assert client.get(f"/api/rooms/{door.id}/lobby/state").status_code == 403
    assert person(door, "Ann")


def test_doubled_names_and_those_of_hosts_are_flagged(app: Flask, door: Door) -> None:
    for name in ("Ann Lee", "LEE, Ann", "noether emmy", "Bob"):
        door.newcomer(name)
    flags = {one["name"]: (one["doubled"], one["like_host"]) for one in door.state()["people"]}
    assert flags == {
        "Ann Lee": (True, False),
        "LEE, Ann": (True, False),
        "noether emmy": (False, True),
        "Bob": (False, False),
    }
    door.decide("admit", "Bob")
    door.newcomer("Bob")
    assert person(door, "Bob")["doubled"] is False, "the other hasn't come in yet"


def test_a_name_that_is_inside_already_is_flagged_for_others_only(app: Flask, door: Door) -> None:
    ann = door.newcomer("Ann")
    door.decide("admit", "Ann")
    door.join(ann, "Ann")
    door.newcomer("ann")
    assert person(door, "ann")["doubled"] is True


def test_a_pasted_class_list_matches_by_address_and_name_and_never_the_doubtful(
    app: Flask, door: Door, make_user: Any, sign_in: Any
) -> None:
    door.join(sign_in(make_user("ann@uni.example", name="Ann Known")))
    for name in ("Bob Miller", "Eve Doubled", "eve doubled", "Emmy Noether", "Kay Unlisted"):
        door.newcomer(name)
    text = "Nachname;Vorname;E-Mail\nMiller;Bob;123456\nDoubled;Eve\nNoether;Emmy\nann@uni.example"
    answer = door.do("class-list", text=text)
    names = {one["id"]: one["name"] for one in door.state()["people"]}
    assert [names[i] for i in answer["ids"]] == ["Ann Known", "Bob Miller"]
    assert sorted(names[i] for i in answer["doubtful"]) == ["Emmy Noether", "Eve Doubled", "eve doubled"]
    assert answer["people"] == door.state()["class_list"] == 5
    assert person(door, "Ann Known")["listed"] and person(door, "Bob Miller")["named"]
    assert door.do("class-list", text="") == {"people": 0, "ids": [], "doubtful": []}


def test_lists_are_read_as_people_paste_them() -> None:
    read = [
        (one.email, one.name)
        for one in read_list(
            '"Lee, Ann" <ann@uni.example>; Bob Miller <BOB@uni.example>\n'
            "Eve;Stone;eve@uni.example;4711\n\n  \nKay O'Long\n12345"
        )
    ]
    assert read == [
        ("ann@uni.example", "Lee Ann"),
        ("bob@uni.example", "Bob Miller"),
        ("eve@uni.example", "Eve Stone"),
        ("", "Kay O'Long"),
    ]
    assert name_key("Lee, Ann") == name_key("ann LEE") == name_key("Ánn  Lee")
    assert name_key("🎓") != name_key("🙂") and name_key("🎓")


def test_a_list_too_long_is_refused_with_the_limit(door: Door) -> None:
    text = "\n".join(
        f"Guest {chr(97 + n % 26)}{chr(97 + n // 26 % 26)}{chr(97 + n // 676)}" for n in range(2_500)
    )
    answer = door.ask("class-list", text=text)
    assert answer.status_code == 422 and str(MOST_LISTED) in answer.json["detail"]


def test_who_waits_is_changed_from_the_door(app: Flask, door: Door) -> None:
    ann = door.newcomer()
    door.do("who", who_waits="nobody")
    assert door.state()["who_waits"] == "nobody"
    assert door.join(ann).json["status"] == "admitted"
    assert door.ask("who", who_waits="cats").status_code == 422


def test_what_is_said_to_those_who_wait_reaches_who_comes_and_ends_with_the_lecture(
    app: Flask, door: Door
) -> None:
    door.do("message", text="Ten minutes late,\x00 sorry.".replace("\x00", ""))
    assert door.join(app.test_client()).json["info"]["message"] == "Ten minutes late, sorry."
    door.end()
    assert "info" not in door.join(app.test_client()).json
    assert door.ask("message", text="x" * 301).status_code == 422


def test_of_many_three_hundred_are_shown_the_rest_is_counted_and_found(app: Flask, door: Door) -> None:
    with app.app_context():
        from core.people.models import GuestSession

        for number in range(305):
            guest = GuestSession(token_hash=f"hash {number}", name=f"Guest {number}")
            db.session.add(guest)
            db.session.flush()
            name = f"Guest {number}"
            common = {"room_id": door.key, "guest_session_id": guest.id, "name": name}
            db.session.add(Waiting(**common, cause="lobby"))
            db.session.add(Entry(**common, name_key=name_key(name)))
        db.session.commit()
    shown = door.state()
    assert (shown["total"], shown["found"], len(shown["people"])) == (305, 305, state.MOST_SHOWN)
    found = door.state("guest 304")
    assert (found["total"], found["found"]) == (305, 1) and found["people"][0]["name"] == "Guest 304"
    assert door.state("%")["found"] == 0
    assert door.do("admit-all")["done"] == 305


def test_who_has_gone_is_shown_so_and_keeps_the_place(app: Flask, door: Door) -> None:
    door.newcomer("Ann")
    door.newcomer("Bob")
    with app.app_context():
        db.session.execute(sa.update(Waiting).where(Waiting.name == "Ann").values(left_at=now()))
        db.session.commit()
    assert [(p["name"], p["gone"]) for p in door.state()["people"]] == [("Ann", True), ("Bob", False)]


def test_a_returning_person_is_told_from_a_new_one(app: Flask, door: Door) -> None:
    ann = door.newcomer("Ann")
    door.do("admit-all")
    door.join(ann)
    door.end()
    door.start()
    with app.app_context():
        db.session.execute(sa.delete(Entry))
        db.session.commit()
    door.join(ann)
    door.newcomer("Bob")
    assert [(p["name"], p["returning"]) for p in door.state()["people"]] == [("Ann", True), ("Bob", False)]


def test_every_click_is_in_the_audit_log(app: Flask, door: Door) -> None:
    door.newcomer("Ann")
    door.decide("reject", "Ann", words="No.")
    door.do("open", on=True)
    door.do("message", text="Hello")
    door.do("class-list", text="Ann")
    with app.app_context():
        logged = {one.action: one for one in db.session.scalars(sa.select(AuditEntry))}
    assert {"lobby.reject", "lobby.open", "lobby.message", "lobby.class_list"} <= logged.keys()
    rejected = logged["lobby.reject"]
    assert (rejected.actor_name, rejected.target, rejected.details["words"]) == ("Emmy Noether", "Ann", "No.")


def test_no_database_key_and_no_secret_of_a_guest_is_shown(app: Flask, door: Door) -> None:
    door.join(app.test_client(), "Ann", fingerprint="a" * 64)
    shown = str(door.state())
    assert "a" * 64 not in shown and "guest_session" not in shown and "127.0.0.1" not in shown


def test_whose_address_is_on_a_class_list_sees_it_and_can_have_it_erased(
    app: Flask, door: Door, make_user: Any
) -> None:
    user = make_user("ann@uni.example")
    door.do("class-list", text="Ann <Ann@Uni.example>\nBob <bob@uni.example>\nAnn")
    with app.app_context():
        (row,) = personal_columns.collect(Person(user))["lobby"]["lobby__listed"]
        assert (row["email"], row["name"]) == ("ann@uni.example", "Ann")
        assert personal_columns.collect(Person(None)) == {}
        personal_columns.erase(Person(user))
        db.session.commit()
    assert door.state()["class_list"] == 2, "a name alone may be anybody's"


def test_the_page_of_the_door_is_for_hosts_and_the_rooms_page_leads_there(
    app: Flask, door: Door, make_user: Any, sign_in: Any
) -> None:
    address = f"/plugins/lobby/rooms/{door.id}"
    assert door.host.get(address).status_code == 200
    assert address in door.host.get(f"/rooms/{door.id}").text
    assert sign_in(make_user()).get(address).status_code == 403
    assert "/sign-in" in app.test_client().get(address).location
    with app.app_context():
        assert db.session.get_one(Room, door.key).code in door.host.get(address).text


@pytest.mark.parametrize("action", ["decide", "open", "message", "class-list", "who"])
def test_a_foreign_page_decides_nothing(door: Door, action: str) -> None:
    url = f"/api/rooms/{door.id}/lobby/{action}"
    assert door.host.post(url, json={}, headers={"Origin": "https://evil.example"}).status_code == 403
