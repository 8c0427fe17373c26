"""Who is asked, what is right, and how often one may guess, on a real database; LiveKit is away."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask

from core.contracts import Verdict
from core.db import db, now
from core.lectures.models import Lecture, Participant
from core.livekit.client import LiveKit
from core.models import AuditEntry, GuardPass, Waiting
from core.people import hashing
from plugins.pin import door, tries
from plugins.pin import memory as memories
from plugins.pin.memory import Memory
from plugins.pin.models import Held, Pin, Try
from plugins.pin.settings import Settings
from plugins.pin.words import new_pin, weakness

PIN = "482913"
Call = Callable[..., Any]


@pytest.fixture(autouse=True)
def livekit_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(LiveKit, "must_be_reachable", lambda self: None)


@pytest.fixture
def looks(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What bcrypt was asked to look at."""
    looked: list[str] = []
    real = memories.queue.check

    def check(pin: str, stored: str | None) -> bool:
        looked.append(pin)
        return bool(real(pin, stored))

    monkeypatch.setattr(memories.queue, "check", check)
    return looked


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hashing, "ROUNDS", 4)


@pytest.fixture
def app(make_app: Callable[..., Flask]) -> Flask:
    return make_app("pin")


class Host:
    """The owner of a room in which a lecture runs."""

    def __init__(self, app: Flask, client: Any, room: str, key: int, code: str, lecture: int) -> None:
        self.app, self.client, self.room, self.key, self.code = app, client, room, key, code
        self.lecture = lecture

    def __call__(self, action: str, **body: Any) -> Any:
        answer = self.client.post(f"/api/rooms/{self.room}/pin/{action}", json=body)
        assert answer.status_code < 300, answer.text
        return answer.json

    @property
    def state(self) -> Any:
        return self.client.get(f"/api/rooms/{self.room}/pin/state").json


@pytest.fixture
def host(app: Flask, make_user: Any, make_room: Any, sign_in: Any) -> Host:
    owner = make_user()
    key, room, code = make_room(owner)
    with app.app_context():
        lecture = Lecture(room_id=key, title="Today", started_by_id=owner)
        db.session.add(lecture)
        db.session.commit()
        lecture_id = lecture.id
    return Host(app, sign_in(owner), room, key, code, lecture_id)


def join(client: Any, host: Host, pin: str | None = None, address: str = "192.0.2.1", **body: Any) -> Any:
    answer = {"answer": {"field": "pin", "value": pin}} if pin is not None else {}
    return client.post(
        f"/api/rooms/{host.room}/join",
        json={"name": "Bob", **answer, **body},
        environ_base={"REMOTE_ADDR": address},
    )


def guest(host: Host, pin: str | None = None, address: str = "192.0.2.1", **body: Any) -> Any:
    """Somebody new, once; ``app`` is the worker that is asked."""
    app = body.pop("app", host.app)
    return join(app.test_client(), host, pin, address, **body)


def became(answer: Any) -> str:
    """admitted, waiting, asked or too many."""
    return str(answer.json.get("status")) if answer.status_code < 300 else str(answer.status_code)


def rows(app: Flask, model: Any) -> list[Any]:
    with app.app_context():
        return list(db.session.scalars(sa.select(model)))


def forget_what_is_known(*apps: Flask) -> None:
    """As after a restart of the workers."""
    for app in apps:
        app.extensions["pin_memory"] = Memory()


