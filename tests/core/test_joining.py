"""The road into a room: admitted, asked, waiting, denied."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask
from flask.testing import FlaskClient

from core import admission
from core.contracts import Grants, Verdict
from core.db import db, now
from core.lectures.models import Lecture, Participant
from core.livekit import client as livekit_client
from core.models import GuardPass, GuestSession, Waiting
from core.rooms.models import Room

Guard = Callable[..., None]


@pytest.fixture(autouse=True)
def livekit_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    """These tests are about our side of the door; LiveKit has tests of its own."""
    monkeypatch.setattr(livekit_client.LiveKit, "must_be_reachable", lambda self: None)


@pytest.fixture
def room(make_user: Any, make_room: Any) -> tuple[int, str, int]:
    """A room: its key, its public id, and its owner's key."""
    owner = make_user(name="Prof. Noether")
    key, public_id, _code = make_room(owner)
    return key, public_id, owner


@pytest.fixture
def live(app: Flask, room: tuple[int, str, int]) -> int:
    """A live lecture in the room; its key."""
    with app.app_context():
        lecture = Lecture(room_id=room[0], title="Groups", started_by_id=room[2])
        db.session.add(lecture)
        db.session.commit()
        return lecture.id


def join(client: FlaskClient, room: tuple[int, str, int], name: str = "Guest", **more: Any) -> Any:
    return client.post(f"/api/rooms/{room[1]}/join", json={"name": name, **more})


def rows(app: Flask, model: Any) -> list[Any]:
    with app.app_context():
        return list(db.session.scalars(sa.select(model).order_by(model.id)))


def test_a_guest_enters_a_live_lecture(app: Flask, client: FlaskClient, room: Any, live: int) -> None:
    answer = join(client, room, " Ada \u202eLovelace ")
    assert answer.status_code == 200 and answer.json["status"] == "admitted"
    (row,) = rows(app, Participant)
    assert answer.json["identity"] == row.identity and row.name == "Ada Lovelace"
    assert answer.json["livekit_url"] == "ws://localhost:8001" and answer.json["role"] == "guest"
    assert row.guest_session_id and row.user_id is None


def test_who_reloads_comes_back_as_themselves(app: Flask, client: FlaskClient, room: Any, live: int) -> None:
    first, second = join(client, room), join(client, room, "Guest with a new name")
    assert first.json["identity"] == second.json["identity"]
    (row,) = rows(app, Participant)
    assert row.name == "Guest with a new name"


def test_who_is_inside_says_how_good_their_connection_is(
    app: Flask, client: FlaskClient, room: Any, live: int
) -> None:
    join(client, room)

    def say(quality: str) -> int:
        return client.post(f"/api/rooms/{room[1]}/quality", json={"quality": quality}).status_code

    def kept() -> list[str]:
        with app.app_context():
            return list(db.session.scalars(sa.select(Participant.quality)))

    for quality, found in (("weak", "weak"), ("lost", "lost"), ("good", "")):
        assert (say(quality), kept()) == (204, [found])
    assert say("splendid") == 422
    stranger = app.test_client().post(f"/api/rooms/{room[1]}/quality", json={"quality": "weak"})
    assert stranger.status_code == 403 and kept() == [""]
    with app.app_context():
        db.session.execute(sa.update(Participant).values(removed_at=now()))
        db.session.commit()
    assert say("weak") == 403, "who was put out says nothing more"


def test_a_hosts_browser_says_on_which_node_the_lecture_runs(
    app: Flask, client: FlaskClient, room: Any, live: int, sign_in: Any
) -> None:
    host = sign_in(room[2])
    join(client, room)
    join(host, room)

    def say(caller: FlaskClient, node: str) -> int:
        return caller.post(f"/api/rooms/{room[1]}/node", json={"node": node}).status_code

    def kept() -> list[str]:
        with app.app_context():
            return list(db.session.scalars(sa.select(Lecture.node)))

    assert (say(host, "ND_VpwLqUNFM2zT"), kept()) == (204, ["ND_VpwLqUNFM2zT"])
    assert (say(host, "ND_other"), kept()) == (204, ["ND_other"])
    assert say(client, "ND_guests") == 403
    for wrong in ("", "node", "ND_<b>", "ND_" + "a" * 41):
        assert say(host, wrong) == 422
    assert kept() == ["ND_other"]
    with app.app_context():
        db.session.execute(sa.update(Lecture).values(ended_at=now()))
        db.session.commit()
    say(host, "ND_late")
    assert kept() == ["ND_other"], "of a lecture that is over nothing more is said"


