"""What is private to the hosts reaches nobody else: for every person, on every way out."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask

from core.db import db
from core.lectures.models import Lecture
from core.lectures.sections import package_for
from tests.plugins.chat.conftest import Packets, Somebody

Come = Callable[..., Somebody]
ASKED, SAID, ANSWERED = "asked in private by Ada", "said among hosts", "answered to Ada"
EVERYTHING = (ASKED, SAID, ANSWERED)
# Who may see what.
MAY = {
    "ada": {ASKED, ANSWERED},
    "bob": set(),
    "late": set(),
    "host": set(EVERYTHING),
    "stranger": set(),
    "removed": set(),
    "guest of another room": set(),
}
WAYS = ("/messages", "/changes", "/questions", "/messages?after=1", f"/messages?before={2**62}")


@pytest.fixture
def world(app: Flask, host: Somebody, come: Come, put_out: Any, make_room: Any, owner: int) -> dict[str, Any]:
    """Private messages of every kind, and everybody who might want to read them."""
    key, other_room, _code = make_room(owner, title="Elsewhere")
    with app.app_context():
        db.session.add(Lecture(room_id=key, title="Elsewhere", started_by_id=owner))
        db.session.commit()
    elsewhere = Somebody(app.test_client(), other_room).join("Eve")
    elsewhere.room = host.room
    people = {"ada": come("Ada"), "bob": come("Bob"), "removed": come("Rem"), "host": host,
              "stranger": Somebody(app.test_client(), host.room), "guest of another room": elsewhere}  # fmt: skip
    people["bob"].send("public")
    asked = people["ada"].send(ASKED, to="hosts", is_question=True)
    said = host.send(SAID, to="hosts", reply_to=asked["id"])
    answered = host.send(ANSWERED, to="author", reply_to=asked["id"])
    host.flag(asked, "answered")
    put_out(people["removed"])
    people["late"] = come("Late")
    return {**people, "ids": {ASKED: asked["id"], SAID: said["id"], ANSWERED: answered["id"]}}


@pytest.mark.parametrize("who", MAY)
def test_history_changes_and_questions_show_nobody_more_than_they_may_see(world: Any, who: str) -> None:
    for way in WAYS:
        answer = world[who].ask("GET", way)
        seen = {text for text in EVERYTHING if text in answer.text}
        assert seen <= MAY[who], f"{way} shows {who} too much"
        for hidden in set(EVERYTHING) - MAY[who]:
            assert world["ids"][hidden] not in answer.text, f"{way} shows {who} that there is something"
    if MAY[who]:
        shown = world[who].page()["messages"]
        assert {m["text"] for m in shown} == {"public", *MAY[who]}


def words(answer: Any) -> dict[str, Any]:
    """All of a refusal but the number of the request."""
    return {name: said for name, said in answer.json.items() if name != "request_id"}


@pytest.mark.parametrize("who", [who for who in MAY if MAY[who] != set(EVERYTHING)])
def test_what_somebody_may_not_see_is_not_there_for_them(world: Any, who: str) -> None:
    """An id, however it was learned, is answered like one that never was."""
    somebody = world[who]
    for text in set(EVERYTHING) - MAY[who]:
        for method, path, body in (
            ("PATCH", "", {"text": "x"}),
            ("DELETE", "", None),
            ("POST", "/mark", {"kind": "👍", "on": True}),
            ("POST", "/mark", {"kind": "vote", "on": True}),
        ):
            answers = [
                somebody.ask(method, f"/messages/{made}{path}", body)
                for made in (world["ids"][text], "neverwas000000000000")
            ]
            assert answers[0].status_code in (403, 404)
            assert words(answers[0]) == words(answers[1])
        for to in ("everyone", "hosts", "author"):
            answers = [
                somebody.try_to_send("x", to=to, reply_to=made) for made in (world["ids"][text], "never")
            ]
            assert answers[0].status_code in (403, 404)
            assert words(answers[0]) == words(answers[1])


def test_numbers_and_moments_tell_guests_nothing_of_what_is_private(world: Any) -> None:
    bob, host = world["bob"], world["host"]
    before = bob.page(), bob.changes()
    host.send("one more", to="hosts")
    world["ada"].send("and one more", to="hosts")
    assert (bob.page(), bob.changes()) == before


def test_packets_carry_nothing_private_and_go_to_those_concerned(
    world: Any, sent: Packets, host: Somebody, come: Come
) -> None:
    from tests.fixtures.livekit import until

    until(lambda: any("private" in packet for packet, _to in sent))
    told = json.dumps(sent)
    assert not any(text in told or world["ids"][text] in told for text in EVERYTHING)
    until(lambda: _heard(sent) >= {world["ada"].identity, host.identity})
    assert _heard(sent) == {world["ada"].identity, host.identity}


def _heard(sent: Packets) -> set[str]:
    private = [to for packet, to in sent if "private" in packet]
    assert all(private), "nobody means everybody"
    return {identity for to in private for identity in to}


def test_an_answer_to_everybody_cannot_quote_what_was_private(world: Any, host: Somebody) -> None:
    answer = host.try_to_send("look", reply_to=world["ids"][ASKED])
    assert (answer.status_code, answer.json["code"]) == (409, "would_show")
    mine = world["ada"].try_to_send("look", reply_to=world["ids"][ANSWERED])
    assert (mine.status_code, mine.json["code"]) == (409, "would_show")


def test_only_hosts_answer_a_guest_in_private_and_only_guests(world: Any, host: Somebody) -> None:
    public = world["bob"].page()["messages"][0]["id"]
    for who, body in (
        (world["ada"], {"reply_to": public}),
        (host, {}),
        (host, {"reply_to": world["ids"][SAID]}),
    ):
        answer = who.try_to_send("x", to="author", **body)
        assert (answer.status_code, answer.json["code"]) == (422, "no_recipient")
    line = host.send("just for you", to="author", reply_to=public)
    assert line["to"] == "Bob"
    assert "just for you" in world["bob"].texts
    assert "just for you" not in world["ada"].texts


@pytest.mark.parametrize("who", ["host", "ada", "bob"])
def test_the_lecture_page_shows_private_lines_to_hosts_only(app: Flask, world: Any, who: str) -> None:
    from core.contracts import Role, Viewer

    viewer = Viewer(Role.HOST if who == "host" else Role.PARTICIPANT, who)
    with app.test_request_context():
        package = package_for(db.session.query(Lecture).filter_by(title="Today").one(), viewer)
    seen = {text for text in EVERYTHING if text in str(package)}
    assert seen == (set(EVERYTHING) if who == "host" else set())
