"""Who may share, see and take back, on a real database and real bytes; LiveKit is away."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask

from core.db import db
from core.lectures import lectures
from core.lectures.models import Lecture
from core.models import AuditEntry
from core.rooms.models import Room
from plugins.files.models import Share
from tests.plugins.files.conftest import PDF, Backstage, Packets, Somebody

Come = Callable[..., Somebody]


# --- sharing --------------------------------------------------------------------------


def test_what_the_host_shares_is_there_for_everybody_and_for_who_comes_late(
    host: Somebody, come: Come
) -> None:
    early = come("Ada")
    shared = host.share("Week 1.pdf")
    late = come("Bob")
    assert early.names() == late.names() == ["Week 1.pdf"]
    seen = late.shares[0]
    assert seen["by"] == "Ada Lovelace"
    assert seen["file"] == {**shared["file"], "state": "ready", "scan": "off", "preview": False}
    assert late.client.get(seen["url"]).data == PDF
    assert (seen["mine"], seen["deletable"], "preview" in seen) == (False, False, False)


def test_an_upload_is_seen_by_nobody_until_all_of_it_was_checked(host: Somebody, come: Come) -> None:
    ada = come("Ada")
    plan = host.begin().json
    assert host.shares == ada.shares == []
    host.upload(plan)
    assert len(ada.shares) == 1


def test_the_newest_file_stands_first(host: Somebody, backstage: Backstage) -> None:
    first = host.begin("begun first.pdf").json
    host.share("done first.pdf")
    host.upload(first)
    assert host.names() == ["begun first.pdf", "done first.pdf"]


def test_a_host_shares_without_having_joined(host: Somebody) -> None:
    shared = host.share()
    assert (host.identity, shared["mine"], shared["deletable"]) == ("", True, True)


def test_the_listing_says_what_may_be_sent(host: Somebody, come: Come) -> None:
    said = come().listing
    assert (said["may_share"], said["everyone_shares"]) == (False, False)
    assert said["largest_mb"] == 500
    assert "pdf" in said["types"] and "exe" not in said["types"]
    assert host.listing["may_share"] is True


def test_guests_share_only_where_the_room_lets_them(host: Somebody, come: Come, app: Flask) -> None:
    ada = come("Ada")
    refused = ada.begin()
    assert (refused.status_code, refused.json["code"]) == (403, "hosts_share")
    assert "the hosts share files" in refused.json["detail"]
    with app.app_context():
        assert db.session.query(Share).count() == 0

    host.ask("PUT", "settings", everyone=True)
    assert ada.listing["may_share"] is True
    assert ada.share("photo of the board.pdf")["by"] == "Ada"

    host.ask("PUT", "settings", everyone=False)
    assert ada.begin().status_code == 403


def test_the_rooms_form_decides_the_same(host: Somebody, come: Come) -> None:
    ada = come("Ada")
    change = {"files": {"enabled": True, "settings": {"who_shares": "everyone"}}}
    assert host.client.patch(f"/api/rooms/{host.room}", json={"plugins": change}).status_code == 200
    assert ada.begin().status_code == 201


def test_pages_hear_who_may_share_and_it_is_written_down(
    host: Somebody, sent: Packets, app: Flask, open_to_all: None
) -> None:
    assert ("files", {"everyone_shares": True}) in sent
    with app.app_context():
        entry = db.session.query(AuditEntry).filter_by(action="files.who_shares").one()
        assert entry.details == {"everyone": True}


def test_the_limits_of_the_institution_are_kept_in_its_words(host: Somebody) -> None:
    for name, size, status, words in (
        ("virus.exe", 10, 415, ".exe"),
        ("huge.pdf", 501 * 1024 * 1024, 413, "at most 500 MB"),
        ("empty.pdf", 0, 422, "empty"),
    ):
        answer = host.begin(name, size)
        assert answer.status_code == status, answer.text
        assert words in answer.json["detail"]
    assert host.shares == []


@pytest.mark.parametrize(
    "body",
    [
        {"name": "", "size": 1},
        {"name": "a.pdf"},
        {"name": "a.pdf", "size": -1},
        {"name": "a.pdf", "size": "many"},
        {"name": "a.pdf", "size": 10**30},
        {"name": "a\0.pdf", "size": 1},
        {"name": "a.pdf", "size": 1, "audience": "hosts"},
        {"name": "x" * 1001, "size": 1},
    ],
)
def test_a_wrong_announcement_begins_nothing(host: Somebody, app: Flask, body: dict[str, Any]) -> None:
    assert host.ask("POST", "shares", **body).status_code in (413, 422)
    with app.app_context():
        assert db.session.query(Share).count() == 0


def test_who_begins_too_many_in_a_short_time_waits(host: Somebody, monkeypatch: pytest.MonkeyPatch) -> None:
    from core.api import Tries
    from plugins.files import views

    monkeypatch.setattr(views, "UPLOADS", Tries("files.uploads.test", "2 per minute"))
    answers = [host.begin(f"{n}.pdf") for n in range(3)]
    assert [one.status_code for one in answers] == [201, 201, 429]
    assert int(answers[-1].headers["Retry-After"]) > 0


# --- what is no good ------------------------------------------------------------------


def test_a_file_that_lies_is_shown_to_its_sender_alone_with_the_reason(
    host: Somebody, come: Come, open_to_all: None
) -> None:
    ada, bob = come("Ada"), come("Bob")
    plan = ada.begin("picture.png", len(PDF)).json
    answer = ada.upload(plan)
    assert (answer.status_code, answer.json["code"]) == (422, "file_refused")
    assert bob.shares == host.shares == []
    (seen,) = ada.shares
    assert seen["file"]["state"] == "refused"
    assert seen["file"]["refused_because"] == answer.json["detail"]
    assert "url" not in seen
    assert seen["deletable"] is True
    assert ada.client.delete(f"/api/uploads/{plan['id']}").status_code == 204
    assert ada.shares == []


def test_a_file_that_turns_out_bad_after_it_was_seen_stays_for_its_sender_and_the_hosts(
    host: Somebody, come: Come, open_to_all: None, backstage: Backstage
) -> None:
    ada, bob = come("Ada"), come("Bob")
    shared = ada.share()
    backstage.change(shared["file"]["id"], state="refused", scan="infected", refused_because="A virus.")
    assert bob.shares == []
    for person in (ada, host):
        (seen,) = person.shares
        assert seen["file"]["refused_because"] == "A virus."
        assert "url" not in seen


@pytest.mark.parametrize("scan", ["waiting", "failed", "infected"])
def test_what_was_not_scanned_is_listed_and_not_handed_out(
    host: Somebody, come: Come, backstage: Backstage, scan: str
) -> None:
    shared, ada = host.share(), come("Ada")
    backstage.change(shared["file"]["id"], scan=scan, preview_key="previews/x")
    (seen,) = ada.shares
    assert seen["file"]["scan"] == scan
    assert "url" not in seen and "preview" not in seen
    assert ada.client.get(shared["url"]).status_code >= 400


# --- taking back ----------------------------------------------------------------------


def test_a_host_deletes_what_anybody_shared_and_the_bytes_go(
    host: Somebody, come: Come, open_to_all: None, backstage: Backstage, app: Flask, sent: Packets
) -> None:
    ada, bob = come("Ada"), come("Bob")
    shared = ada.share()
    assert host.delete(shared).status_code == 204
    assert ada.shares == bob.shares == []
    assert bob.client.get(shared["url"]).status_code == 404
    assert sent[-1] == ("files", {"gone": shared["id"]})
    backstage.work()
    assert backstage.keys() == []
    with app.app_context():
        assert db.session.query(AuditEntry).filter_by(action="files.delete").one().target == "slides.pdf"
    assert host.delete(shared).status_code in (204, 404)


def test_deleting_twice_at_once_is_deleting_once(host: Somebody, sent: Packets) -> None:
    shared = host.share()
    assert [host.delete(shared).status_code for _twice in range(2)] == [204, 204]
    assert sent.count(("files", {"gone": shared["id"]})) == 1


def test_who_shared_a_file_takes_it_back_and_nobody_else(
    host: Somebody, come: Come, open_to_all: None
) -> None:
    ada, bob = come("Ada"), come("Bob")
    shared = ada.share()
    assert (shared["mine"], shared["deletable"]) == (True, True)
    refused = bob.delete(shared)
    assert (refused.status_code, refused.json["code"]) == (403, "not_yours")
    assert ada.names() == ["slides.pdf"]
    assert ada.delete(shared).status_code == 204
    assert bob.shares == []


def test_a_file_of_another_lecture_is_not_deleted_from_here(
    host: Somebody, app: Flask, make_room: Any, make_user: Any, sign_in: Any
) -> None:
    shared = host.share()
    owner = make_user()
    key, room, _code = make_room(owner)
    with app.app_context():
        db.session.add(Lecture(room_id=key, title="Elsewhere", started_by_id=owner))
        db.session.commit()
    assert Somebody(sign_in(owner), room).delete(shared).status_code == 404
    assert host.names() == ["slides.pdf"]


# --- who is outside -------------------------------------------------------------------


def test_who_was_removed_neither_lists_nor_begins_nor_completes(
    host: Somebody, come: Come, open_to_all: None, backstage: Backstage
) -> None:
    ada = come("Ada")
    shared, begun = ada.share(), ada.begin("half.pdf").json
    backstage.remove(ada)
    assert ada.ask("GET", "shares").status_code == 403
    assert ada.begin().status_code == 403
    assert ada.delete(shared).status_code == 403
    path = f"/api/uploads/{begun['id']}"
    assert ada.client.get(path).status_code == 403
    assert ada.client.post(f"{path}/complete", json={}).status_code == 403
    assert ada.client.get(shared["url"]).status_code == 404
    assert host.names() == ["slides.pdf"]


def test_what_a_removed_person_shared_stays_until_a_host_deletes_it(
    host: Somebody, come: Come, open_to_all: None, backstage: Backstage
) -> None:
    ada, bob = come("Ada"), come("Bob")
    ada.share()
    backstage.remove(ada)
    assert bob.names() == ["slides.pdf"]
    assert host.delete(host.shares[0]).status_code == 204


def test_roles_and_routes(host: Somebody, come: Come, app: Flask, make_user: Any, sign_in: Any) -> None:
    shared = host.share()
    people = {
        "stranger": Somebody(app.test_client(), host.room),
        "admin": Somebody(sign_in(make_user(is_admin=True)), host.room),
        "guest": come("Ada"),
    }
    routes: dict[str, Callable[[Somebody], Any]] = {
        "list": lambda one: one.ask("GET", "shares"),
        "begin": lambda one: one.begin(),
        "delete": lambda one: one.delete(shared),
        "settings": lambda one: one.ask("PUT", "settings", everyone=True),
    }
    got = {who: {name: ask(one).status_code for name, ask in routes.items()} for who, one in people.items()}
    nothing = dict.fromkeys(routes, 403)
    assert got == {"stranger": nothing, "admin": nothing, "guest": {**nothing, "list": 200}}


def test_without_a_lecture_nothing_is_shared_and_the_words_say_so(host: Somebody, app: Flask) -> None:
    shared = host.share()
    with app.app_context():
        lectures.end(db.session.query(Lecture).one(), reason="host")
    for answer in (
        host.ask("GET", "shares"),
        host.begin(),
        host.delete(shared),
        host.ask("PUT", "settings", everyone=True),
    ):
        assert (answer.status_code, answer.json["code"]) == (409, "not_live")


def test_switched_off_in_the_room_it_is_gone(host: Somebody, come: Come) -> None:
    ada = come("Ada")
    off = {"plugins": {"files": {"enabled": False}}}
    assert host.client.patch(f"/api/rooms/{host.room}", json=off).status_code == 200
    assert ada.ask("GET", "shares").status_code == 404
    assert host.begin().status_code == 404


# --- news, and several of everything --------------------------------------------------


def test_pages_hear_of_a_file_once_it_is_there_and_again_when_it_has_changed(
    host: Somebody, backstage: Backstage, sent: Packets
) -> None:
    shared = host.share()
    assert sent == []
    backstage.work()
    assert sent == [("files", {"changed": shared["id"]})]


def test_news_of_other_plugins_files_and_of_rows_that_are_gone_say_nothing(
    app: Flask, host: Somebody, sent: Packets
) -> None:
    from core.contracts import FileChanged, LectureEnded
    from plugins.files import hooks

    host.share()
    with app.app_context():
        share = db.session.query(Share).one()
        facts = {"room_id": share.lecture.room_id, "lecture_id": share.lecture_id}
        file_id = share.stored_file_id
        hooks.on_event(event=FileChanged(**facts, file_id=file_id, plugin="chat"))
        hooks.on_event(event=FileChanged(**facts, file_id=0, plugin="files"))
        hooks.on_event(event=LectureEnded(**facts))
        share.lecture.ended_at = share.lecture.started_at
        hooks.on_event(event=FileChanged(**facts, file_id=file_id, plugin="files"))
    assert sent == []


def test_two_web_workers_share_one_list(
    host: Somebody, come: Come, make_app: Callable[..., Flask], app: Flask
) -> None:
    other = make_app("files")
    plan = host.begin().json
    elsewhere = Somebody(other.test_client(), host.room)
    for cookie in host.client._cookies.values():
        elsewhere.client._cookies[cookie._storage_key] = cookie
    assert elsewhere.upload(plan).status_code == 200
    ada = Somebody(other.test_client(), host.room).join("Ada")
    assert ada.names() == come("Bob").names() == ["slides.pdf"]
    assert elsewhere.delete(elsewhere.shares[0]).status_code == 204
    assert host.shares == ada.shares == []


def test_a_long_list_takes_no_more_queries_than_a_short_one(host: Somebody, queries: Any) -> None:
    host.share("0.pdf")
    with queries() as few:
        assert len(host.shares) == 1
    for n in range(1, 6):
        host.share(f"{n}.pdf")
    with queries(at_most=len(few)):
        assert len(host.shares) == 6


# --- afterwards -----------------------------------------------------------------------


def end(app: Flask) -> str:
    with app.app_context():
        lecture = db.session.query(Lecture).one()
        lectures.end(lecture, reason="host")
        return lecture.public_id


def test_the_lecture_page_has_the_files_in_order_with_pictures_and_ways_to_fetch_them(
    app: Flask, host: Somebody, come: Come, backstage: Backstage
) -> None:
    ada = come("Ada")
    readable = {"settings": {"participants_read": True}}
    assert host.client.patch(f"/api/rooms/{host.room}", json=readable).status_code == 200
    first, second, hidden = (host.share(name) for name in ("first.pdf", "second.pdf", "unscanned.pdf"))
    backstage.change(second["file"]["id"], preview_key="previews/x")
    backstage.change(hidden["file"]["id"], scan="waiting")
    page = f"/lectures/{end(app)}"
    for person in (host, ada):
        text = person.client.get(page).text
        assert text.index("first.pdf") < text.index("second.pdf")
        assert "unscanned.pdf" not in text
        assert f'href="{first["url"]}"' in text
        assert text.count(f'<img src="{second["url"]}/preview" alt=""') == text.count("<img src=") == 1
        assert person.client.get(first["url"]).data == PDF
    assert app.test_client().get(first["url"]).status_code == 404


def test_a_lecture_without_files_has_no_part_for_them(app: Flask, host: Somebody) -> None:
    host.delete(host.share())
    assert "files-shared" not in host.client.get(f"/lectures/{end(app)}").text


def test_with_the_lecture_everything_goes(app: Flask, host: Somebody, backstage: Backstage) -> None:
    host.share()
    with app.app_context():
        db.session.delete(db.session.query(Lecture).one())
        db.session.commit()
        assert db.session.query(Share).count() == 0
        assert db.session.query(Room).count() == 1