def test_another_browser_is_another_person(app: Flask, room: Any, live: int) -> None:
    identities = {join(app.test_client(), room).json["identity"] for _ in range(3)}
    assert len(identities) == 3


def test_join_as_someone_else_gives_a_new_person(client: FlaskClient, room: Any, live: int) -> None:
    first = join(client, room)
    second = join(client, room, as_someone_else=True)
    assert first.json["identity"] != second.json["identity"]


def test_the_identity_is_not_the_guest_session(app: Flask, client: FlaskClient, room: Any, live: int) -> None:
    answer = join(client, room)
    cookie = client.get_cookie("audimax-guest")
    assert cookie is not None and cookie.http_only
    assert cookie.value not in answer.text


def test_after_a_removal_a_return_is_a_new_row(app: Flask, client: FlaskClient, room: Any, live: int) -> None:
    before = join(client, room).json["identity"]
    with app.app_context():
        db.session.execute(sa.update(Participant).values(removed_at=now()))
        db.session.commit()
    assert join(client, room).json["identity"] != before
    assert len(rows(app, Participant)) == 2


def test_before_the_start_a_guest_waits_with_words(app: Flask, client: FlaskClient, room: Any) -> None:
    answer = join(client, room)
    assert answer.status_code == 202
    assert answer.json["code"] == "host_absent" and "host" in answer.json["reason"]
    assert answer.json["stream_url"] == f"/api/rooms/{room[1]}/stream"
    join(client, room, "Renamed")
    assert [row.name for row in rows(app, Waiting)] == ["Renamed"], "one entry for each person"


def test_who_gives_up_waits_no_more(app: Flask, client: FlaskClient, room: Any) -> None:
    join(client, room)
    assert client.post(f"/api/rooms/{room[1]}/leave").status_code == 204
    assert rows(app, Waiting) == []


def test_too_many_who_wait_are_told(make_app: Any, app: Flask, room: Any) -> None:
    app.extensions["audimax_config"] = app.extensions["audimax_config"].__class__(
        **{**vars(app.extensions["audimax_config"]), "waiting_per_room": 1}
    )
    assert join(app.test_client(), room).status_code == 202
    full = join(app.test_client(), room)
    assert full.status_code == 403 and full.json["code"] == "full"


@pytest.mark.parametrize("name", ["", "   ", "\u202e\u200b", "x" * 10_000, "a\0b"])
def test_a_name_that_can_not_be_shown_is_refused(
    app: Flask, client: FlaskClient, room: Any, name: str
) -> None:
    answer = join(client, room, name)
    assert answer.status_code in (422,), answer.text
    assert rows(app, Participant) == [] and rows(app, Waiting) == []


@pytest.mark.parametrize("fingerprint", ["x", "g" * 64, "a" * 65, "A" * 64])
def test_a_malformed_fingerprint_is_refused(
    client: FlaskClient, room: Any, live: int, fingerprint: str
) -> None:
    assert join(client, room, fingerprint=fingerprint).status_code == 422


def test_the_host_always_passes(app: Flask, room: Any, live: int, sign_in: Any, add_guard: Guard) -> None:
    add_guard("shut", admit=lambda joins: {j.key: Verdict.deny("no") for j in joins})
    answer = join(sign_in(room[2]), room, "ignored")
    assert answer.json["role"] == "host" and answer.json["name"] == "Prof. Noether"


def test_the_host_is_told_to_start_first(room: Any, sign_in: Any) -> None:
    host = sign_in(room[2])
    assert join(host, room).json["code"] == "not_live"
    assert host.post(f"/api/rooms/{room[1]}/token").json["code"] == "not_live"


def test_only_a_host_of_this_room_gets_a_token(
    app: Flask, room: Any, live: int, sign_in: Any, make_user: Any, make_room: Any, client: FlaskClient
) -> None:
    other = make_user()
    make_room(other)
    admin = make_user(is_admin=True)
    path = f"/api/rooms/{room[1]}/token"
    assert client.post(path).status_code == 403
    assert sign_in(other).post(path).status_code == 403
    assert sign_in(admin).post(path).status_code == 403
    assert sign_in(room[2]).post(path).json["status"] == "admitted"


