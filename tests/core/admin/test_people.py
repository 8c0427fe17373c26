"""Accounts in the hands of an administrator."""

from __future__ import annotations

import re
import threading
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask
from flask.testing import FlaskClient

from core.db import db, now
from core.errors import Refusal
from core.lectures.models import Lecture, Participant
from core.people import accounts
from core.people.models import User
from core.rooms.models import RoomHost
from tests.core.admin.conftest import PASSWORD
from tests.core.admin.test_rooms import keep_file
from tests.core.people.conftest import is_signed_in, log_in

PEOPLE = "/admin/people"


def names(html: str) -> list[str]:
    return re.findall(r"<td><a href=\"/admin/people/[^\"]+\"><strong>([^<]+)</strong>", html)


@pytest.fixture
def place(ada: int, user: Any) -> str:
    """The page about Ada."""
    return f"{PEOPLE}/{user(ada).public_id}"


# --- the list ---------------------------------------------------------------------------


def test_everybody_is_listed_by_name(boss: FlaskClient, make_user: Any) -> None:
    make_user(name="ada")
    make_user(name="Zoë")
    assert names(boss.get(PEOPLE).text) == ["ada", "Grace Hopper", "Zoë"]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("text=LOVE+ada", ["Ada Lovelace"]),
        ("text=kay%40", ["Kay"]),
        ("text=100%25", ["Hundred 100% _"]),
        ("text=_", ["Hundred 100% _"]),
        ("role=admin", ["Grace Hopper"]),
        ("role=host", ["Ada Lovelace", "Kay"]),
        ("role=none", ["Hundred 100% _"]),
        ("state=disabled", ["Hundred 100% _"]),
        ("state=active&role=host&text=kay", ["Kay"]),
        ("role=queen", ["Ada Lovelace", "Grace Hopper", "Hundred 100% _", "Kay"]),
        ("text=nobody", []),
    ],
)
def test_filters_leave_whom_they_name(
    app: Flask, boss: FlaskClient, ada: int, make_user: Any, make_room: Any, query: str, found: list[str]
) -> None:
    make_user("hundred@uni.example", name="Hundred 100% _", disabled_at=now())
    kay = make_user("kay@uni.example", name="Kay")
    room, _id, _code = make_room(ada)
    with app.app_context():
        db.session.add(RoomHost(room_id=room, user_id=kay))
        db.session.commit()
    answer = boss.get(f"{PEOPLE}?{query}")
    assert answer.status_code == 200
    assert names(answer.text) == found
    assert found or "Nobody fits these filters" in answer.text


def test_many_come_part_by_part(boss: FlaskClient, make_user: Any, queries: Any) -> None:
    for n in range(60):
        make_user(name=f"Student {n:02}")
    with queries(at_most=4):
        first = boss.get(f"{PEOPLE}?text=student")
    assert names(first.text) == [f"Student {n:02}" for n in range(50)]
    further = re.search(r"href=\"([^\"]+)\" rel=\"next\"", first.text)
    assert further
    second = boss.get(further[1].replace("&amp;", "&"))
    assert names(second.text) == [f"Student {n:02}" for n in range(50, 60)]
    assert 'rel="prev"' in second.text and 'rel="next"' not in second.text


@pytest.mark.parametrize("path", ["", "/people", "/rooms", "/people/invitations"])
def test_only_administrators_see_these_pages(ada: int, sign_in: Any, client: FlaskClient, path: str) -> None:
    assert sign_in(ada).get(f"/admin{path}").status_code == 403
    assert client.get(f"/admin{path}").location.startswith("/sign-in")


def test_the_menu_stands_beside_admin_pages_only(boss: FlaskClient) -> None:
    assert "admin-menu" in boss.get(PEOPLE).text
    assert re.search(r"href=\"/admin/people\" aria-current=\"page\"", boss.get(f"{PEOPLE}/invitations").text)
    assert "admin-menu" not in boss.get("/").text


# --- one of them ------------------------------------------------------------------------


