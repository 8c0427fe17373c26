"""What somebody took part in as a guest comes into their account when they say so, and never by itself."""

from __future__ import annotations

import re

import pytest

from core.db import db, now
from core.exports.models import Export
from core.files import stored as files
from core.files.models import StoredFile
from core.lectures.models import Lecture, Participant
from core.people import hashing
from core.people.models import GuestSession
from core.rooms.models import Room

PASSWORD = "correct horse battery staple"


@pytest.fixture(autouse=True)
def quick_hashes(monkeypatch):
    from tests.hostile.conftest import forget_tries

    monkeypatch.setattr(hashing, "ROUNDS", 4)
    forget_tries()


@pytest.fixture
def settings(settings, tmp_path):
    return {**settings, "instance_dir": str(tmp_path), "sign_up": "open"}


@pytest.fixture
def lecture(ada, make_room, make_lecture, take_part, guest_client):
    room = make_room(ada, settings={"participants_read": True})[0]
    key, public_id = make_lecture(room, title="Sorting")
    client, session = guest_client("Grace")
    take_part(key, "Grace H.", guest=session)
    return {"room": room, "key": key, "page": f"/lectures/{public_id}", "guest": client, "session": session}


@pytest.fixture
def make_account(make_user):
    from core.people.passwords import hash_password

    return lambda email, name="Grace": make_user(email, name=name, password_hash=hash_password(PASSWORD))


def sign_in_there(client, email, back="/"):
    return client.post("/sign-in", data={"email": email, "password": PASSWORD, "next": back})


def test_a_guest_is_offered_to_keep_it_and_comes_back_after_signing_in(lecture, make_account, sign_in):
    grace, client = make_account("grace@uni.example"), lecture["guest"]
    page = client.get(lecture["page"]).text
    assert "Keep this lecture in your account" in page and "“Grace H.”" in page
    back = lecture["page"].replace("/", "%2F")
    assert f'href="/sign-in?next={lecture["page"]}"' in page or f'href="/sign-in?next={back}"' in page
    assert sign_in_there(client, "grace@uni.example", lecture["page"]).location == lecture["page"]
    # Nothing happens by itself: somebody else may sit here now.
    assert "Sorting" not in client.get("/lectures").text
    assert "That was me: keep it" in client.get(lecture["page"]).text
    assert client.post(f"{lecture['page']}/keep").location == lecture["page"]
    assert "is in your account now" in client.get(lecture["page"]).text
    assert "Keep this lecture" not in client.get(lecture["page"]).text
    elsewhere = sign_in(grace)
    assert "Sorting" in elsewhere.get("/lectures").text
    assert elsewhere.get(lecture["page"]).status_code == 200


def test_signing_up_leads_back_to_the_lecture(app, lecture, tmp_path):
    from core.people import links
    from core.people.links import Purpose

    client = lecture["guest"]
    assert "/sign-up?next=" in client.get(lecture["page"]).text
    assert client.get(f"/sign-up?next={lecture['page']}").status_code == 200
    assert client.post("/sign-up", data={"email": "grace@uni.example"}).status_code == 303
    with app.app_context():
        path = links.issue(Purpose.SIGN_UP, email="grace@uni.example").removeprefix("http://localhost:8000")
        db.session.commit()
    made = client.post(path, data={"name": "Grace", "password": PASSWORD})
    assert made.location == lecture["page"]
    assert client.post(f"{lecture['page']}/keep").status_code == 303
    assert "Sorting" in client.get("/lectures").text


@pytest.mark.parametrize(
    "target", ["//evil.example", "https://evil.example", "/\\evil.example", "javascript:x"]
)
def test_signing_up_leads_to_no_other_site(app, lecture, target):
    from core.people import links
    from core.people.links import Purpose

    client = lecture["guest"]
    client.get("/sign-up", query_string={"next": target})
    with app.app_context():
        path = links.issue(Purpose.SIGN_UP, email="eve@uni.example").removeprefix("http://localhost:8000")
        db.session.commit()
    assert client.post(path, data={"name": "Eve", "password": PASSWORD}).location == "/"


def test_another_account_in_the_same_browser_does_not_get_it(lecture, make_account, sign_in):
    make_account("grace@uni.example")
    bob, client = make_account("bob@uni.example", "Bob"), lecture["guest"]
    sign_in_there(client, "grace@uni.example")
    client.post(f"{lecture['page']}/keep")
    client.post("/sign-out")
    assert client.get(lecture["page"]).status_code == 404
    sign_in_there(client, "bob@uni.example")
    assert client.get(lecture["page"]).status_code == 404
    assert client.post(f"{lecture['page']}/keep").status_code == 404
    for who in (client, sign_in(bob)):
        assert "Sorting" not in who.get("/lectures").text