@pytest.mark.parametrize("action", ["start", "end", "token"])
def test_a_guest_can_not_use_the_hosts_calls(client: FlaskClient, room: Any, live: int, action: str) -> None:
    join(client, room)
    assert client.post(f"/api/rooms/{room[1]}/{action}").status_code == 403


def test_an_archived_room_is_closed(app: Flask, client: FlaskClient, room: Any, live: int) -> None:
    with app.app_context():
        db.session.execute(sa.update(Room).values(archived_at=now()))
        db.session.commit()
    assert join(client, room).json["code"] == "archived"


# --- guards ---------------------------------------------------------------------------


def test_the_strictest_guard_wins_whatever_the_order(
    client: FlaskClient, room: Any, live: int, add_guard: Guard
) -> None:
    add_guard("one", admit=lambda joins: {j.key: Verdict.wait("wait") for j in joins})
    add_guard("two", admit=lambda joins: {j.key: Verdict.deny("never") for j in joins})
    add_guard("three", admit=lambda joins: {j.key: Verdict.ask("pin", "PIN", lambda _: None) for j in joins})
    answer = join(client, room)
    assert answer.status_code == 403 and answer.json["detail"] == "never" and answer.json["code"] == "two"


def asks_for(right: str, wrong: Verdict) -> Any:
    def admit(joins: Any) -> dict[str, Verdict]:
        question = Verdict.ask("pin", "PIN", lambda given: None if given == right else wrong)
        return {j.key: question for j in joins if "pin" not in j.passes}

    return admit


def test_a_right_answer_is_remembered(
    app: Flask, client: FlaskClient, room: Any, live: int, add_guard: Guard
) -> None:
    add_guard("pin", admit=asks_for("123456", Verdict.ask("pin", "PIN", lambda _: None, reason="Wrong.")))
    asked = join(client, room)
    assert (asked.status_code, asked.json["status"], asked.json["field"]) == (200, "asked", "pin")
    wrong = join(client, room, answer={"field": "pin", "value": "0"})
    assert wrong.json["reason"] == "Wrong." and rows(app, GuardPass) == []
    right = join(client, room, answer={"field": "pin", "value": "123456"})
    assert right.json["status"] == "admitted"
    assert join(client, room).json["status"] == "admitted", "nobody is asked twice in one lecture"
    assert join(app.test_client(), room).json["status"] == "asked", "but another person is"


def test_a_pass_ends_with_its_lecture(
    app: Flask, client: FlaskClient, room: Any, live: int, add_guard: Guard
) -> None:
    add_guard("pin", admit=asks_for("1", Verdict.deny("x")))
    join(client, room, answer={"field": "pin", "value": "1"})
    with app.app_context():
        db.session.execute(sa.update(Lecture).values(ended_at=now()))
        db.session.add(Lecture(room_id=room[0], title="Next"))
        db.session.commit()
    assert join(client, room).json["status"] == "asked"


def test_too_many_tries_are_answered_with_the_seconds(
    client: FlaskClient, room: Any, live: int, add_guard: Guard
) -> None:
    late = Verdict.ask("pin", "PIN", lambda _: None, reason="Too many tries.", retry_after=30)
    add_guard("pin", admit=asks_for("1", Verdict.deny("Too many tries.", retry_after=30)))
    answer = join(client, room, answer={"field": "pin", "value": "0"})
    assert late.retry_after == 30 and answer.status_code == 429 and answer.headers["Retry-After"] == "30"


def test_a_question_that_comes_too_early_stays_on_the_screen(
    client: FlaskClient, room: Any, live: int, add_guard: Guard
) -> None:
    early = Verdict.ask("pin", "PIN", lambda _: None, reason="Wait.", retry_after=30)
    add_guard("pin", admit=asks_for("1", early))
    answer = join(client, room, answer={"field": "pin", "value": "0"})
    assert answer.status_code == 429 and answer.headers["Retry-After"] == "30"
    assert (answer.json["field"], answer.json["label"], answer.json["detail"]) == ("pin", "PIN", "Wait.")


