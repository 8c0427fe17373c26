"""Decisions about people inside: joins wait for them, they wait for joins, and rows are the truth."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask

from core import order
from core.contracts import Grants, Verdict
from core.db import db
from core.lectures.models import Lecture, Participant
from core.livekit import enforcement
from core.livekit.client import LiveKit
from core.people.fingerprints import keyed
from core.rooms.models import Room
from tests.core.test_joining import join, live, livekit_is_there, room, rows

__all__ = ["live", "livekit_is_there", "room"]
Guard = Callable[..., None]
FINGERPRINT = "a" * 64


@pytest.fixture(autouse=True)
def livekit_is_quiet(monkeypatch: pytest.MonkeyPatch) -> None:
    """What LiveKit does is tested with the real one; here only the rows count."""
    monkeypatch.setattr(order, "keep", lambda lecture: enforcement.Enforced())


def the_lecture(key: int) -> Lecture:
    found = db.session.get(Lecture, key)
    assert found is not None
    return found


def waits_for_a_lock(app: Flask) -> bool:
    with app.app_context():
        query = sa.text("SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'")
        return bool(db.session.scalar(query))


def test_a_join_waits_for_a_decision_and_is_judged_after_it(
    app: Flask, room: Any, live: int, add_guard: Guard
) -> None:
    add_guard("moderation", admit=lambda room, joins: {j.key: Verdict.deny("No.") for j in joins if banned})
    banned: list[bool] = []
    answers: list[int] = []
    late = threading.Thread(target=lambda: answers.append(join(app.test_client(), room).status_code))
    with app.app_context():
        order.lock(the_lecture(live))
        late.start()
        while not waits_for_a_lock(app):
            assert late.is_alive()
        banned.append(True)
        db.session.commit()
    late.join(30)
    assert answers == [403]
    assert rows(app, Participant) == []


def test_rights_are_worked_out_anew_for_everybody_but_hosts(
    app: Flask, client: Any, room: Any, live: int, add_guard: Guard
) -> None:
    join(client, room)
    join(app.test_client(), room)
    add_guard("panic", narrow_grants=lambda room, participants: {p.id: Grants.none() for p in participants})
    with app.app_context():
        lecture = the_lecture(live)
        db.session.add(Participant(lecture_id=live, name="Prof. Noether", role="host", user_id=room[2]))
        order.lock(lecture)
        order.narrow(lecture)
        db.session.commit()
    assert {row.name: row.microphone for row in rows(app, Participant)} == {
        "Guest": False,
        "Prof. Noether": True,
    }


@pytest.mark.parametrize("counts", [True, False])
def test_what_is_said_of_co_hosts_counts_from_a_plugin_that_declares_it_and_never_for_the_owner(
    app: Flask, room: Any, live: int, add_guard: Guard, make_user: Any, counts: bool
) -> None:
    asked: list[str] = []

    def nothing_left(participants: Any) -> Any:
        asked.extend(p.name for p in participants)
        return {p.id: Grants.none() for p in participants}

    add_guard("strict", narrows_co_hosts=counts, narrow_grants=nothing_left)
    with app.app_context():
        for name, user in (("Owner", room[2]), ("Co-host", make_user())):
            db.session.add(Participant(lecture_id=live, name=name, role="host", user_id=user))
        order.narrow(the_lecture(live))
        db.session.commit()
    assert asked == ["Co-host"]
    assert {row.name: row.microphone for row in rows(app, Participant)} == {
        "Owner": True,
        "Co-host": not counts,
    }


def test_a_change_of_the_rooms_settings_reaches_who_is_inside(
    app: Flask, client: Any, room: Any, live: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    join(client, room)
    told: list[Any] = []
    monkeypatch.setattr(order, "tell", lambda lecture, topic, payload: told.append((topic, payload)))
    with app.app_context():
        found = db.session.get(Room, room[0])
        assert found is not None
        found.settings = {"screen_share": "hosts"}
        order.settle(found)
    (row,) = rows(app, Participant)
    assert (row.screen, row.microphone) == (False, True)
    assert told == [("room", {"plugins": []})], "pages look again"


def test_who_is_removed_gets_a_new_row_when_they_return(
    app: Flask, client: Any, room: Any, live: int
) -> None:
    first = join(client, room).json["identity"]
    with app.app_context():
        lecture = the_lecture(live)
        order.lock(lecture)
        order.remove(order.people_in(lecture))
        db.session.commit()
        assert order.people_in(lecture) == []
    assert join(client, room).json["identity"] != first
    assert len(rows(app, Participant)) == 2


def test_browser_and_network_are_kept_as_keyed_hashes_of_this_room_only(
    app: Flask, client: Any, room: Any, live: int, make_user: Any, make_room: Any
) -> None:
    join(client, room, fingerprint=FINGERPRINT)
    (row,) = rows(app, Participant)
    other = make_room(make_user())
    with app.app_context():
        here, there = db.session.get(Room, room[0]), db.session.get(Room, other[0])
        assert here is not None and there is not None
        assert row.fingerprint_key == keyed(here, FINGERPRINT) != keyed(there, FINGERPRINT)
        assert row.address_key == keyed(here, "127.0.0.1")
        assert keyed(here, "") == ""


def test_guards_hear_by_which_code_somebody_came(
    app: Flask, client: Any, room: Any, live: int, add_guard: Guard
) -> None:
    heard: list[str] = []
    add_guard("locks", admit=lambda room, joins: heard.extend(j.code for j in joins) or {})
    join(client, room, code="kxf-pmua-wz")
    assert heard == ["kxf-pmua-wz"]
    assert join(client, room, code="x" * 41).status_code == 422


def test_a_packet_that_is_too_large_is_refused_before_it_is_sent(app: Flask, live: int) -> None:
    with app.app_context(), pytest.raises(ValueError, match="too many for one packet"):
        order.tell(the_lecture(live), "chat", {"text": "x" * 20_000})


def test_nobody_is_told_while_livekit_is_away_and_nothing_raises(
    app: Flask, live: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    with app.app_context():
        assert order.tell(the_lecture(live), "chat", {}) is False


def test_the_second_look_survives_a_database_that_is_away(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_: Any) -> None:
        raise sa.exc.OperationalError("SELECT", {}, Exception("gone"))

    monkeypatch.setattr(enforcement, "enforce", away)
    monkeypatch.setattr(LiveKit, "list_participants", away)
    monkeypatch.setattr(db.session, "get", away)
    enforcement._enforce_in(app, 1)