def test_a_session_that_belongs_to_another_account_is_not_kept(app, lecture, make_account, sign_in):
    grace, bob = make_account("grace@uni.example"), make_account("bob@uni.example", "Bob")
    with app.app_context():
        db.session.get(GuestSession, lecture["session"]).user_id = grace
        db.session.commit()
    client = lecture["guest"]
    assert "Keep this lecture" not in client.get(lecture["page"]).text
    with app.app_context():
        from core.lectures import keeping
        from core.people.models import User

        found, guest = (
            db.session.get(Lecture, lecture["key"]),
            db.session.get(GuestSession, lecture["session"]),
        )
        assert not keeping.keep(found, db.session.get(User, bob), guest)
        assert keeping.keep(found, db.session.get(User, grace), guest)


def test_only_what_this_browser_did_in_this_lecture_moves(
    app, lecture, make_account, make_lecture, take_part, guest_client
):
    grace, client = make_account("grace@uni.example"), lecture["guest"]
    _other, other_session = guest_client("Alan")
    take_part(lecture["key"], "Alan", guest=other_session)
    take_part(lecture["key"], "Grace, removed", guest=lecture["session"], removed_at=now())
    second = make_lecture(lecture["room"], title="Another")[0]
    take_part(second, "Grace H.", guest=lecture["session"])
    with app.app_context():
        row = db.session.query(Participant).filter_by(name="Grace H.", lecture_id=lecture["key"]).one()
        found = db.session.get(Lecture, lecture["key"])
        files.begin(found, "files", name="a.pdf", size=3, mime="application/pdf", participant=row)
        db.session.add(Export(lecture_id=found.id, guest_session_id=lecture["session"], exporter="none"))
        db.session.add(Export(lecture_id=second, guest_session_id=lecture["session"], exporter="none"))
        db.session.commit()
    sign_in_there(client, "grace@uni.example")
    assert client.post(f"{lecture['page']}/keep").status_code == 303
    with app.app_context():
        rows = {(one.name, one.lecture_id): one.user_id for one in db.session.query(Participant)}
        key = lecture["key"]
        assert rows == {
            ("Grace H.", key): grace, ("Grace, removed", key): grace, ("Alan", key): None, ("Grace H.", second): None,
        }  # fmt: skip
        assert db.session.query(StoredFile).one().user_id == grace
        owners = {one.lecture_id: (one.user_id, one.guest_session_id) for one in db.session.query(Export)}
        assert owners == {key: (grace, None), second: (None, lecture["session"])}


@pytest.mark.parametrize("why", ["not read", "removed", "running", "twice", "own row"])
def test_there_must_be_something_to_keep(app, lecture, make_account, take_part, why):
    grace, client = make_account("grace@uni.example"), lecture["guest"]
    sign_in_there(client, "grace@uni.example")
    if why == "twice":
        assert client.post(f"{lecture['page']}/keep").status_code == 303
    if why == "own row":
        take_part(lecture["key"], "Grace at home", user=grace)
    with app.app_context():
        if why == "not read":
            db.session.get(Room, lecture["room"]).settings = {}
        elif why == "removed":
            db.session.query(Participant).one().removed_at = now()
        elif why == "running":
            db.session.get(Lecture, lecture["key"]).ended_at = None
        db.session.commit()
    assert client.post(f"{lecture['page']}/keep").status_code == (
        404 if why in ("not read", "removed") else 409
    )
    assert "That was me" not in client.get(lecture["page"]).text


def test_nobody_else_is_offered_anything(client, host, lecture, make_account, take_part, sign_in):
    bob = make_account("bob@uni.example", "Bob")
    take_part(lecture["key"], "Bob", user=bob)
    for who in (host, sign_in(bob)):
        page = who.get(lecture["page"]).text
        assert "Keep this lecture" not in page
        assert who.post(f"{lecture['page']}/keep").status_code == 409
    assert client.post(f"{lecture['page']}/keep").location.startswith("/sign-in")


def test_without_sign_up_only_signing_in_is_offered(make_app, settings, lecture):
    from tests.core.lectures.test_sharing import forbid

    forbid(lecture["guest"].application, sign_up="invitation")
    page = lecture["guest"].get(lecture["page"]).text
    assert re.search(r'href="/sign-in\?next=', page) and "/sign-up" not in page
