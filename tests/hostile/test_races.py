"""Many at the same moment: what is to happen once happens once, and nobody gets a 500."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable
from typing import Any

import sqlalchemy as sa
from flask import Flask

from core.db import db, now
from core.lectures.models import Lecture, Participant
from core.models import Waiting
from core.people.models import User
from core.rooms.models import Room, RoomHost
from tests.hostile.conftest import PASSWORD, World

SECONDS = 60


def at_once(*calls: Callable[[], Any]) -> list[Any]:
    """Start all calls at the same moment; their answers in any order."""
    answers: list[Any] = []
    line = threading.Barrier(len(calls))

    def run(call: Callable[[], Any]) -> None:
        line.wait(SECONDS)
        answers.append(call())

    threads = [threading.Thread(target=run, args=(call,)) for call in calls]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(SECONDS)
    assert len(answers) == len(calls), "somebody got no answer"
    assert all(getattr(answer, "status_code", 200) < 500 for answer in answers), [a.text for a in answers]
    return answers


def copies(app: Flask, client: Any, count: int) -> list[Any]:
    """The same browser, so often: a client isn't to be shared by threads."""
    made = []
    for _number in range(count):
        copy = app.test_client()
        for name in ("audimax", "audimax-guest"):
            if found := client.get_cookie(name, domain="localhost"):
                copy.set_cookie(name, found.value, domain="localhost")
        made.append(copy)
    return made


def count(app: Flask, model: Any, *where: Any) -> int:
    with app.app_context():
        return db.session.scalar(sa.select(sa.func.count()).select_from(model).where(*where)) or 0


def statuses(answers: list[Any]) -> Counter[int]:
    return Counter(answer.status_code for answer in answers)


def test_twenty_joins_of_one_guest_make_one_participant(world: World) -> None:
    us, path = world.ours, f"/api/rooms/{world.theirs.id}/join"
    joins = [lambda c=c: c.post(path, json={"name": "Eve"}) for c in copies(world.app, us.guest, 20)]
    answers = at_once(*joins)
    assert {answer.json["status"] for answer in answers} == {"admitted"}
    assert len({answer.json["identity"] for answer in answers}) == 1
    assert count(world.app, Participant, Participant.name == "Eve") == 1


def test_twenty_returns_after_a_removal_make_one_new_participant(world: World) -> None:
    us, path = world.ours, f"/api/rooms/{world.ours.id}/join"
    with world.app.app_context():
        gone = sa.update(Participant).where(Participant.identity == us.guest_row["identity"])
        db.session.execute(gone.values(removed_at=now()))
        db.session.commit()
    answers = at_once(
        *(lambda c=c: c.post(path, json={"name": "Eve"}) for c in copies(world.app, us.guest, 20))
    )
    identities = {answer.json["identity"] for answer in answers}
    assert len(identities) == 1 and us.guest_row["identity"] not in identities
    assert count(world.app, Participant, Participant.name == "Eve") == 1


def test_twenty_waits_of_one_guest_take_one_place(world: World) -> None:
    us = world.ours
    us.host.post(f"/api/rooms/{us.id}/end")
    path = f"/api/rooms/{us.id}/join"
    answers = at_once(
        *(lambda c=c: c.post(path, json={"name": "Eve"}) for c in copies(world.app, us.guest, 20))
    )
    assert statuses(answers) == {202: 20}
    assert count(world.app, Waiting) == 1


def test_a_host_on_ten_devices_is_one_participant(world: World) -> None:
    us, path = world.ours, f"/api/rooms/{world.ours.id}/token"
    answers = at_once(*(lambda c=c: c.post(path) for c in copies(world.app, us.host, 10)))
    assert len({answer.json["identity"] for answer in answers}) == 1
    assert count(world.app, Participant, Participant.user_id == us.owner) == 1


def test_ten_starts_are_one_lecture(world: World) -> None:
    us = world.ours
    us.host.post(f"/api/rooms/{us.id}/end")
    path = f"/api/rooms/{us.id}/start"
    answers = at_once(*(lambda c=c: c.post(path) for c in copies(world.app, us.host, 10)))
    assert statuses(answers) == {200: 10}
    assert len({answer.json["lecture_id"] for answer in answers}) == 1
    assert count(world.app, Lecture, Lecture.room_id == us.room, Lecture.ended_at.is_(None)) == 1


def test_ten_ends_end_once(world: World) -> None:
    us, path = world.ours, f"/api/rooms/{world.ours.id}/end"
    answers = at_once(*(lambda c=c: c.post(path) for c in copies(world.app, us.host, 10)))
    assert set(statuses(answers)) <= {200, 409}
    assert count(world.app, Lecture, Lecture.room_id == us.room) == 1


def test_starting_while_the_room_is_archived_leaves_no_lecture_behind_a_shut_door(world: World) -> None:
    us = world.ours
    us.host.post(f"/api/rooms/{us.id}/end")
    for _time in range(5):
        one, other = copies(world.app, us.host, 2)
        at_once(
            lambda one=one: one.post(f"/api/rooms/{us.id}/start"),
            lambda other=other: other.post(f"/api/rooms/{us.id}/archive"),
        )
        archived = count(world.app, Room, Room.id == us.room, Room.archived_at.is_not(None))
        live = count(world.app, Lecture, Lecture.room_id == us.room, Lecture.ended_at.is_(None))
        assert archived + live == 1
        us.host.post(f"/api/rooms/{us.id}/end")
        us.host.delete(f"/api/rooms/{us.id}/archive")