def all_at_once(calls: list[Callable[[], Any]]) -> list[Any]:
    with ThreadPoolExecutor(len(calls)) as people:
        return list(people.map(lambda call: call(), calls))


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Three hundred threads share thirty connections: on a busy machine the last waits for minutes."""

    def wait(*apps: Flask) -> None:
        for app in apps:
            with app.app_context():
                monkeypatch.setattr(db.engine.pool, "_timeout", 300.0)

    return wait


def wrong(number: int) -> str:
    return f"wrong-{number}"


# --- who is asked ---------------------------------------------------------------------


def test_where_no_pin_is_set_nobody_is_asked(host: Host) -> None:
    assert became(guest(host)) == "admitted"
    assert host.state == {
        "is_set": False,
        "changed_at": "",
        "changed_by": "",
        "is_spent": False,
        "waiting": [],
    }


def test_a_wrong_pin_then_the_right_one(app: Flask, host: Host, quick: None) -> None:
    pin = host("make")["pin"]
    bob = app.test_client()
    asked = join(bob, host)
    assert (became(asked), asked.json["field"], asked.json["label"]) == ("asked", "pin", "PIN")
    assert "isn’t right" in join(bob, host, "000000").json["reason"]
    assert became(join(bob, host, pin)) == "admitted"
    assert became(join(bob, host)) == "admitted", "who reloads isn't asked again"


def test_who_passed_is_not_asked_again_in_this_lecture_but_in_the_next(
    app: Flask, host: Host, quick: None
) -> None:
    pin = host("make")["pin"]
    bob = app.test_client()
    join(bob, host, pin)
    with app.app_context():
        db.session.execute(sa.update(Participant).values(removed_at=now()))
        db.session.commit()
    assert became(join(bob, host)) == "admitted", "removed, and back through the door"
    with app.app_context():
        db.session.execute(sa.update(Lecture).values(ended_at=now()))
        db.session.add(Lecture(room_id=host.key, title="Next"))
        db.session.commit()
    assert became(join(bob, host)) == "asked"


def test_a_new_pin_throws_nobody_out_and_asks_nobody_again(app: Flask, host: Host, quick: None) -> None:
    inside, passed = app.test_client(), app.test_client()
    assert became(join(inside, host)) == "admitted"
    first = host("make")["pin"]
    join(passed, host, first)
    second = host("make")["pin"]
    assert became(join(inside, host)) == "admitted" and became(join(passed, host)) == "admitted"
    assert became(guest(host, first)) == "asked", "the old one is worth nothing"
    assert became(guest(host, second)) == "admitted"
    assert [p.removed_at for p in rows(app, Participant)] == [None] * 3


def test_who_was_let_in_without_a_pin_and_removed_is_asked(app: Flask, host: Host, quick: None) -> None:
    bob = app.test_client()
    join(bob, host)
    host("make")
    with app.app_context():
        db.session.execute(sa.update(Participant).values(removed_at=now()))
        db.session.commit()
    assert became(join(bob, host)) == "asked"


def test_the_pin_comes_before_the_lobby(app: Flask, host: Host, quick: None, add_guard: Any) -> None:
    add_guard("lobby", admit=lambda joins: {j.key: Verdict.wait("Please wait.") for j in joins})
    pin = host("make")["pin"]
    bob = app.test_client()
    assert became(join(bob, host)) == "asked"
    answer = join(bob, host, pin)
    assert (became(answer), answer.json["code"]) == ("waiting", "lobby")
    with app.app_context():
        assert db.session.scalars(sa.select(GuardPass.guard)).all() == ["pin"]


def test_a_ban_comes_before_the_pin(app: Flask, host: Host, quick: None, add_guard: Any) -> None:
    add_guard("ban", admit=lambda joins: {j.key: Verdict.deny("Never.") for j in joins})
    pin = host("make")["pin"]
    assert guest(host, pin).json["detail"] == "Never."


def test_hosts_are_never_asked(host: Host, quick: None) -> None:
    host("make")
    assert became(host.client.post(f"/api/rooms/{host.room}/join", json={})) == "admitted"


def test_before_the_start_the_pin_is_asked_and_then_one_waits(app: Flask, host: Host, quick: None) -> None:
    with app.app_context():
        db.session.execute(sa.update(Lecture).values(ended_at=now()))
        db.session.commit()
    pin = host("make")["pin"]
    bob = app.test_client()
    assert became(join(bob, host)) == "asked"
    assert join(bob, host, pin).json["code"] == "host_absent"
    assert join(bob, host).json["code"] == "host_absent"


def test_in_the_address_the_pin_is_read_by_nobody(app: Flask, host: Host, quick: None) -> None:
    pin = host("make")["pin"]
    url = f"/api/rooms/{host.room}/join?pin={pin}"
    assert became(app.test_client().post(url, json={"name": "Bob"})) == "asked"
    page = app.test_client().get(f"/r/{host.code}?pin={pin}")
    assert page.status_code == 200 and pin not in page.text


# --- the PIN itself -------------------------------------------------------------------


def test_a_pin_is_shown_once_and_kept_as_a_hash_only(app: Flask, host: Host) -> None:
    made = host("make")
    pin = made["pin"]
    assert made["link"] == f"http://localhost:8000/r/{host.code}#pin={pin}"
    (row,) = rows(app, Pin)
    assert row.hash.startswith("$2b$12$") and pin not in str(vars(row))
    assert host.state["is_set"] and host.state["changed_by"] == "Ada Lovelace" and pin not in str(host.state)
    notes = rows(app, AuditEntry)
    assert [note.action for note in notes] == ["pin.make"] and pin not in str([vars(note) for note in notes])
    assert pin not in host.client.get(f"/plugins/pin/rooms/{host.room}").text


def test_made_pins_have_six_digits_and_are_none_that_everybody_tries_first() -> None:
    made = {new_pin() for _ in range(500)}
    assert all(len(pin) == 6 and pin.isdecimal() for pin in made) and len(made) > 490
    assert not made & {"123456", "000000", "654321"}


@pytest.mark.parametrize(
    ("typed", "says"),
    [
        ("", "at least 6"),
        ("12345", "at least 6"),
        ("1 2 3 4 5", "at least 6"),
        ("111111", "everybody tries first"),
        ("123456", "everybody tries first"),
        ("fedcba", "everybody tries first"),
        ("x" * 65, "at most 64"),
    ],
)
def test_a_pin_that_is_too_easy_is_refused_in_words(host: Host, typed: str, says: str) -> None:
    answer = host.client.post(f"/api/rooms/{host.room}/pin/choose", json={"pin": typed})
    assert answer.status_code == 422 and says in answer.json["detail"]
    assert answer.json["errors"][0]["field"] == "pin" and not host.state["is_set"]
    page = host.client.post(f"/plugins/pin/rooms/{host.room}", data={"pin": typed})
    assert page.status_code == 422 and says in page.text


@pytest.mark.parametrize(
    ("chosen", "typed"),
    [
        ("482913", " 482 913\n"),
        ("482913", "４８２９１３"),
        ("Grüße 2026", "gru\u0308ße2026"),
        ("線形代数入門講義", "線形代数 入門講義"),
        ("x" * 63 + "y", "X" * 63 + "y"),
        ("🎓🐘🎻🧪🔭🌍", "🎓🐘🎻🧪🔭🌍"),
    ],
)
def test_spaces_capitals_and_keyboards_make_no_difference(
    host: Host, quick: None, chosen: str, typed: str
) -> None:
    assert host("choose", pin=chosen)["link"].startswith(f"http://localhost:8000/r/{host.code}#pin=")
    forget_what_is_known(host.app)
    assert became(guest(host, typed)) == "admitted", "by bcrypt"
    assert became(guest(host, typed)) == "admitted", "as it is remembered"


def test_a_link_carries_every_pin_unchanged(host: Host, quick: None) -> None:
    assert host("choose", pin="a+b&c=d #é")["link"].endswith("#pin=a%2Bb%26c%3Dd%20%23%C3%A9")


def test_removed_it_is_asked_of_nobody_and_who_was_held_is_free(app: Flask, host: Host, quick: None) -> None:
    host("make")
    host("remove")
    host("remove")
    assert became(guest(host)) == "admitted" and not host.state["is_set"]
    assert [note.action for note in rows(app, AuditEntry)].count("pin.remove") == 1


@pytest.mark.parametrize("action", ["make", "choose", "remove", "let-in", "let-in-right"])
def test_only_hosts_of_this_room_set_it(
    app: Flask, host: Host, make_user: Any, sign_in: Any, action: str
) -> None:
    url = f"/api/rooms/{host.room}/pin/{action}"
    inside = app.test_client()
    join(inside, host)
    body = {"choose": {"pin": PIN}, "let-in": {"id": "x"}}.get(action, {})
    for somebody in (app.test_client(), inside, sign_in(make_user())):
        assert somebody.post(url, json=body).status_code == 403
    assert not host.state["is_set"]


def test_answers_that_cannot_be_right_cost_nothing(host: Host, looks: list[str]) -> None:
    host("make")
    forget_what_is_known(host.app)
    begun = time.monotonic()
    huge = guest(host, "1" * 4000)
    assert huge.status_code == 422 and huge.json["errors"][0]["field"] == "answer.value"
    assert "200 characters" in huge.json["errors"][0]["message"]
    assert "at most 64" in guest(host, "x" * 200).json["reason"]
    assert "at most 64" in guest(host, "\ufdfa" * 200).json["reason"]
    for nothing in ("", " \n\t "):
        assert "Type the PIN" in guest(host, nothing).json["reason"]
    assert guest(host, "12\x00456").status_code == 422
    assert looks == [] and rows(host.app, Try) == [] and time.monotonic() - begun < 5


# --- how often one may guess ----------------------------------------------------------


def test_five_wrong_ones_a_minute_then_also_the_right_one_waits(
    app: Flask, host: Host, quick: None, looks: list[str]
) -> None:
    pin = host("make")["pin"]
    forget_what_is_known(app)
    assert [became(guest(host, wrong(n))) for n in range(5)] == ["asked"] * 5
    for given in (wrong(6), pin):
        answer = guest(host, given)
        assert answer.status_code == 429 and answer.json["field"] == "pin"
        assert 50 <= int(answer.headers["Retry-After"]) <= 60
        assert answer.json["retry_after"] == int(answer.headers["Retry-After"])
        assert "Too many wrong PINs came from your network" in answer.json["detail"]
    assert len(looks) == 5
    assert became(guest(host, pin, address="192.0.2.2")) == "admitted", "from elsewhere"
    with app.app_context():
        db.session.execute(sa.update(Try).values(at=Try.at - timedelta(seconds=61)))
        db.session.commit()
    assert became(guest(host, pin)) == "admitted", "a minute later"


def test_an_ipv6_network_is_one_address(host: Host, quick: None) -> None:
    host("make")
    answers = [became(guest(host, wrong(n), address=f"2001:db8:1:2::{n + 1}")) for n in range(6)]
    assert answers == ["asked"] * 5 + ["429"]
    assert became(guest(host, wrong(9), address="2001:db8:1:3::1")) == "asked"


def test_another_room_has_a_count_of_its_own(
    app: Flask, host: Host, quick: None, make_user: Any, make_room: Any, sign_in: Any
) -> None:
    owner = make_user()
    key, room, code = make_room(owner)
    other = Host(app, sign_in(owner), room, key, code, 0)
    host("make")
    other("make")
    assert [became(guest(host, wrong(n))) for n in range(6)][-1] == "429"
    assert became(guest(other, wrong(1))) == "asked"


def test_a_right_one_gives_back_its_own_try_and_nobody_elses(host: Host, quick: None) -> None:
    pin = host("make")["pin"]
    answers = []
    for n in range(5):
        answers.append(became(guest(host, wrong(n))))
        forget_what_is_known(host.app)
        if n < 4:
            assert became(guest(host, pin)) == "admitted"
    assert answers == ["asked"] * 5
    assert became(guest(host, wrong(5))) == "429", "four right ones between them wiped nothing"
    assert [one.state for one in rows(host.app, Try)] == ["wrong"] * 5


def test_a_new_pin_begins_counting_anew(host: Host, quick: None) -> None:
    host("make")
    for n in range(6):
        guest(host, wrong(n))
    pin = host("make")["pin"]
    assert became(guest(host, pin)) == "admitted"


@pytest.mark.slow
def test_three_hundred_right_ones_at_once_from_one_address_all_pass_with_one_bcrypt(
    app: Flask, host: Host, looks: list[str], patient: Callable[..., None]
) -> None:
    patient(app)
    pin = host("make")["pin"]
    forget_what_is_known(app)
    answers = all_at_once([lambda: guest(host, pin)] * 300)
    assert Counter(map(became, answers)) == {"admitted": 300}
    assert looks == [pin] and rows(app, Try) == []


def test_what_another_has_found_meanwhile_is_not_looked_at_again(app: Flask, looks: list[str]) -> None:
    with app.test_request_context():
        memory = Memory()
        memory.remember(7, "v1", "482913")
        assert memory.look(7, "v1", "482913", "no hash at all") is True
        assert memory.look(7, "v1", "482914", "no hash at all") is False
    assert looks == []


@pytest.mark.slow
def test_on_two_fresh_workers_with_a_few_typos_they_all_pass_too(
    app: Flask, host: Host, looks: list[str], make_app: Any, monkeypatch: pytest.MonkeyPatch, patient: Any
) -> None:
    # Who would be told to come back on a busy machine waits here until it is their turn.
    monkeypatch.setattr(door, "PATIENCE_SECONDS", 90.0)
    other = make_app("pin")
    patient(app, other)
    pin = host("make")["pin"]
    forget_what_is_known(app, other)
    calls: list[Callable[[], Any]] = [lambda: guest(host, pin), lambda: guest(host, pin, app=other)] * 150
    for n in range(4):
        calls.insert(n * 70 + 20, lambda n=n: guest(host, wrong(n), app=(app, other)[n % 2]))  # type: ignore[misc]
    answers = all_at_once(calls)
    assert Counter(map(became, answers)) == {"admitted": 300, "asked": 4}
    assert looks.count(pin) <= 2


@pytest.mark.slow
def test_hundreds_of_wrong_ones_at_once_get_five_looks(
    app: Flask, host: Host, looks: list[str], make_app: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    # On a busy machine they take longer than a minute, after which there are five more.
    monkeypatch.setattr(tries, "ADDRESS_WINDOW", timedelta(hours=1))
    monkeypatch.setattr(tries, "COUNT", tries._count())
    other = make_app("pin")
    pin = host("make")["pin"]
    forget_what_is_known(app, other)
    calls: list[Callable[[], Any]] = [
        lambda n=n: guest(host, wrong(n), app=(app, other)[n % 2])  # type: ignore[misc]
        for n in range(400)
    ]
    answers = Counter(map(became, all_at_once(calls)))
    # On a busy machine some are told to come back instead, also of those whose PIN was looked at.
    assert len(looks) == 5 and guest(host, pin).status_code == 429
    assert answers["asked"] <= 5 and answers["asked"] + answers["429"] + answers["503"] == 400


def test_many_wrong_ones_at_once_get_five_comparisons_with_what_is_remembered(
    app: Flask, host: Host, looks: list[str], monkeypatch: pytest.MonkeyPatch, patient: Callable[..., None]
) -> None:
    patient(app)
    host("make")
    compared: list[str] = []
    real = Memory.knows

    def knows(self: Memory, room: int, version: str, pin: str) -> bool | None:
        compared.append(pin)
        return real(self, room, version, pin)

    monkeypatch.setattr(Memory, "knows", knows)
    calls: list[Callable[[], Any]] = [lambda n=n: guest(host, wrong(n)) for n in range(200)]  # type: ignore[misc]
    answers = all_at_once(calls)
    assert Counter(map(became, answers)) == {"asked": 5, "429": 195}
    assert len(compared) == 5 and looks == []


def test_a_full_queue_says_so_and_costs_no_try(
    app: Flask, host: Host, quick: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    pin = host("make")["pin"]
    forget_what_is_known(app)
    monkeypatch.setattr(memories.queue, "_places", threading.BoundedSemaphore(1))
    with memories.queue._places:
        answer = guest(host, pin)
    assert answer.status_code == 503 and answer.headers["Retry-After"] == "3"
    assert "Many people are typing a PIN" in answer.json["detail"]
    assert rows(app, Try) == [] and became(guest(host, pin)) == "admitted"


def test_who_waits_too_long_for_others_is_told_to_come_back(
    app: Flask, host: Host, quick: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    pin = host("make")["pin"]
    monkeypatch.setattr("plugins.pin.door.PATIENCE_SECONDS", 0.0)
    with app.app_context():
        key = guest_key(host)
        db.session.add_all([Try(room_id=host.key, address_key=key, state="pending") for _ in range(5)])
        db.session.commit()
    assert guest(host, pin).status_code == 503
    with app.app_context():
        db.session.execute(sa.update(Try).values(at=Try.at - timedelta(seconds=61)))
        db.session.commit()
    assert became(guest(host, pin)) == "admitted", "what a killed worker left behind doesn't count for long"


def guest_key(host: Host) -> str:
    from core.api import Room, keyed

    return keyed(db.session.get_one(Room, host.key), "192.0.2.1")


def test_a_pin_that_changes_while_an_answer_is_looked_at_counts_as_it_is_then(
    app: Flask, host: Host, quick: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = host("make")["pin"]
    forget_what_is_known(app)
    new: list[str] = []
    real = memories.queue.check

    def check(pin: str, stored: str | None) -> bool:
        if not new:
            thread = threading.Thread(target=lambda: new.append(host("make")["pin"]))
            thread.start()
            thread.join()
        return bool(real(pin, stored))

    monkeypatch.setattr(memories.queue, "check", check)
    assert became(guest(host, old)) == "asked"
    assert became(guest(host, new[0])) == "admitted"


# --- the room's budget ----------------------------------------------------------------


@pytest.fixture
def spent(app: Flask, host: Host) -> Host:
    """A room whose budget of six is spent, from two addresses."""
    loaded = app.extensions["audimax_plugins"].loaded
    loaded["pin"] = replace(loaded["pin"], settings=Settings(room_tries=6))
    host("choose", pin=PIN)
    for n in range(6):
        assert became(guest(host, wrong(n), address=f"198.51.100.{n % 2}")) == "asked"
    return host


def test_with_the_rooms_budget_spent_right_and_wrong_get_the_same_answer(spent: Host) -> None:
    right, false = spent.app.test_client(), spent.app.test_client()
    answers = [join(right, spent, PIN, name="Ada"), join(false, spent, wrong(9), name="Eve")]
    assert [became(answer) for answer in answers] == ["waiting", "waiting"]
    assert answers[0].json == answers[1].json and "The host will look" in answers[0].json["reason"]
    assert set(answers[0].headers.keys()) == set(answers[1].headers.keys())
    assert spent.state["is_spent"]
    assert [(w["name"], w["pin"]) for w in spent.state["waiting"]] == [("Ada", "right"), ("Eve", "wrong")]
    again = [join(right, spent), join(false, spent), join(false, spent, PIN)]
    assert [became(answer) for answer in again] == ["waiting"] * 3, "also after a reload and another answer"
    assert spent.state["waiting"][1]["pin"] == "wrong"
    assert [one.state for one in rows(spent.app, Try)].count("right") == 1, (
        "both leave a row: time tells nothing"
    )


def test_spent_by_many_it_isnt_told_apart_by_one_addresss_budget(spent: Host) -> None:
    """From one address right ones go on; wrong ones too, but nobody looks at them after five."""
    answers = [guest(spent, wrong(n), name=f"Eve {n}") for n in range(7)]
    answers += [guest(spent, PIN, name="Ada")]
    assert {became(answer) for answer in answers} == {"waiting"} and len({a.text for a in answers}) == 1
    assert [w["pin"] for w in spent.state["waiting"]] == ["wrong"] * 5 + ["unchecked"] * 3


def test_the_host_lets_one_in_and_then_all_with_the_right_pin(spent: Host) -> None:
    people = [spent.app.test_client() for _ in range(4)]
    for n, (person, pin) in enumerate(zip(people, (wrong(7), PIN, PIN, wrong(8)), strict=True)):
        join(person, spent, pin, name=f"Guest {n}")
    spent("let-in", id=spent.state["waiting"][0]["id"])
    again = [became(join(one, spent, name=f"Guest {n}")) for n, one in enumerate(people)]
    assert again == ["admitted", "waiting", "waiting", "waiting"]
    assert spent("let-in-right") == {"count": 2}
    assert [became(join(person, spent)) for person in people] == ["admitted"] * 3 + ["waiting"]
    assert len(spent.state["waiting"]) == 1
    actions = [(one.action, one.target) for one in rows(spent.app, AuditEntry) if one.action == "pin.let_in"]
    assert actions == [("pin.let_in", f"Guest {n}") for n in range(3)]
    answer = spent.client.post(f"/api/rooms/{spent.room}/pin/let-in", json={"id": "somebody else"})
    assert answer.status_code == 404


def test_who_is_held_waits_in_the_stream_and_is_woken_by_the_host(spent: Host, serve: Any) -> None:
    browser = serve()
    url = f"/api/rooms/{spent.room}"
    body = {"name": "Ada", "answer": {"field": "pin", "value": wrong(7)}}
    assert browser.post(f"{url}/join", body).json()["status"] == "waiting"
    stream = browser.listen(f"{url}/stream")
    assert stream.until("WAITING")["code"] == "pin"
    spent("let-in", id=spent.state["waiting"][0]["id"])
    assert stream.until("APPROVED")["token"]


def test_who_gives_up_waiting_is_asked_again(spent: Host) -> None:
    bob = spent.app.test_client()
    join(bob, spent, wrong(7))
    bob.post(f"/api/rooms/{spent.room}/leave", json={})
    assert spent.state["waiting"] == []
    assert became(join(bob, spent)) == "asked"


def test_a_new_pin_ends_it_and_who_was_held_still_waits(spent: Host) -> None:
    bob = spent.app.test_client()
    join(bob, spent, wrong(7))
    spent("choose", pin="another one")
    assert not spent.state["is_spent"] and became(guest(spent, "another one")) == "admitted"
    assert became(join(bob, spent)) == "waiting"
    spent("remove")
    assert became(join(bob, spent)) == "admitted"


def test_the_budget_comes_back_after_ten_minutes(spent: Host) -> None:
    with spent.app.app_context():
        db.session.execute(sa.update(Try).values(at=Try.at - timedelta(minutes=11)))
        db.session.commit()
    assert not spent.state["is_spent"] and became(guest(spent, PIN)) == "admitted"


def test_old_tries_and_who_doesnt_wait_any_more_are_swept(spent: Host) -> None:
    from plugins.pin import jobs

    join(spent.app.test_client(), spent, wrong(7), name="Stays")
    gone = spent.app.test_client()
    join(gone, spent, wrong(8), name="Goes")
    gone.post(f"/api/rooms/{spent.room}/leave", json={})
    with spent.app.app_context():
        db.session.execute(
            sa.update(Try).where(Try.state == "wrong").values(at=Try.at - timedelta(minutes=11))
        )
        db.session.commit()
        jobs.sweep(0)
    assert len(rows(spent.app, Held)) == 1 and rows(spent.app, Try) == []
    assert [row.name for row in rows(spent.app, Waiting)] == ["Stays"]


def test_hosts_inside_are_told_in_bundles(spent: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    deferred: list[Any] = []
    monkeypatch.setattr(
        "plugins.pin.door.defer", lambda name, **args: deferred.append(args.get("schedule_in"))
    )
    monkeypatch.setattr("plugins.pin.door.BUNDLED", timedelta(seconds=60))
    for _ in range(5):
        guest(spent, PIN)
    assert deferred == [None, {"seconds": 60}], "at once, and once more for all who came meanwhile"


def test_only_hosts_are_told_who_waits(spent: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    from plugins.pin import jobs

    told: list[Any] = []
    monkeypatch.setattr("plugins.pin.jobs.order.tell", lambda *said, to: told.append((said[1:], to)))
    with spent.app.app_context():
        jobs.tell_hosts(spent.key)
    assert told == [], "no host is inside, and an empty list would mean everybody"
    spent.client.post(f"/api/rooms/{spent.room}/join", json={})
    with spent.app.app_context():
        jobs.tell_hosts(spent.key)
        jobs.tell_hosts(0)
    ((said, to),) = told
    assert said == ("pin", {"waiting": True}) and [one.is_host for one in to] == [True]


# --- the page -------------------------------------------------------------------------


def test_the_page_makes_shows_once_chooses_and_removes(host: Host, quick: None) -> None:
    url = f"/plugins/pin/rooms/{host.room}"
    assert "No PIN is set" in host.client.get(url).text
    made = host.client.post(url)
    pin = made.text.partition('id="f-made" class="code-box" value="')[2].partition('"')[0]
    assert len(pin) == 6 and f"#pin={pin}" in made.text and made.headers["Cache-Control"] == "no-store"
    assert became(guest(host, pin)) == "admitted"
    assert pin not in host.client.get(url).text
    chosen = host.client.post(url, data={"pin": "a <b> & c d"})
    assert "a &lt;b&gt; &amp; c d" in chosen.text and became(guest(host, "a <b> & c d")) == "admitted"
    removed = host.client.post(f"{url}/remove", follow_redirects=True)
    assert "The PIN is removed" in removed.text and not host.state["is_set"]


def test_the_page_lets_people_in(spent: Host) -> None:
    url = f"/plugins/pin/rooms/{spent.room}"
    bob, ann = spent.app.test_client(), spent.app.test_client()
    join(bob, spent, wrong(7), name="Bob")
    join(ann, spent, PIN, name="Ann")
    page = spent.client.get(url).text
    assert "wrong PIN" in page and "right PIN" in page and "Too many wrong PINs" in page
    handle = spent.state["waiting"][0]["id"]
    assert (
        "Bob may come in."
        in spent.client.post(f"{url}/let-in", data={"id": handle}, follow_redirects=True).text
    )
    assert "One person may come in." in spent.client.post(f"{url}/let-in", follow_redirects=True).text
    assert [became(join(one, spent)) for one in (bob, ann)] == ["admitted"] * 2
    again = spent.client.post(f"{url}/let-in", data={"id": handle}, follow_redirects=True)
    assert "doesn&#39;t wait any more" in again.text


def test_the_rooms_page_leads_there(host: Host) -> None:
    about = host.client.get(f"/api/rooms/{host.room}").json["plugins"]["pin"]
    assert about["enabled"] and about["settings"] == {}, "a switch without settings"
    assert f'href="/plugins/pin/rooms/{host.room}"' in host.client.get(f"/rooms/{host.room}").text
    assert weakness("482913") == ""