def test_while_an_answer_is_checked_nothing_is_locked_and_the_guards_are_asked_again(
    app: Flask, client: FlaskClient, room: Any, live: int, add_guard: Guard
) -> None:
    locked: set[int] = set()

    def check(_answer: str) -> None:
        with db.engine.begin() as other:
            other.execute(sa.text("SET LOCAL lock_timeout = '1s'"))
            other.execute(sa.select(Lecture.id).with_for_update())
            locked.add(live)

    def admit(joins: Any) -> dict[str, Verdict]:
        return {j.key: Verdict.deny("Locked meanwhile.") for j in joins if locked}

    question = Verdict.ask("pin", "PIN", check)
    add_guard("pin", admit=lambda joins: {j.key: question for j in joins if "pin" not in j.passes})
    add_guard("lock", admit=admit)
    assert join(client, room, answer={"field": "pin", "value": "1"}).json["detail"] == "Locked meanwhile."


def test_an_answer_is_checked_for_the_lecture_that_runs_when_it_is_found_right(
    app: Flask, client: FlaskClient, room: Any, add_guard: Guard
) -> None:
    def check(_answer: str) -> None:
        with db.engine.begin() as other:
            row = {"room_id": room[0], "public_id": "meanwhile", "title": "Meanwhile", "language": "en"}
            other.execute(sa.insert(Lecture).values(**row, started_at=now(), ended_reason=""))

    question = Verdict.ask("pin", "PIN", check)
    add_guard("pin", admit=lambda joins: {j.key: question for j in joins if "pin" not in j.passes})
    assert join(client, room, answer={"field": "pin", "value": "1"}).json["lecture_id"] == "meanwhile"


def test_a_pass_can_be_given_without_an_answer(
    app: Flask, client: FlaskClient, room: Any, live: int, add_guard: Guard
) -> None:
    add_guard("pin", admit=asks_for("1", Verdict.deny("x")))
    assert join(client, room).json["status"] == "asked"
    with app.app_context():
        session = db.session.scalars(sa.select(GuestSession.id)).one()
        admission.remember_pass(db.session.get_one(Room, room[0]), "pin", [session])
        db.session.commit()
    assert join(client, room).json["status"] == "admitted"


def test_an_answer_to_another_question_is_no_answer(
    client: FlaskClient, room: Any, live: int, add_guard: Guard
) -> None:
    add_guard("pin", admit=asks_for("1", Verdict.deny("x")))
    assert join(client, room, answer={"field": "other", "value": "1"}).json["status"] == "asked"


def test_waiting_begins_only_when_the_wait_wins(
    app: Flask, client: FlaskClient, room: Any, live: int, add_guard: Guard
) -> None:
    begun: list[str] = []
    add_guard(
        "lobby",
        admit=lambda joins: {
            j.key: Verdict.wait("Please wait.", start=lambda j: begun.append(j.name)) for j in joins
        },
    )
    assert join(client, room, "Ada").json["code"] == "lobby"
    assert begun == ["Ada"] and [w.cause for w in rows(app, Waiting)] == ["lobby"]


def test_a_guard_that_raises_keeps_the_door_shut(
    app: Flask, client: FlaskClient, room: Any, live: int, add_guard: Guard
) -> None:
    def admit(joins: Any) -> None:
        raise RuntimeError("broken")

    add_guard("broken", admit=admit)
    answer = join(client, room)
    assert answer.status_code == 403 and "broken" not in answer.json["detail"]
    assert rows(app, Participant) == []


def test_rights_are_anded(app: Flask, client: FlaskClient, room: Any, live: int, add_guard: Guard) -> None:
    add_guard("one", narrow_grants=lambda participants: {p.id: Grants(camera=False) for p in participants})
    add_guard(
        "two", narrow_grants=lambda participants: {p.id: Grants(microphone=False) for p in participants}
    )
    join(client, room)
    (row,) = rows(app, Participant)
    assert row.grants == Grants(microphone=False, camera=False)


def test_a_failing_narrowing_takes_every_right(
    app: Flask, client: FlaskClient, room: Any, live: int, add_guard: Guard
) -> None:
    def narrow_grants(participants: Any) -> None:
        raise RuntimeError

    add_guard("broken", narrow_grants=narrow_grants)
    assert join(client, room).json["status"] == "admitted"
    (row,) = rows(app, Participant)
    assert row.grants == Grants.none()
