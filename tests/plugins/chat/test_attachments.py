"""Files in messages: who may send them, who gets them, and that they go with their message."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import uuid4

import pytest
from flask import Flask

from core.contracts import FileChanged, Person
from core.db import db
from core.events import tell_plugin
from core.files.models import StoredFile
from core.lectures.models import Lecture, Participant
from plugins.chat.attachments import MOST
from plugins.chat.models import Attachment, Message
from tests.fixtures.livekit import until
from tests.plugins.chat.conftest import Packets, Somebody
from tests.plugins.chat.test_order import second  # noqa: F401  (fixture)
from tests.plugins.chat.test_rules import older, refused
from tests.plugins.chat.test_sections import GUEST, HOST, shown  # noqa: F401  (fixture)
from tests.plugins.files.conftest import PDF, Backstage

Come = Callable[..., Somebody]


def state(app: Flask, file_id: str) -> tuple[str, bool, str]:
    with app.app_context():
        row = db.session.query(StoredFile).filter_by(public_id=file_id).one()
        return row.state, row.in_use, row.audience


def lines(person: Somebody) -> list[Any]:
    return list(person.page()["messages"])


# --- sent and seen --------------------------------------------------------------------


def test_a_message_carries_files_in_their_order_and_everybody_fetches_them(
    host: Somebody, come: Come
) -> None:
    ada, bob = come("Ada"), come("Bob")
    ids = [ada.upload(f"{name}.pdf") for name in "zyx"]
    sent = ada.send("Look", files=ids)
    late = come("Late")
    for person in (host, ada, bob, late):
        seen = lines(person)[0]["files"]
        assert seen == sent["files"]
        assert [(one["id"], one["name"], one["state"]) for one in seen] == [
            (file_id, f"{name}.pdf", "ready") for file_id, name in zip(ids, "zyx", strict=True)
        ]
        assert person.fetch(ids[0]).data == PDF


def test_a_message_with_files_needs_no_text_and_is_no_removed_one(host: Somebody, come: Come) -> None:
    ada = come("Ada")
    sent = ada.send(" \n", files=[ada.upload()], is_question=True)
    assert (sent["text"], "removed_by" in sent) == ("", False)
    ada.mark(sent, "👍")
    assert host.flag(sent, "pinned")["pinned"] is True
    page = come("Bob").page()
    assert (page["messages"][0]["reactions"], len(page["state"]["pinned"])) == ({"👍": 1}, 1)
    assert len(host.page("/questions")["messages"]) == 1
    reply = host.send("Thanks", reply_to=sent["id"])
    assert reply["reply"] == {"id": sent["id"], "name": "Ada", "text": "", "has_files": True}
    assert ada.want("PATCH", f"/messages/{sent['id']}", {"text": "what it is"})["text"] == "what it is"
    assert ada.want("PATCH", f"/messages/{sent['id']}", {"text": ""})["text"] == ""


def test_messages_without_files_show_none_and_still_need_words(come: Come) -> None:
    ada = come("Ada")
    assert "files" not in ada.send("only words")
    refused(ada.try_to_send(" "), 422, "invalid")
    refused(ada.try_to_send(" ", files=[]), 422, "invalid")


def test_packets_bring_files_with_their_messages(sent: Packets, come: Come) -> None:
    ada = come("Ada")
    file_id = ada.upload()
    ada.send("Look", files=[file_id])

    def told() -> list[Any]:
        return [m for packet, _to in list(sent) for m in packet.get("messages", ()) if "files" in m]

    until(told)
    assert [one["id"] for one in told()[0]["files"]] == [file_id]


def test_the_files_of_a_page_are_one_look(host: Somebody, come: Come, queries: Any, sent: Packets) -> None:
    from tests.plugins.chat.test_order import all_told

    ada = come("Ada")
    for _ in range(4):
        ada.send("", files=[ada.upload()])
    all_told(sent, ada)
    with queries(at_most=20) as asked:
        host.page(f"/messages?before={2**62}")
    assert len([one for one in asked if "chat__" in one]) == 2


def test_a_line_that_is_sent_again_is_the_same_with_its_files(app: Flask, come: Come) -> None:
    ada = come("Ada")
    body = {"client_id": str(uuid4()), "text": "", "files": [ada.upload()]}
    once, again = (ada.ask("POST", "/messages", body) for _ in range(2))
    assert (once.status_code, again.status_code) == (201, 200)
    assert once.json == again.json
    assert len(once.json["files"]) == 1
    with app.app_context():
        assert (db.session.query(Message).count(), db.session.query(Attachment).count()) == (1, 1)


def test_many_attach_and_write_at_once_through_two_workers(
    app: Flask,
    second: Flask,  # noqa: F811
    host: Somebody,
    come: Come,
    sent: Packets,
) -> None:
    """Who begins a file and who writes wait for each other, never both for the other one."""
    people = [come(f"Guest {n}") for n in range(6)]

    def write(number: int) -> None:
        browser = (app, second)[number % 2].test_client()
        for cookie in people[number].client._cookies.values():
            browser.set_cookie(cookie.key, cookie.value, domain="localhost")
        through = Somebody(browser, host.room)
        for line in range(5):
            through.send(f"{number}.{line}")
            through.send("", files=[through.upload(f"{number}-{line}.pdf")])

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(write, range(6)))
    names = [one["name"] for m in host.page("/messages?limit=200")["messages"] for one in m.get("files", ())]
    assert sorted(names) == sorted(f"{n}-{line}.pdf" for n in range(6) for line in range(5))


# --- who may --------------------------------------------------------------------------


def test_who_may_not_write_may_not_send_a_file_either(app: Flask, host: Somebody, come: Come) -> None:
    ada = come("Ada")
    host.mode("questions")
    refused(ada.begin(), 409, "to_hosts")
    ada.upload(to="hosts")
    host.mode("hosts")
    refused(ada.begin(to="hosts"), 409, "hosts_write")
    host.upload()
    host.mode("off")
    refused(host.begin(), 409, "chat_off")
    host.mode("everyone")
    with app.app_context():
        db.session.query(Participant).filter_by(identity=ada.identity).one().chat = False
        db.session.commit()
    refused(ada.begin(), 409, "silenced")


def test_slow_mode_is_for_messages_and_not_for_uploads(host: Somebody, come: Come) -> None:
    ada = come("Ada")
    host.mode("everyone", slow_seconds=60)
    ada.send("one")
    file_id = ada.upload()
    refused(ada.try_to_send("two", files=[file_id]), 429, "slow_mode")


def test_where_the_hosts_attach_nobody_else_does(host: Somebody, come: Come) -> None:
    ada = come("Ada")
    early = ada.upload()
    assert ada.page()["state"]["may_attach"] is True
    host.set(attachments="hosts")
    assert "the hosts attach" in refused(ada.begin(), 403, "hosts_attach")
    refused(ada.try_to_send("sent before", files=[early]), 403, "hosts_attach")
    assert ada.page()["state"]["may_attach"] is False
    assert host.page()["state"]["may_attach"] is True
    assert host.send("", files=[host.upload()])["files"]
    ada.send("words are free")


def test_who_was_put_out_sends_and_fetches_nothing(host: Somebody, come: Come, put_out: Any) -> None:
    ada = come("Ada")
    theirs, mine = host.upload(), ada.upload()
    host.send("", files=[theirs])
    assert ada.fetch(theirs).status_code == 200
    put_out(ada)
    assert ada.begin().status_code == 403
    assert ada.try_to_send("", files=[mine]).status_code == 403
    assert ada.fetch(theirs).status_code == 404
    stranger = Somebody(ada.client.application.test_client(), host.room)
    assert (stranger.begin().status_code, stranger.fetch(theirs).status_code) == (403, 404)


def test_a_host_who_has_not_joined_writes_and_attaches_nothing(
    app: Flask, host: Somebody, owner: int, sign_in: Any
) -> None:
    with app.app_context():
        db.session.query(Participant).filter_by(identity=host.identity).delete()
        db.session.commit()
    outside = Somebody(sign_in(owner), host.room)
    refused(outside.begin(), 409, "not_inside")


def test_too_many_uploads_are_too_many(come: Come, monkeypatch: pytest.MonkeyPatch) -> None:
    from plugins.chat import views

    monkeypatch.setitem(views.ATTACHMENTS.__dict__, "limit", "2 per minute")
    views.ATTACHMENTS.__dict__.pop("item", None)
    ada = come("Ada")
    assert [ada.begin().status_code for _ in range(3)] == [201, 201, 429]
    assert come("Bob").begin().status_code == 201


# --- which files ----------------------------------------------------------------------


def test_only_ones_own_finished_and_unused_files_go_with_a_message(
    app: Flask, host: Somebody, come: Come
) -> None:
    ada, bob = come("Ada"), come("Bob")
    theirs, good = bob.upload(), ada.upload()
    unfinished = ada.begin().json["id"]
    used = ada.upload()
    ada.send("", files=[used])
    count = len(lines(host))
    for wrong, status, code in (
        (theirs, 404, "no_file"),
        ("neverwas", 404, "no_file"),
        (unfinished, 409, "file_not_ready"),
        (used, 409, "file_used"),
    ):
        refused(ada.try_to_send("x", files=[good, wrong]), status, code)
    assert len(lines(host)) == count
    assert state(app, good) == ("ready", False, "everyone"), "what was refused has used nothing"
    assert ada.send("", files=[good])["files"][0]["id"] == good


def test_a_file_of_another_plugin_goes_with_no_message(app: Flask, come: Come) -> None:
    ada = come("Ada")
    file_id = ada.upload()
    with app.app_context():
        db.session.query(StoredFile).filter_by(public_id=file_id).one().plugin = "files"
        db.session.commit()
    refused(ada.try_to_send("", files=[file_id]), 404, "no_file")


def test_a_message_has_so_many_files_and_no_more(come: Come) -> None:
    ada = come("Ada")
    ids = [ada.upload() for _ in range(MOST + 1)]
    assert ada.try_to_send("", files=ids).status_code == 422
    assert ada.try_to_send("", files=["x" * 1000]).status_code == 422
    assert len(ada.send("", files=ids[:MOST])["files"]) == MOST


def test_what_is_not_allowed_is_refused_in_words(come: Come) -> None:
    ada = come("Ada")
    refused(ada.begin("evil.exe"), 415, "file_type")
    refused(ada.begin(size=0), 422, "file_empty")
    assert ada.begin(to="author").status_code == 422


# --- private --------------------------------------------------------------------------


def test_what_goes_to_the_hosts_is_fetched_by_them_and_its_author_alone(
    app: Flask, host: Somebody, come: Come
) -> None:
    ada, bob = come("Ada"), come("Bob")
    begun_for_all, begun_for_hosts = ada.upload(), ada.upload(to="hosts")
    ada.send("", to="hosts", files=[begun_for_all, begun_for_hosts])
    for file_id in (begun_for_all, begun_for_hosts):
        assert state(app, file_id) == ("ready", True, "hosts")
        assert (host.fetch(file_id).status_code, ada.fetch(file_id).status_code) == (200, 200)
        assert bob.fetch(file_id).status_code == 404
        assert bob.client.get(f"/files/{file_id}/preview").status_code == 404
        for way in ("/messages", "/changes", "/questions"):
            assert file_id not in bob.ask("GET", way).text


def test_a_file_for_the_hosts_never_goes_to_everybody(app: Flask, come: Come) -> None:
    ada = come("Ada")
    file_id = ada.upload("grades.pdf", to="hosts")
    words = refused(ada.try_to_send("", files=[file_id]), 409, "would_show")
    assert "“grades.pdf” was chosen for the hosts only" in words
    assert state(app, file_id) == ("ready", False, "hosts")
    ada.send("", to="hosts", files=[file_id])


def test_nobody_else_gets_a_file_for_the_hosts_before_it_is_sent(host: Somebody, come: Come) -> None:
    ada, bob = come("Ada"), come("Bob")
    file_id = ada.upload(to="hosts")
    assert bob.fetch(file_id).status_code == 404
    assert file_id not in host.ask("GET", "/messages").text


def test_an_answer_to_one_person_carries_no_files(app: Flask, host: Somebody, come: Come) -> None:
    asked = come("Ada").send("Why?", to="hosts")
    file_id = host.upload(to="hosts")
    refused(host.try_to_send("", to="author", reply_to=asked["id"], files=[file_id]), 422, "not_to_one")
    assert state(app, file_id) == ("ready", False, "hosts")


# --- what becomes of them -------------------------------------------------------------


@pytest.mark.parametrize("by", ["author", "host"])
def test_the_files_go_with_their_message(
    app: Flask,
    host: Somebody,
    come: Come,
    backstage: Backstage,
    by: str,
) -> None:
    ada = come("Ada")
    ids = [ada.upload(), ada.upload()]
    sent = ada.send("", files=ids)
    gone = (ada if by == "author" else host).want("DELETE", f"/messages/{sent['id']}")
    assert (gone["removed_by"], "files" in gone) == (by, False)
    assert lines(come("Bob"))[0]["removed_by"] == by
    assert {person.fetch(one).status_code for person in (host, ada) for one in ids} == {404}
    with app.app_context():
        assert db.session.query(Attachment).count() == 0
    assert backstage.keys()
    backstage.work()
    assert backstage.keys() == []


def test_what_is_too_old_to_be_taken_back_keeps_its_files(app: Flask, come: Come) -> None:
    ada = come("Ada")
    file_id = ada.upload()
    sent = ada.send("", files=[file_id])
    older(app, sent, minutes=11)
    refused(ada.ask("DELETE", f"/messages/{sent['id']}"), 409, "too_late")
    refused(come("Bob").ask("DELETE", f"/messages/{sent['id']}"), 403, "not_yours")
    assert ada.fetch(file_id).status_code == 200


def test_pages_hear_when_something_has_become_of_a_file(
    app: Flask,
    host: Somebody,
    come: Come,
    backstage: Backstage,
    sent: Packets,
) -> None:
    ada, bob = come("Ada"), come("Bob")
    public, private = ada.upload(), ada.upload(to="hosts")
    ada.send("", files=[public])
    ada.send("", to="hosts", files=[private])
    known = bob.page()["upto"]

    def heard(file_id: str) -> None:
        with app.app_context():
            row = db.session.query(StoredFile).filter_by(public_id=file_id).one()
            event = FileChanged(row.room_id or 0, row.lecture_id or 0, row.id, "chat")
            tell_plugin("chat", "FileChanged", event.__dict__)

    backstage.change(private, scan="infected", state="refused", refused_because="A virus.")
    heard(private)
    assert bob.changes(known, known)["messages"] == [], "nobody else hears of what is private"
    told = ada.changes(known, known)["messages"]
    assert [(m["files"][0]["state"], m["files"][0]["refused_because"]) for m in told] == [
        ("refused", "A virus.")
    ]
    backstage.change(public, preview_key="previews/x")
    heard(public)
    heard(public)
    told = bob.changes(known, known)["messages"]
    assert [m["files"][0]["preview"] for m in told] == [True]
    until(
        lambda: any(
            m.get("files", [{}])[0].get("preview") for p, _ in list(sent) for m in p.get("messages", ())
        )
    )


def test_news_of_a_file_that_no_message_has_changes_nothing(app: Flask, come: Come) -> None:
    ada = come("Ada")
    file_id = ada.upload()
    before = ada.page()["upto"]
    with app.app_context():
        row = db.session.query(StoredFile).filter_by(public_id=file_id).one()
        event = FileChanged(row.room_id or 0, row.lecture_id or 0, row.id, "chat")
        tell_plugin("chat", "FileChanged", event.__dict__)
    assert ada.page()["upto"] == before


def test_a_file_that_waits_for_the_scanner_is_listed_and_not_handed_out(
    host: Somebody,
    come: Come,
    backstage: Backstage,
) -> None:
    ada = come("Ada")
    file_id = ada.upload()
    ada.send("", files=[file_id])
    backstage.change(file_id, scan="waiting")
    assert lines(host)[0]["files"][0]["scan"] == "waiting"
    assert host.fetch(file_id).status_code != 200


def test_the_files_of_somebody_who_is_erased_go_too(app: Flask, come: Come) -> None:
    from plugins.chat import attachments

    ada, bob = come("Ada"), come("Bob")
    gone, kept = ada.upload(), bob.upload()
    ada.send("words", files=[gone])
    bob.send("", files=[kept])
    with app.app_context():
        row = db.session.query(Participant).filter_by(identity=ada.identity).one()
        for _ in range(2):
            attachments.erase(Person(None, (row.guest_session_id or 0,)))
            db.session.commit()
    assert ["files" in m for m in lines(bob)] == [False, True]
    assert (bob.fetch(gone).status_code, bob.fetch(kept).status_code) == (404, 200)


# --- afterwards -----------------------------------------------------------------------


def test_the_lecture_page_has_the_files_of_the_chat_for_those_who_could_fetch_them(
    host: Somebody,
    come: Come,
    shown: Any,  # noqa: F811
    backstage: Backstage,
) -> None:
    ada = come("Ada")
    public, private, waiting = ada.upload("a.pdf"), ada.upload("b.pdf", to="hosts"), ada.upload("c.pdf")
    question = ada.send("", files=[public], is_question=True)
    ada.send("for you", to="hosts", files=[private])
    ada.send("", files=[waiting])
    host.send("Like this", reply_to=question["id"], files=[host.upload("answer.pdf")])
    backstage.change(waiting, scan="waiting")

    for_guests, for_hosts = shown(GUEST), shown(HOST)
    assert [one.name for one in for_guests["files"].files] == ["a.pdf", "answer.pdf"]
    assert for_guests["files"].files[0].url == f"/files/{public}"
    assert "private_files" not in for_guests and "b.pdf" not in str(for_guests)
    assert [one.name for one in for_hosts["private_files"].files] == ["b.pdf"]
    assert [one.text for one in for_guests["messages"].lines] == [
        "Attached: a.pdf",
        "Attached: c.pdf",
        "↪ Ada: Like this\nAttached: answer.pdf",
    ]
    assert [one.text for one in for_hosts["private"].lines] == ["for you\nAttached: b.pdf"]
    assert for_guests["questions"].rows == (
        ("Attached: a.pdf", "Ada", "0", "Like this\nAttached: answer.pdf"),
    )


def test_a_lecture_that_is_deleted_takes_its_attachments_along(app: Flask, come: Come) -> None:
    ada = come("Ada")
    ada.send("", files=[ada.upload()])
    with app.app_context():
        db.session.delete(db.session.query(Lecture).one())
        db.session.commit()
        assert db.session.query(Attachment).count() == 0
        assert db.session.query(StoredFile).one().lecture_id is None, "ownerless, so the sweep removes it"