def test_a_page_tells_of_somebody(
    boss: FlaskClient, place: str, ada: int, make_room: Any, queries: Any
) -> None:
    for n in range(21):
        make_room(ada, title=f"Room {n:02}")
    with queries(at_most=5):
        text = boss.get(place).text
    assert "ada@uni.example" in text and "Room 19" in text and "Room 20" not in text
    assert "All rooms of this person" in text


def test_nobody_is_found_by_a_guess(boss: FlaskClient, ada: int) -> None:
    answer = boss.get(f"{PEOPLE}/{ada}")
    assert answer.status_code == 404 and "There is no such account" in answer.text


def test_somebody_becomes_an_administrator_by_my_password(
    boss: FlaskClient, place: str, ada: int, user: Any, audited: Any
) -> None:
    answer = boss.post(f"{place}/role", data={"is_admin": "1", "password": "guessed"})
    assert answer.status_code == 422 and "This isn&#39;t your current password." in answer.text
    assert not user(ada).is_admin
    assert boss.post(f"{place}/role", data={"is_admin": "1", "password": PASSWORD}).status_code == 303
    assert user(ada).is_admin
    assert ("user.make_admin", "ada@uni.example") in audited()


def test_a_password_is_not_guessed_here_either(boss: FlaskClient, place: str, user: Any, ada: int) -> None:
    for _n in range(10):
        boss.post(f"{place}/role", data={"is_admin": "1", "password": "guessed"})
    answer = boss.post(f"{place}/role", data={"is_admin": "1", "password": PASSWORD})
    assert answer.status_code == 429
    assert not user(ada).is_admin


def test_rights_are_taken_without_a_password(
    boss: FlaskClient, make_user: Any, user: Any, audited: Any, sign_in: Any
) -> None:
    other = make_user("kay@uni.example", is_admin=True)
    theirs = sign_in(other)
    assert theirs.get(PEOPLE).status_code == 200
    assert boss.post(f"{PEOPLE}/{user(other).public_id}/role").status_code == 303
    assert theirs.get(PEOPLE).status_code == 403
    assert ("user.take_admin", "kay@uni.example") in audited()


def test_the_last_administrator_stays_one(
    boss: FlaskClient, admin: int, make_user: Any, user: Any, audited: Any
) -> None:
    make_user(is_admin=True, disabled_at=now())
    answer = boss.post(f"{PEOPLE}/{user(admin).public_id}/role")
    assert answer.status_code == 409 and "This is the last administrator." in answer.text
    assert user(admin).is_admin and audited() == []


