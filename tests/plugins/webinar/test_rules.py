"""Who may ask, who may speak, and what is said of it, on a real database; LiveKit is away."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask

from core import order
from core.contracts import Grants
from core.db import db, now
from core.lectures import lectures
from core.lectures.models import Lecture, Participant
from core.models import AuditEntry
from core.rooms.models import Room
from tests.plugins.webinar.conftest import Somebody

Come = Callable[..., Somebody]
Rights = Callable[[Somebody], tuple[bool, ...]]
ALL, NOTHING, VOICE = (True, True, True), (False, False, False), (True, False, False)


def names(state: Any, what: str = "hands") -> list[str]:
    return [one["name"] for one in state[what]]


# --- hands ----------------------------------------------------------------------------


def test_hands_stand_in_the_order_of_raising_for_everybody_who_looks(host: Somebody, come: Come) -> None:
    ada, bob, cid = come("Ada"), come("Bob"), come("Cid")
    for one in (bob, ada, cid):
        one.do("raise")
    latecomer = come("Dan")
    assert names(host.state) == names(latecomer.state) == ["Bob", "Ada", "Cid"]
    assert host.state["count"] == 3
    assert [one.state["place"] for one in (bob, ada, cid)] == [1, 2, 3]
    assert latecomer.state.get("place") is None


def test_three_hands_look_the_same_to_a_latecomer_and_a_co_host(
    app: Flask, host: Somebody, come: Come, make_user: Any, sign_in: Any
) -> None:
    people = [come(name) for name in ("Ada", "Bob", "Cid")]
    for one in reversed(people):
        one.do("raise")
    second = make_user(email="second@uni.example")
    answer = host.client.post(f"/api/rooms/{host.room}/hosts", json={"email": "second@uni.example"})
    assert answer.status_code == 201, answer.text
    co_host, latecomer = Somebody(sign_in(second), host.room).join(), come("Dan")
    seen = [{**one.state, "at": 0} for one in (host, co_host, latecomer)]
    assert seen[0] == seen[1] == seen[2]
    assert names(seen[0]) == ["Cid", "Bob", "Ada"]


def test_raising_twice_keeps_the_place_and_lowering_gives_it_up(host: Somebody, come: Come) -> None:
    ada, bob = come("Ada"), come("Bob")
    assert ada.do("raise")["place"] == 1
    assert bob.do("raise")["place"] == 2
    assert ada.do("raise")["place"] == 1
    for _twice in range(2):
        assert "place" not in ada.do("lower")
    assert bob.state["place"] == 1
    assert ada.do("raise")["place"] == 2


def test_one_hand_for_a_person_who_raises_it_in_eight_tabs_at_once(
    app: Flask, host: Somebody, come: Come
) -> None:
    ada = come("Ada")
    cookie = ada.client.get_cookie("audimax_guest") or next(iter(ada.client._cookies.values()))
    answers: list[int] = []

    def raise_it() -> None:
        tab = app.test_client()
        tab.set_cookie(cookie.key, cookie.value, domain="localhost")
        answers.append(Somebody(tab, host.room).try_to("raise").status_code)

    tabs = [threading.Thread(target=raise_it) for _ in range(8)]
    for tab in tabs:
        tab.start()
    for tab in tabs:
        tab.join()
    assert answers == [200] * 8
    assert host.state["count"] == 1


def test_who_is_not_inside_raises_no_hand(app: Flask, host: Somebody, come: Come, change: Any) -> None:
    stranger, removed = Somebody(app.test_client(), host.room), come()
    removed.do("raise")
    change(removed, removed_at=now())
    for action in ("raise", "lower"):
        assert stranger.try_to(action).status_code == 403
        assert removed.try_to(action).status_code == 403
    assert host.state["hands"] == []
    assert host.try_to("raise").status_code == 409, "the host hasn't joined"


def test_a_hand_of_who_was_removed_is_gone_also_when_they_return(
    host: Somebody, come: Come, change: Any
) -> None:
    bob = come()
    bob.do("raise")
    change(bob, removed_at=now())
    bob.join()
    assert host.state["hands"] == []
    assert bob.state.get("place") is None


def test_who_reloads_keeps_the_place_and_who_stays_away_loses_it(
    host: Somebody, come: Come, change: Any
) -> None:
    ada, bob = come("Ada"), come("Bob")
    ada.do("raise")
    bob.do("raise")
    change(ada, left_at=now())
    assert names(host.state) == ["Ada", "Bob"]
    change(ada, left_at=now() - timedelta(minutes=3))
    assert names(host.state) == ["Bob"]
    assert bob.state["place"] == 1
    change(ada, present_since=now())
    assert names(host.state) == ["Ada", "Bob"]


def test_hands_are_lowered_by_their_owner_and_by_hosts_only(host: Somebody, come: Come, sent: Any) -> None:
    ada, bob = come("Ada"), come("Bob")
    ada.do("raise")
    bob.do("raise")
    assert bob.try_to(f"people/{ada.identity}/lower").status_code == 403
    assert bob.try_to("clear").status_code == 403
    assert bob.try_to("raise", identity=ada.identity).status_code == 200
    assert names(host.state) == ["Ada", "Bob"], "a body raises nobody else's hand"
    host.do(f"people/{ada.identity}/lower")
    assert ({"you": "lowered"}, [ada.identity]) in sent
    host.do("clear")
    host.do("clear")
    assert host.state["count"] == 0


def test_a_hand_that_goes_up_and_down_all_the_time_is_stopped_in_words(host: Somebody, come: Come) -> None:
    bob, ada = come("Bob"), come("Ada")
    statuses = {bob.try_to("raise").status_code for _ in range(31)}
    assert statuses == {200, 429}
    assert "Too many tries" in bob.try_to("lower").json["detail"]
    assert ada.try_to("raise").status_code == 200, "others behind the same address may"


def test_five_hundred_hands_are_bounded_in_every_answer_and_counted(
    app: Flask, host: Somebody, sent: Any, queries: Any
) -> None:
    from plugins.webinar import models, news

    with app.app_context():
        lecture = db.session.scalars(sa.select(Lecture)).one()
        people = [Participant(lecture_id=lecture.id, name=f"Guest {n} " + "ä" * 60) for n in range(500)]
        db.session.add_all(people)
        db.session.flush()
        for person in people:
            models.raise_hand(person)
            models.give_floor(person, camera_and_screen=False)
        db.session.commit()
        last = people[-1].id
    state = host.state
    assert (len(state["hands"]), state["count"]) == (100, 500)
    assert (len(state["floors"]), state["floors_count"]) == (50, 500)
    assert [one["name"][:8] for one in state["hands"][:2]] == ["Guest 0 ", "Guest 1 "]
    with app.app_context():
        assert models.place_of(db.session.get_one(Participant, last)) == 500
        lecture = db.session.scalars(sa.select(Lecture)).one()
        with queries(at_most=5):
            news.tell_queue(lecture)
    (packet,) = [one for one, to in sent if "hands" in one]
    assert (len(packet["hands"]), packet["count"], "name" in packet["hands"][0]) == (100, 500, False)
    host.do("clear")
    assert host.state["count"] == 0


# --- the floor ------------------------------------------------------------------------


def test_in_a_webinar_guests_listen_and_hosts_speak(
    host: Somebody, come: Come, rights: Rights, owner: int
) -> None:
    early = come()
    assert rights(early) == ALL
    host.do("mode", on=True)
    host.join()
    assert rights(early) == NOTHING
    assert rights(come()) == NOTHING, "who comes later"
    assert rights(host) == ALL
    host.do("mode", on=False)
    assert rights(early) == ALL


def test_the_rooms_form_switches_the_webinar_for_those_inside_too(
    host: Somebody, come: Come, rights: Rights
) -> None:
    bob = come()
    host.set(webinar_mode=True)
    assert rights(bob) == NOTHING
    assert bob.state["on"] is True
    host.set(webinar_mode=False)
    assert rights(bob) == ALL


def test_switching_the_plugin_off_in_a_room_ends_the_webinar(
    host: Somebody, come: Come, rights: Rights
) -> None:
    bob = come()
    host.do("mode", on=True)
    host.patch(plugins={"webinar": {"enabled": False}})
    assert rights(bob) == ALL


def test_the_floor_is_given_kept_over_a_reload_and_taken_back(
    host: Somebody, come: Come, rights: Rights, sent: Any
) -> None:
    host.do("mode", on=True)
    bob, ada = come("Bob"), come("Ada")
    bob.do("raise")
    called = host.do(f"people/{bob.identity}/give", camera_and_screen=False)
    assert called == {"identity": bob.identity, "name": "Bob", "microphone": True}
    assert ({"you": "called", "camera_and_screen": False}, [bob.identity]) in sent
    assert (rights(bob), rights(ada)) == (VOICE, NOTHING)
    assert (host.state["hands"], names(host.state, "floors")) == ([], ["Bob"])
    bob.join()
    assert rights(bob) == VOICE
    host.do(f"people/{bob.identity}/give", camera_and_screen=True)
    assert rights(bob) == ALL
    for _twice in range(2):
        host.do(f"people/{bob.identity}/take-back")
        assert (rights(bob), host.state["floors"]) == (NOTHING, [])


def test_the_floor_ends_with_the_lecture_and_with_a_removal(
    app: Flask, host: Somebody, come: Come, rights: Rights, change: Any, owner: int
) -> None:
    host.do("mode", on=True)
    bob, eve = come("Bob"), come("Eve")
    for one in (bob, eve):
        host.do(f"people/{one.identity}/give", camera_and_screen=True)
    change(eve, removed_at=now())
    assert rights(eve.join("Eve")) == NOTHING
    with app.app_context():
        lecture = db.session.scalars(sa.select(Lecture)).one()
        lectures.end(lecture, reason="host")
        db.session.add(Lecture(room_id=lecture.room_id, title="Tomorrow", started_by_id=owner))
        db.session.commit()
    assert host.state["floors"] == []
    assert rights(bob.join()) == NOTHING


def test_everybodys_floor_is_taken_back_at_once(host: Somebody, come: Come, rights: Rights) -> None:
    host.do("mode", on=True)
    people = [come() for _ in range(3)]
    for one in people:
        host.do(f"people/{one.identity}/give", camera_and_screen=False)
    host.do("take-back-all")
    host.do("take-back-all")
    assert {rights(one) for one in people} == {NOTHING}


def test_a_webinar_begins_with_nobody_having_the_floor(host: Somebody, come: Come, rights: Rights) -> None:
    host.do("mode", on=True)
    bob = come()
    host.do(f"people/{bob.identity}/give", camera_and_screen=False)
    host.do("mode", on=False)
    host.do("mode", on=True)
    assert (rights(bob), host.state["floors"]) == (NOTHING, [])


def test_next_calls_on_the_first_who_is_still_here(
    host: Somebody, come: Come, rights: Rights, change: Any
) -> None:
    host.do("mode", on=True)
    gone, out, ada, bob = come("Gone"), come("Out"), come("Ada"), come("Bob")
    for one in (gone, out, ada, bob):
        one.do("raise")
    change(gone, left_at=now())
    change(out, removed_at=now())
    assert host.do("next", camera_and_screen=False)["name"] == "Ada"
    assert host.do("next", camera_and_screen=True)["name"] == "Bob"
    assert (rights(ada), rights(bob)) == (VOICE, ALL)
    empty = host.try_to("next", camera_and_screen=False)
    assert (empty.status_code, empty.json["detail"]) == (409, "Nobody who is here has raised a hand.")


def test_two_hosts_who_press_next_at_once_call_on_two_people(
    app: Flask, host: Somebody, come: Come, owner: int, sign_in: Any
) -> None:
    people = [come(name) for name in ("Ada", "Bob", "Cid")]
    for one in people:
        one.do("raise")
    called: list[str] = []
    desks = [Somebody(sign_in(owner), host.room) for _ in range(2)]
    both = [
        threading.Thread(target=lambda d=desk: called.append(d.do("next", camera_and_screen=False)["name"]))
        for desk in desks
    ]
    for one in both:
        one.start()
    for one in both:
        one.join()
    assert sorted(called) == ["Ada", "Bob"]
    assert names(host.state) == ["Cid"]


def test_the_floor_is_not_given_to_somebody_who_was_removed_or_never_here(
    host: Somebody, come: Come, change: Any
) -> None:
    bob = come()
    change(bob, removed_at=now())
    for identity in (bob.identity, "nobody"):
        for action in ("give", "take-back", "lower"):
            answer = host.try_to(f"people/{identity}/{action}", camera_and_screen=False)
            assert (answer.status_code, answer.json["detail"]) == (404, "This person isn't in this lecture.")


def test_in_an_ordinary_call_being_called_on_is_a_sign_and_no_right(
    host: Somebody, come: Come, rights: Rights, sent: Any
) -> None:
    bob = come()
    bob.do("raise")
    assert host.do("next", camera_and_screen=False)["microphone"] is True
    assert ({"you": "called", "camera_and_screen": False}, [bob.identity]) in sent
    assert (host.state["floors"], host.state["hands"], rights(bob)) == ([], [], ALL)
    host.do("mode", on=True)
    assert rights(bob) == NOTHING


def test_the_floor_opens_nothing_that_another_guard_keeps_shut(
    host: Somebody, come: Come, rights: Rights, sent: Any, add_guard: Any
) -> None:
    panic: list[bool] = [True]
    silence = Grants(False, False, False)
    add_guard(
        "panic",
        narrow_grants=lambda room, participants: {p.id: silence for p in participants if panic},
    )
    host.do("mode", on=True)
    bob = come()
    assert host.do(f"people/{bob.identity}/give", camera_and_screen=True)["microphone"] is False
    assert rights(bob) == NOTHING
    assert not [packet for packet, to in sent if to == [bob.identity]], "nobody asks who can't speak"
    panic.clear()
    assert rights(bob.join()) == ALL


# --- at the same moment ---------------------------------------------------------------


def waits_for_a_lock(app: Flask) -> bool:
    with app.app_context():
        query = sa.text("SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'")
        return bool(db.session.scalar(query))


def while_the_webinar_begins(app: Flask, work: Callable[[], Any]) -> None:
    """Begin ``work`` while the mode is being switched on, so that it waits for that."""
    from core.engine.room_plugins import change_room_settings
    from plugins.webinar.settings import RoomSettings

    late = threading.Thread(target=work)
    with app.app_context():
        lecture = db.session.scalars(sa.select(Lecture)).one()
        change_room_settings(lecture.room, RoomSettings, None, webinar_mode=True)
        order.lock(lecture)
        late.start()
        while not waits_for_a_lock(app):
            assert late.is_alive()
        order.narrow(lecture)
        db.session.commit()
    late.join(30)


def test_who_joins_while_the_webinar_begins_comes_in_without_a_voice(
    app: Flask, host: Somebody, come: Come, rights: Rights
) -> None:
    come()
    bob = Somebody(app.test_client(), host.room)
    while_the_webinar_begins(app, bob.join)
    assert rights(bob) == NOTHING


def test_a_hosts_action_that_waited_for_the_webinar_knows_of_it(
    app: Flask, host: Somebody, come: Come, rights: Rights
) -> None:
    bob, ada = come("Bob"), come("Ada")
    while_the_webinar_begins(app, lambda: host.do(f"people/{bob.identity}/give", camera_and_screen=False))
    assert (rights(bob), rights(ada)) == (VOICE, NOTHING)
    assert names(host.state, "floors") == ["Bob"]


# --- reactions ------------------------------------------------------------------------


def test_a_reaction_reaches_everybody_without_a_name(host: Somebody, come: Come, sent: Any) -> None:
    come().do("react", emoji="👏")
    assert sent == [({"reactions": {"👏": 1}}, [])]


@pytest.mark.parametrize("emoji", ["💩", "", "👏👏", "<b>", "x" * 5000])
def test_only_reactions_of_the_set_are_taken(come: Come, emoji: str, sent: Any) -> None:
    assert come().try_to("react", emoji=emoji).status_code == 422
    assert sent == []


def test_who_reacts_all_the_time_is_stopped_and_others_behind_the_same_address_are_not(
    come: Come, host: Somebody
) -> None:
    bob, ada = come("Bob"), come("Ada")
    assert {bob.try_to("react", emoji="🎉").status_code for _ in range(10)} == {204}
    assert bob.try_to("react", emoji="🎉").status_code == 429
    assert ada.try_to("react", emoji="🎉").status_code == 204


def test_reactions_can_be_switched_off(host: Somebody, come: Come) -> None:
    host.set(reactions=False)
    bob = come()
    answer = bob.try_to("react", emoji="👏")
    assert (answer.status_code, answer.json["detail"]) == (409, "Reactions are switched off in this room.")
    assert bob.state["may_react"] is False


# --- who may --------------------------------------------------------------------------


HOST_CALLS = [
    ("mode", {"on": False}),
    ("next", {"camera_and_screen": True}),
    ("clear", {}),
    ("take-back-all", {}),
    ("people/{me}/give", {"camera_and_screen": True}),
    ("people/{me}/take-back", {}),
    ("people/{me}/lower", {}),
]


@pytest.mark.parametrize(("action", "body"), HOST_CALLS)
def test_neither_guests_nor_hosts_of_another_room_do_what_hosts_do(
    app: Flask, host: Somebody, come: Come, rights: Rights, make_user: Any, make_room: Any, sign_in: Any,
    action: str, body: dict[str, Any],
) -> None:  # fmt: skip
    host.do("mode", on=True)
    bob = come()
    bob.do("raise")
    foreign = make_user(email="other@uni.example")
    make_room(foreign)
    path = action.format(me=bob.identity)
    assert bob.try_to(path, **body).status_code == 403
    assert Somebody(sign_in(foreign), host.room).try_to(path, **body).status_code == 403
    assert rights(bob) == NOTHING
    assert host.state["count"] == 1


def test_a_person_of_another_rooms_lecture_is_nobody_here(
    app: Flask, host: Somebody, come: Come, make_room: Any, owner: int
) -> None:
    key, room, _code = make_room(owner)
    with app.app_context():
        db.session.add(Lecture(room_id=key, title="Elsewhere", started_by_id=owner))
        db.session.commit()
    there = Somebody(app.test_client(), room).join()
    there.do("raise")
    assert host.try_to(f"people/{there.identity}/give", camera_and_screen=True).status_code == 404
    assert host.state["hands"] == []


def test_what_hosts_do_is_written_down(app: Flask, host: Somebody, come: Come) -> None:
    bob = come("Bob")
    host.do("mode", on=True)
    host.do(f"people/{bob.identity}/give", camera_and_screen=True)
    host.do(f"people/{bob.identity}/take-back")
    host.do(f"people/{bob.identity}/lower")
    host.do("take-back-all")
    host.do("clear")
    with app.app_context():
        rows = db.session.scalars(sa.select(AuditEntry).order_by(AuditEntry.id)).all()
        said = [(r.action, r.target) for r in rows if r.action.startswith("webinar.")]
        assert all(row.actor_name for row in rows if row.action.startswith("webinar."))
    assert said == [
        ("webinar.mode", ""),
        ("webinar.give", "Bob"),
        ("webinar.take_back", "Bob"),
        ("webinar.lower", "Bob"),
        ("webinar.take_back_all", ""),
        ("webinar.clear", ""),
    ]


def test_a_room_that_wants_the_webinar_denies_guests_while_the_plugin_is_off(
    app: Flask, host: Somebody, make_app: Any
) -> None:
    with app.app_context():
        assert db.session.scalars(sa.select(Room)).one()
    host.set(webinar_mode=True)
    without = make_app()
    answer = without.test_client().post(f"/api/rooms/{host.room}/join", json={"name": "Bob"})
    assert answer.status_code == 403
    assert "can't be entered right now" in answer.json["detail"]


def test_without_a_lecture_every_call_says_so(app: Flask, host: Somebody) -> None:
    with app.app_context():
        lectures.end(db.session.scalars(sa.select(Lecture)).one(), reason="host")
    answer = host.try_to("next", camera_and_screen=False)
    assert (answer.status_code, answer.json["code"]) == (409, "not_live")
