"""Who may write, what becomes of it, and what is refused in words."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from flask import Flask

from core.db import db
from core.lectures import lectures
from core.lectures.models import Lecture
from core.models import AuditEntry
from plugins.chat import views
from plugins.chat.models import Message
from tests.plugins.chat.conftest import Somebody

Come = Callable[..., Somebody]


def refused(answer: Any, status: int, code: str) -> str:
    assert (answer.status_code, answer.json["code"]) == (status, code), answer.text
    assert answer.json["detail"], "every refusal has words"
    return str(answer.json["detail"])


def older(app: Flask, message: Any, **by: int) -> None:
    with app.app_context():
        row = db.session.query(Message).filter_by(public_id=message["id"]).one()
        row.at -= int(timedelta(**by).total_seconds() * 1e6)
        db.session.commit()


# --- what is written ------------------------------------------------------------------


def test_a_latecomer_reads_everything_in_the_order_in_which_it_came(host: Somebody, come: Come) -> None:
    ada, bob = come("Ada"), come("Bob")
    for number, one in enumerate((ada, host, bob, ada)):
        one.send(f"line {number}")
    late = come("Dan").page()
    assert [m["text"] for m in late["messages"]] == [f"line {n}" for n in range(4)]
    names = [m["author"]["name"] for m in late["messages"]]
    assert names == ["Ada", "Ada Lovelace", "Bob", "Ada"], "an account's name, whatever was typed"
    assert [m["author"]["is_host"] for m in late["messages"]] == [False, True, False, False]
    assert late["more"] is False
    assert late["upto"] == late["messages"][-1]["version"]


def test_what_is_sent_is_kept_as_it_was_typed_without_what_deceives(host: Somebody, come: Come) -> None:
    code = "```\nif x:\n    return  <b>1</b>\n```"
    assert come().send(code)["text"] == code
    assert come().send("a\u202ecod.exe\u2066\u200b")["text"] == "acod.exe"
    assert come().send("javascript:alert(1)")["text"] == "javascript:alert(1)", (
        "a text; pages make no link of it"
    )
    assert come().send("\n\n  x\n\n\n\n\ny \n")["text"] == "  x\n\ny"
    assert come().send("🎓 " + "a" * 3998)["text"].endswith("a")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "Please type a message."),
        (" \n\t\u200b", "Please type a message."),
        ("x" * 4001, "at most 4000 characters"),
        ("x" * 19_000, "at most 4000 characters"),
    ],
)
def test_a_text_that_is_none_or_too_long_is_refused_in_words(host: Somebody, text: str, words: str) -> None:
    answer = host.try_to_send(text)
    assert words in refused(answer, 422, "invalid")
    assert answer.json["errors"][0]["field"] == "text"


def test_a_megabyte_and_null_bytes_are_refused_in_words_and_leave_nothing(host: Somebody, come: Come) -> None:
    bob = come()
    assert bob.try_to_send("x" * 25_000).status_code == 422
    too_large = bob.try_to_send("x" * 1_100_000)
    assert (too_large.status_code, "too large" in too_large.json["detail"]) == (413, True)
    assert "null characters" in bob.try_to_send("a\0b").json["errors"][0]["message"]
    for wrong in ("not a uuid", "", None, 7):
        assert bob.ask("POST", "/messages", {"client_id": wrong, "text": "x"}).status_code == 422
    assert bob.texts == []


def test_ten_thousand_a_minute_are_refused_by_person_not_by_address(
    host: Somebody, come: Come, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(views.SENDS.__dict__, "limit", "15 per 10 second")
    views.SENDS.__dict__.pop("item", None)
    bob, ada = come("Bob"), come("Ada")
    answers = [bob.try_to_send(f"{n}") for n in range(60)]
    assert [answer.status_code for answer in answers].count(201) == 15
    refused(answers[-1], 429, "too_many")
    assert 1 <= answers[-1].json["retry_after"] <= 10
    ada.send("behind the same address")
    assert len(host.texts) == 16


def test_a_retry_is_answered_with_the_line_that_is_there(host: Somebody, come: Come) -> None:
    bob, ada = come("Bob"), come("Ada")
    body = {"client_id": str(uuid4()), "text": "once"}
    first, again = (bob.ask("POST", "/messages", body) for _ in range(2))
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json == again.json
    assert first.json["client_id"] == body["client_id"]
    host.mode("off")
    assert bob.ask("POST", "/messages", body).status_code == 200, "it was taken before"
    host.mode("everyone")
    other = ada.ask("POST", "/messages", body)
    assert (other.status_code, other.json["author"]["name"]) == (201, "Ada"), "another person's id is theirs"
    assert host.texts == ["once", "once"]


# --- who may write --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("mode", "guest_to_all", "guest_to_hosts", "host_may"),
    [
        ("everyone", "", "", ""),
        ("questions", "to_hosts", "", ""),
        ("hosts", "hosts_write", "hosts_write", ""),
        ("off", "chat_off", "chat_off", "chat_off"),
    ],
)
def test_the_mode_is_kept_by_the_server(
    host: Somebody, come: Come, mode: str, guest_to_all: str, guest_to_hosts: str, host_may: str
) -> None:
    bob = come()
    mine, theirs = bob.send("before"), host.send("of the host")
    host.mode(mode)
    assert bob.page()["state"]["mode"] == mode
    for who, to, code in (
        (bob, "everyone", guest_to_all), (bob, "hosts", guest_to_hosts), (host, "everyone", host_may)
    ):  # fmt: skip
        answer = who.try_to_send("now", to=to)
        assert answer.status_code == 201 if not code else refused(answer, 409, code)
    changed = bob.ask("PATCH", f"/messages/{mine['id']}", {"text": "changed"})
    assert changed.status_code == 200 if not guest_to_all else refused(changed, 409, guest_to_all)
    marked = bob.ask("POST", f"/messages/{theirs['id']}/mark", {"kind": "👍", "on": True})
    assert marked.status_code == 200 if mode != "off" else refused(marked, 409, "chat_off")
    bob.want("DELETE", f"/messages/{mine['id']}")


def test_the_rooms_form_acts_at_once_until_hosts_say_otherwise_for_this_lecture(
    host: Somebody, come: Come
) -> None:
    bob = come()
    host.set(mode="hosts", slow_seconds=30)
    assert bob.try_to_send("x").status_code == 409
    host.mode("everyone")
    bob.send("x")
    host.set(mode="off")
    assert bob.page()["state"]["mode"] == "everyone"
    bob.send("y")


def test_slow_mode_lets_a_guest_write_once_and_says_when_again(host: Somebody, come: Come) -> None:
    bob, ada = come("Bob"), come("Ada")
    host.mode("everyone", 60)
    line = bob.send("first")
    answer = bob.try_to_send("second")
    assert f"in {answer.json['retry_after']} seconds" in refused(answer, 429, "slow_mode")
    assert 55 <= int(answer.headers["Retry-After"]) <= 60
    assert 55 <= bob.page()["state"]["wait"] <= 60
    bob.want("DELETE", f"/messages/{line['id']}")
    refused(bob.try_to_send("removed lines count too", to="hosts"), 429, "slow_mode")
    ada.send("others have their own pace")
    for _ in range(3):
        host.send("hosts write as they like")
    host.mode("everyone", 0)
    bob.send("second")


def test_who_has_lost_the_right_to_chat_writes_nothing_and_reads_on(
    host: Somebody, come: Come, change: Any
) -> None:
    bob = come()
    mine, theirs = bob.send("mine"), host.send("theirs", is_question=True)
    change(bob, chat=False)
    assert bob.page()["state"]["silenced"] is True
    path = f"/messages/{theirs['id']}/mark"
    for answer in (
        bob.try_to_send("x"),
        bob.try_to_send("x", to="hosts"),
        bob.ask("PATCH", f"/messages/{mine['id']}", {"text": "x"}),
        bob.ask("POST", path, {"kind": "vote", "on": True}),
    ):
        refused(answer, 409, "silenced")
    assert bob.texts == ["mine", "theirs"]
    change(bob, chat=True)
    bob.send("again")


def test_a_host_outside_the_call_reads_and_keeps_order_but_has_no_place_to_write_from(
    app: Flask, host: Somebody, come: Come, owner: int, sign_in: Any, make_user: Any
) -> None:
    line, private = come().send("public"), come().send("private", to="hosts")
    co_host = make_user(email="second@uni.example")
    host.client.post(f"/api/rooms/{host.room}/hosts", json={"email": "second@uni.example"})
    outside = Somebody(sign_in(co_host), host.room)
    assert outside.texts == ["public", "private"]
    refused(outside.try_to_send("x"), 409, "not_inside")
    outside.flag(line, "pinned")
    outside.want("DELETE", f"/messages/{private['id']}")
    outside.mode("hosts")


def test_who_is_put_out_reads_and_writes_nothing_from_that_moment(
    host: Somebody, come: Come, put_out: Any
) -> None:
    bob = come()
    mine = bob.send("mine")
    put_out(bob)
    for method, path, body in (
        ("GET", "/messages", None),
        ("GET", "/changes", None),
        ("GET", "/questions", None),
        ("POST", "/messages", {"client_id": str(uuid4()), "text": "x"}),
        ("PATCH", f"/messages/{mine['id']}", {"text": "x"}),
        ("DELETE", f"/messages/{mine['id']}", None),
        ("POST", f"/messages/{mine['id']}/mark", {"kind": "👍", "on": True}),
    ):
        answer = bob.ask(method, path, body)
        assert answer.status_code == 403, f"{method} {path}"
        assert "mine" not in answer.text
    assert host.texts == ["mine"]


def test_who_comes_back_after_a_removal_is_the_same_person(host: Somebody, come: Come, put_out: Any) -> None:
    bob = come()
    question = host.send("Why?", is_question=True)
    private = bob.send("private", to="hosts")
    bob.mark(question, "vote")
    put_out(bob)
    bob.join("Bob")
    assert bob.texts == ["Why?", "private"]
    assert [m["mine"] for m in bob.page()["messages"]] == [False, True]
    assert bob.mark(question, "vote")["votes"] == 1, "one person, one vote"
    assert bob.want("DELETE", f"/messages/{private['id']}")["removed_by"] == "author"


def test_after_the_end_nothing_is_written_any_more(app: Flask, host: Somebody, come: Come) -> None:
    bob = come()
    with app.app_context():
        lectures.end(db.session.query(Lecture).one(), reason="host")
    assert bob.try_to_send("x").status_code == 403
    refused(host.try_to_send("x"), 409, "not_live")
    refused(host.ask("GET", "/messages"), 409, "not_live")


# --- what becomes of it ---------------------------------------------------------------


def test_people_change_their_own_message_for_a_while_and_nobody_elses(
    app: Flask, host: Somebody, come: Come
) -> None:
    bob, ada = come("Bob"), come("Ada")
    line = bob.send("frist")
    changed = bob.want("PATCH", f"/messages/{line['id']}", {"text": "first"})
    assert (changed["text"], changed["edited"], changed["at"]) == ("first", True, line["at"])
    assert changed["version"] > line["version"]
    assert bob.want("PATCH", f"/messages/{line['id']}", {"text": "first"}) == changed, "nothing has changed"
    for other in (ada, host):
        refused(other.ask("PATCH", f"/messages/{line['id']}", {"text": "x"}), 403, "not_yours")
    refused(ada.ask("DELETE", f"/messages/{line['id']}"), 403, "not_yours")
    refused(bob.ask("PATCH", f"/messages/{line['id']}", {"text": " "}), 422, "invalid")
    older(app, line, minutes=11)
    assert "10 minutes" in refused(
        bob.ask("PATCH", f"/messages/{line['id']}", {"text": "x"}), 409, "too_late"
    )
    refused(bob.ask("DELETE", f"/messages/{line['id']}"), 409, "too_late")
    host.set(edit_minutes=20)
    bob.want("DELETE", f"/messages/{line['id']}")


@pytest.mark.parametrize("by", ["author", "host"])
def test_what_is_removed_leaves_a_trace_and_no_text_anywhere(
    app: Flask, host: Somebody, come: Come, by: str
) -> None:
    bob = come()
    line = bob.send("a secret that slipped out")
    answer = host.send("careful", reply_to=line["id"])
    assert answer["reply"] == {"id": line["id"], "name": "Bob", "text": "a secret that slipped out"}
    host.flag(line, "pinned")
    bob.mark(line, "👍")
    who = bob if by == "author" else host
    removed = who.want("DELETE", f"/messages/{line['id']}")
    assert (removed["text"], removed["removed_by"], removed["pinned"], removed["reactions"]) == (
        "",
        by,
        False,
        {},
    )
    page = come("Late").page()
    assert "secret" not in str(page)
    assert page["messages"][1]["reply"]["text"] == ""
    assert page["state"]["pinned"] == []
    with app.app_context():
        assert db.session.query(Message).filter(Message.text.contains("secret")).count() == 0
        kept = [
            entry.action for entry in db.session.query(AuditEntry).filter(AuditEntry.action == "chat.remove")
        ]
        assert len(kept) == (1 if by == "host" else 0)
    for method, path, body in (
        ("DELETE", "", None), ("PATCH", "", {"text": "x"}), ("POST", "/mark", {"kind": "👍", "on": True}),
        ("POST", "/flag", {"flag": "pinned", "on": True}),
    ):  # fmt: skip
        refused(host.ask(method, f"/messages/{line['id']}{path}", body), 404, "no_message")
    refused(bob.try_to_send("x", reply_to=line["id"]), 404, "no_message")


def test_reactions_and_votes_count_people_once(host: Somebody, come: Come) -> None:
    ada, bob = come("Ada"), come("Bob")
    line = ada.send("Will this be in the exam?", is_question=True)
    for one in (ada, bob, bob):
        one.mark(line, "👍")
        found = one.mark(line, "vote")
    assert (found["votes"], found["reactions"]) == (2, {"👍": 2})
    assert set(found["marks"]) == {"vote", "👍"}
    found = bob.mark(line, "👍", on=False)
    assert (found["reactions"], found["marks"]) == ({"👍": 1}, ["vote"])
    assert bob.mark(line, "🎉", on=False)["version"] == found["version"]
    plain = ada.send("no question")
    refused(
        bob.ask("POST", f"/messages/{plain['id']}/mark", {"kind": "vote", "on": True}), 409, "no_question"
    )
    for kind in ("💣", "", "<b>", "vote "):
        assert bob.ask("POST", f"/messages/{line['id']}/mark", {"kind": kind, "on": True}).status_code == 422


def test_questions_come_open_ones_first_by_votes(host: Somebody, come: Come) -> None:
    people = [come(name) for name in ("Ada", "Bob", "Cid")]
    asked = [people[0].send(f"question {n}", is_question=True) for n in range(4)]
    people[0].send("no question")
    for number, votes in ((1, 3), (2, 1), (3, 3)):
        for one in people[:votes]:
            one.mark(asked[number], "vote")
    host.flag(asked[1], "answered")
    seen = people[2].page("/questions")["messages"]
    assert [m["text"][-1] for m in seen] == ["3", "2", "0", "1"]
    assert [m["answered"] for m in seen] == [False, False, False, True]


def test_hosts_pin_three_messages_for_all(host: Somebody, come: Come) -> None:
    bob = come()
    lines = [bob.send(f"{n}") for n in range(4)]
    for line in lines[:3]:
        host.flag(line, "pinned")
    fourth = host.ask("POST", f"/messages/{lines[3]['id']}/flag", {"flag": "pinned", "on": True})
    refused(fourth, 409, "too_many_pinned")
    assert [m["text"] for m in bob.page()["state"]["pinned"]] == ["0", "1", "2"]
    host.flag(lines[0], "pinned", on=False)
    host.flag(lines[3], "pinned")
    private = bob.send("private", to="hosts")
    host.flag(lines[1], "pinned", on=False)
    answer = host.ask("POST", f"/messages/{private['id']}/flag", {"flag": "pinned", "on": True})
    refused(answer, 409, "would_show")
    assert (
        bob.ask("POST", f"/messages/{lines[0]['id']}/flag", {"flag": "pinned", "on": True}).status_code == 403
    )


def test_what_hosts_decide_is_written_down(app: Flask, host: Somebody, come: Come) -> None:
    host.mode("questions", 30)
    host.mode("questions", 30)
    host.want("DELETE", f"/messages/{come().send('spam', to='hosts')['id']}")
    with app.app_context():
        entries = db.session.query(AuditEntry).filter(AuditEntry.action.startswith("chat.")).all()
        assert [(e.action, e.target) for e in entries] == [("chat.mode", ""), ("chat.remove", "Bob")]
        assert entries[0].details == {"mode": "questions", "slow_seconds": 30}
        assert "spam" not in str(entries[1].details)


@pytest.mark.parametrize("body", [{"mode": "loud", "slow_seconds": 0}, {"mode": "off", "slow_seconds": 601}, {"mode": "off"}])  # fmt: skip
def test_a_mode_that_is_none_is_refused(host: Somebody, body: Any) -> None:
    assert host.ask("POST", "/mode", body).status_code == 422


def test_a_person_who_is_erased_leaves_the_others_messages_readable(
    app: Flask, host: Somebody, come: Come
) -> None:
    from core.contracts import Person
    from core.engine.personal_columns import collect, erase
    from core.lectures.models import Participant

    bob, ada = come("Bob"), come("Ada")
    line = bob.send("what I said", is_question=True)
    ada.send("what Ada said", reply_to=line["id"])
    ada.mark(line, "vote")
    bob.mark(line, "vote")
    with app.app_context():
        session = db.session.query(Participant).filter_by(identity=bob.identity).one().guest_session_id
        person = Person(None, (session,))
        served = collect(person)["chat"]
        assert served["chat__message"][0]["text"] == "what I said"
        erase(person)
        db.session.commit()
        assert "chat" not in collect(person) or "what I said" not in str(collect(person))
    first, second = host.page()["messages"]
    assert (first["text"], first["removed_by"], first["author"]["name"]) == ("", "erasure", "Deleted person")
    assert (second["text"], second["reply"]["text"]) == ("what Ada said", "")
    assert host.page("/questions")["messages"] == []