def test_two_administrators_cannot_take_each_others_rights_at_once(
    app: Flask, admin: int, make_user: Any
) -> None:
    other = make_user(is_admin=True)
    refused: list[str] = []
    both = threading.Barrier(2)

    def take(mine: int, theirs: int) -> None:
        with app.app_context():
            by, user = db.session.get_one(User, mine), db.session.get_one(User, theirs)
            both.wait(timeout=30)
            try:
                accounts.set_admin(user, False, by=by)
                db.session.commit()
            except Refusal as refusal:
                refused.append(refusal.code)

    threads = [threading.Thread(target=take, args=pair) for pair in ((admin, other), (other, admin))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    assert refused == ["last_admin"]
    with app.app_context():
        assert db.session.scalar(sa.select(sa.func.count()).where(User.is_admin)) == 1


def test_who_cannot_sign_in_cannot_become_an_administrator(
    boss: FlaskClient, make_user: Any, user: Any
) -> None:
    key = make_user(disabled_at=now())
    answer = boss.post(f"{PEOPLE}/{user(key).public_id}/role", data={"is_admin": "1", "password": PASSWORD})
    assert answer.status_code == 409 and not user(key).is_admin


# --- access -----------------------------------------------------------------------------


def test_a_disabled_account_is_out_everywhere_and_can_come_back(
    app: Flask, boss: FlaskClient, place: str, client: FlaskClient, audited: Any
) -> None:
    log_in(client)
    assert is_signed_in(client)
    assert boss.post(f"{place}/disable").status_code == 303
    assert not is_signed_in(client)
    assert log_in(app.test_client()).status_code == 422
    assert "Disabled" in boss.get(place).text
    assert boss.post(f"{place}/enable").status_code == 303
    assert not is_signed_in(client)
    assert log_in(client).status_code == 303
    assert audited() == [("user.disable", "ada@uni.example"), ("user.enable", "ada@uni.example")]


def test_who_is_disabled_is_out_of_running_lectures(
    app: Flask, boss: FlaskClient, place: str, ada: int, make_room: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept: list[str] = []
    monkeypatch.setattr("core.admin.people.order.keep", lambda lecture: kept.append(lecture.title))
    room, _id, _code = make_room(ada)
    with app.app_context():
        now_live = Lecture(room_id=room, title="Now", started_by_id=ada)
        over = Lecture(room_id=room, title="Over", started_by_id=ada, ended_at=now())
        db.session.add_all([over, now_live])
        db.session.flush()
        for lecture in (over, now_live):
            db.session.add(Participant(lecture_id=lecture.id, user_id=ada, name="Ada", role="host"))
        db.session.commit()
    boss.post(f"{place}/disable")
    assert kept == ["Now"]
    with app.app_context():
        rows = db.session.execute(sa.select(Lecture.title, Participant.removed_at).join(Lecture)).all()
        assert {title: moment is not None for title, moment in rows} == {"Over": False, "Now": True}


def test_nobody_disables_themselves(boss: FlaskClient, admin: int, user: Any) -> None:
    answer = boss.post(f"{PEOPLE}/{user(admin).public_id}/disable")
    assert answer.status_code == 409 and "Ask another administrator." in answer.text
    assert user(admin).disabled_at is None


def test_sessions_end_without_disabling(
    boss: FlaskClient, place: str, client: FlaskClient, audited: Any
) -> None:
    log_in(client)
    assert boss.post(f"{place}/sign-out").status_code == 303
    assert not is_signed_in(client)
    assert log_in(client).status_code == 303
    assert audited() == [("user.sign_out", "ada@uni.example")]


def test_a_link_for_a_new_password_is_sent(
    boss: FlaskClient, place: str, post: Any, client: FlaskClient
) -> None:
    assert boss.post(f"{place}/reset").status_code == 303
    (mail,) = post()
    assert mail.to == "ada@uni.example"
    client.post(mail.link, data={"password": "an entirely new one"})
    assert log_in(client, password="an entirely new one").status_code == 303


def test_a_mailbox_is_not_flooded(boss: FlaskClient, place: str, post: Any) -> None:
    answers = [boss.post(f"{place}/reset").status_code for _n in range(6)]
    assert answers == [303] * 5 + [429]
    assert len(post()) == 5


def test_a_disabled_account_gets_no_link(boss: FlaskClient, make_user: Any, user: Any, post: Any) -> None:
    key = make_user(disabled_at=now())
    assert boss.post(f"{PEOPLE}/{user(key).public_id}/reset").status_code == 409
    assert post() == []


def test_a_persons_page_leads_to_what_they_did(boss: FlaskClient, ada: int, user: Any) -> None:
    page = boss.get(f"{PEOPLE}/{user(ada).public_id}").text
    assert 'href="/admin/logs?who=ada%40uni.example"' in page
    assert boss.get("/admin/logs?who=ada%40uni.example").status_code == 200


def test_everybodys_lectures_are_in_the_menu_with_what_each_keeps(
    app: Flask, boss: FlaskClient, ada: int, make_room: Any
) -> None:
    key, _id, _code = make_room(ada)
    with app.app_context():
        lecture = Lecture(room_id=key, title="Sorting", started_by_id=ada, ended_at=now())
        db.session.add(lecture)
        db.session.flush()
        db.session.add(keep_file(key, lecture.id, "files", 3_000_000))
        db.session.commit()
    all_of_them = boss.get("/lectures?whose=everyone").text
    assert 'href="/lectures?whose=everyone" aria-current="page"' in all_of_them
    assert "3.0 MB" in all_of_them and "Sorting" in all_of_them
    for path in ("/lectures", "/lectures?whose=mine"):
        page = boss.get(path).text
        assert "admin-menu" not in page and ">Storage<" not in page