def test_starting_while_the_room_is_deleted_is_one_or_the_other(world: World, make_room: Any) -> None:
    us = world.ours
    for _time in range(5):
        room, public_id, _code = make_room(us.owner)
        one, other = copies(world.app, us.host, 2)
        at_once(
            lambda one=one, at=public_id: one.post(f"/api/rooms/{at}/start"),
            lambda other=other, at=public_id: other.delete(f"/api/rooms/{at}"),
        )
        there = count(world.app, Room, Room.id == room)
        assert there == count(world.app, Lecture, Lecture.room_id == room)


def test_joining_while_the_lecture_ends_is_one_or_the_other(world: World) -> None:
    us, path = world.ours, f"/api/rooms/{world.ours.id}"
    host = copies(world.app, us.host, 1)[0]
    joins = [lambda: world.nobody().post(f"{path}/join", json={"name": "Eve"}) for _ in range(8)]
    answers = at_once(lambda: host.post(f"{path}/end"), *joins)
    assert set(statuses(answers)) <= {200, 202}
    late = world.nobody().post(f"{path}/join", json={"name": "Eve"})
    assert late.json["status"] == "waiting"


def test_ten_who_name_the_same_co_host_name_one(world: World, make_user: Any) -> None:
    us = world.ours
    make_user("grace@uni.example", name="Grace")
    path, body = f"/api/rooms/{us.id}/hosts", {"email": "grace@uni.example"}
    answers = at_once(*(lambda c=c: c.post(path, json=body) for c in copies(world.app, us.host, 10)))
    assert statuses(answers) == {201: 1, 409: 9}
    assert count(world.app, RoomHost, RoomHost.room_id == us.room) == 2


def test_ten_who_take_a_co_host_away_take_one_away(world: World) -> None:
    us, path = world.ours, f"/api/rooms/{world.ours.id}/hosts/{world.ours.co_host_id}"
    answers = at_once(*(lambda c=c: c.delete(path) for c in copies(world.app, us.host, 10)))
    assert set(statuses(answers)) <= {204, 404}
    assert count(world.app, RoomHost, RoomHost.room_id == us.room) == 0


def test_ten_new_codes_leave_one_that_works(world: World) -> None:
    us, path = world.ours, f"/api/rooms/{world.ours.id}/code"
    answers = at_once(*(lambda c=c: c.post(path) for c in copies(world.app, us.host, 10)))
    assert statuses(answers) == {200: 10}
    # An answer may carry the code that was made a moment later: then two carry the one that works.
    codes = {a.json["code"] for a in answers}
    found = [world.nobody().get(f"/api/rooms/by-code/{code}").status_code for code in codes]
    assert sorted(found) == [200] + [404] * (len(codes) - 1)


def test_ten_deletions_delete_once(world: World, make_room: Any) -> None:
    us = world.ours
    _room, public_id, _code = make_room(us.owner)
    calls = [lambda c=c: c.delete(f"/api/rooms/{public_id}") for c in copies(world.app, us.host, 10)]
    assert set(statuses(at_once(*calls))) <= {204, 404}


def test_a_link_that_eight_use_at_once_works_for_one(world: World, make_link: Any) -> None:
    path = make_link("invitation", email="new@uni.example")
    data = {"name": "Eve", "password": PASSWORD}
    answers = at_once(*(lambda: world.nobody().post(path, data=data) for _ in range(8)))
    assert sorted(statuses(answers).elements())[0] == 303
    assert statuses(answers)[303] == 1
    assert count(world.app, User, User.email == "new@uni.example") == 1


def test_two_invitations_for_one_address_make_one_account(world: World, make_link: Any) -> None:
    paths = [make_link(purpose, email="new@uni.example") for purpose in ("invitation", "sign_up")]
    data = {"name": "Eve", "password": PASSWORD}
    answers = at_once(*(lambda p=p: world.nobody().post(p, data=data) for p in paths))
    assert statuses(answers)[303] == 1
    assert count(world.app, User, User.email == "new@uni.example") == 1


def test_two_who_move_to_the_same_address_do_not_share_it(
    world: World, make_user: Any, make_link: Any
) -> None:
    paths = [make_link("email", user=make_user(), email="same@uni.example") for _ in range(2)]
    answers = at_once(*(lambda p=p: world.nobody().post(p) for p in paths))
    assert sorted(statuses(answers).elements()) == [303, 409]


def test_eight_resets_with_one_link_set_one_password(world: World, make_user: Any, make_link: Any) -> None:
    path = make_link("reset", user=make_user())
    answers = at_once(
        *(lambda n=n: world.nobody().post(path, data={"password": f"{PASSWORD} {n}"}) for n in range(8))
    )
    assert statuses(answers)[303] == 1
