"""Links that share a lecture: they let read, and nothing else, for as long as they hold."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest

from core.contracts import Audience, Prose, Role
from core.db import db, now
from core.lectures import sharing
from core.lectures.models import Lecture, LectureShare, Participant
from core.rooms.models import Room

OF_ONE_ANSWER = re.compile(r'nonce="[^"]+"|<code>[0-9a-f]{16}</code>')
LINK = re.compile(r'data-copy="http://localhost:8000(/shared/[\w-]{43})"')
REVOKE = re.compile(r'action="([^"]+/revoke)"')


@pytest.fixture(autouse=True)
def no_tries_yet():
    from tests.hostile.conftest import forget_tries

    forget_tries()
    yield
    forget_tries()


@pytest.fixture
def lecture(ada, make_room, make_lecture, take_part, add_guard):
    room = make_room(ada)
    key, public_id = make_lecture(room[0], title="Sorting")
    take_part(key, "Somebody who was there")
    seen = []

    def sections(lecture, viewer):
        seen.append(viewer)
        return [
            Prose("all", "For all", paragraphs=("Words for everybody.",)),
            Prose("ours", "For hosts", Audience.HOSTS, paragraphs=("Words for hosts.",)),
        ]

    add_guard("notes", lecture_sections=sections)
    return {"room": room[0], "key": key, "id": public_id, "page": f"/lectures/{public_id}", "seen": seen}


@pytest.fixture
def make_link(host, lecture):
    """``make_link()``: its path, as the host copies it."""

    def make(**form):
        answer = host.post(f"{lecture['page']}/share", data={"lasts": "week", "label": "", **form})
        assert answer.location == f"{lecture['page']}/share", answer.text
        return LINK.findall(host.get(answer.location).text)[0]

    return make


@pytest.fixture
def reader(app, make_link):
    """``reader()``: a fresh browser that has opened a new link."""

    def come(path=None):
        client = app.test_client()
        assert client.get(path or make_link()).status_code == 302
        return client

    return come


def change(app, **values):
    with app.app_context():
        db.session.execute(db.update(LectureShare).values(**values))
        db.session.commit()


def set_room(app, lecture, **settings):
    with app.app_context():
        room = db.session.get(Room, lecture["room"])
        room.settings = {**room.settings, **settings}
        db.session.commit()


def test_a_link_lets_a_stranger_read_what_participants_may_see(app, lecture, make_link):
    client, path = app.test_client(), make_link()
    assert client.get(lecture["page"]).status_code == 404
    answer = client.get(path)
    assert (answer.status_code, answer.location) == (302, lecture["page"])
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    assert answer.headers["X-Robots-Tag"].startswith("noindex")
    page = client.get(lecture["page"])
    assert page.status_code == 200 and page.headers["X-Robots-Tag"] == "noindex"
    assert "Words for everybody." in page.text and "Words for hosts." not in page.text
    assert "Somebody who was there" not in page.text
    assert "You read this by a link that holds until" in page.text
    # The token is neither in the page nor in what the browser keeps.
    token = path.rpartition("/")[2]
    assert token not in page.text and token not in str(client.get_cookie("audimax", domain="localhost"))
    viewer = lecture["seen"][-1]
    assert (viewer.role, viewer.by_link, viewer.user_id) == (Role.STRANGER, True, None)


def test_who_took_part_is_shown_where_participants_see_it(app, lecture, reader):
    set_room(app, lecture, participants_see_names=True)
    assert "Somebody who was there" in reader().get(lecture["page"]).text


def test_it_opens_this_lecture_and_no_other(app, ada, make_room, make_lecture, lecture, reader):
    client = reader()
    other = make_lecture(lecture["room"], title="Another")[1]
    assert client.get(f"/lectures/{other}").status_code == 404
    assert client.get(f"/lectures?room={lecture['room']}").status_code == 302


DEAD = {
    "revoked": {"revoked_at": now()},
    "expired": {"expires_at": now() - timedelta(seconds=1)},
    "without an end, which isn't permitted": {"expires_at": None},
}


@pytest.mark.parametrize("how", DEAD)
def test_a_dead_link_opens_nothing_and_who_was_inside_is_out(app, lecture, make_link, reader, how):
    path = make_link()
    client = reader(path)
    unknown = app.test_client().get("/shared/" + "x" * 43)
    change(app, **DEAD[how])
    for path_now in ("", "/exports", "/exports/x/file"):
        assert client.get(lecture["page"] + path_now).status_code == 404
    assert client.get(f"/api/lectures/{lecture['id']}/stream").status_code == 404
    for who in (client, app.test_client()):
        answer = who.get(path)
        assert answer.status_code == 404 and "This link leads nowhere" in answer.text
        assert answer.headers["Referrer-Policy"] == "no-referrer"
        # One answer, whyever.
        assert OF_ONE_ANSWER.sub("", answer.text) == OF_ONE_ANSWER.sub("", unknown.text)


def test_the_institution_and_the_room_may_forbid_it_at_any_time(
    app, host, lecture, make_link, reader, settings
):
    path = make_link()
    client = reader(path)
    set_room(app, lecture, share_links=False)
    assert client.get(lecture["page"]).status_code == 404 and client.get(path).status_code == 404
    assert "can’t be shared by a link" in host.get(f"{lecture['page']}/share").text
    assert f"{lecture['page']}/share" not in host.get(lecture["page"]).text
    refused = host.post(f"{lecture['page']}/share", data={"lasts": "week"})
    assert refused.status_code == 403
    set_room(app, lecture, share_links=True)
    assert client.get(lecture["page"]).status_code == 200
    forbid(app, share_links=False)
    assert client.get(lecture["page"]).status_code == 404 and client.get(path).status_code == 404


def forbid(app, **changed):
    from dataclasses import replace

    app.extensions["audimax_config"] = replace(app.extensions["audimax_config"], **changed)


def test_a_link_for_ever_needs_the_institutions_word(app, host, lecture, make_link, reader):
    assert "Until it is revoked" not in host.get(f"{lecture['page']}/share").text
    refused = host.post(f"{lecture['page']}/share", data={"lasts": "forever"})
    assert refused.status_code == 422 and "Please choose one of these." in refused.text
    forbid(app, share_links_forever=True)
    client = reader(make_link(lasts="forever"))
    assert "You read this by a link." in client.get(lecture["page"]).text
    assert "until it is revoked" in host.get(f"{lecture['page']}/share").text
    forbid(app, share_links_forever=False)
    assert client.get(lecture["page"]).status_code == 404


# --- nothing but reading --------------------------------------------------------------


def test_who_reads_by_a_link_exports_nothing(lecture, reader):
    client = reader()
    assert "/exports" not in client.get(lecture["page"]).text
    answer = client.get(f"{lecture['page']}/exports")
    assert answer.status_code == 403 and "You read this lecture by a link" in answer.text
    assert client.post(f"{lecture['page']}/exports", data={"section": "notes-all"}).status_code == 403


def test_even_with_an_account_a_link_makes_nobody_a_participant(app, lecture, make_link, make_user, sign_in):
    bob = sign_in(make_user("bob@uni.example"))
    path = make_link()
    bob.get(path)
    assert bob.get(lecture["page"]).status_code == 200
    assert bob.get(f"{lecture['page']}/exports").status_code == 403
    assert bob.post(f"{lecture['page']}/keep").status_code == 409
    for what in ("rename", "delete", "share"):
        assert bob.get(f"{lecture['page']}/{what}").status_code == 404
    assert "Sorting" in bob.get("/lectures?whose=shared").text
    assert "Sorting" in bob.get("/lectures").text
    change(app, revoked_at=now())
    assert "Sorting" not in bob.get("/lectures?whose=shared").text + bob.get("/lectures").text


def test_a_removed_participant_reads_by_a_link_like_anybody_and_sends_nothing(
    app, lecture, make_link, guest_client
):
    from core.files import stored as files

    client, guest = guest_client("Removed")
    with app.app_context():
        row = Participant(lecture_id=lecture["key"], name="Removed", guest_session_id=guest)
        db.session.add(row)
        db.session.flush()
        found = db.session.get(Lecture, lecture["key"])
        upload = files.begin(
            found, "files", name="a.pdf", size=3, mime="application/pdf", participant=row
        ).public_id
        row.removed_at = now()
        db.session.commit()
    client.get(make_link())
    assert client.get(lecture["page"]).status_code == 200
    assert client.get(f"/api/uploads/{upload}").status_code == 403
    assert client.post(f"/api/uploads/{upload}/complete", json={}).status_code == 403


@pytest.mark.parametrize(("audience", "status"), [("everyone", 200), ("hosts", 404)])
def test_files_are_asked_for_like_the_page(app, settings, lecture, reader, audience, status):
    from core.files import stored as files

    with app.app_context():
        found = db.session.get(Lecture, lecture["key"])
        made = files.keep(
            found, "files", name="a.txt", body=b"abc", mime="text/plain", audience=Audience(audience)
        )
        db.session.commit()
        address = f"/files/{made.public_id}"
    client = reader()
    assert app.test_client().get(address).status_code == 404
    assert client.get(address).status_code == status
    change(app, revoked_at=now())
    assert client.get(address).status_code == 404


def test_signing_in_keeps_what_a_link_opened_and_signing_out_does_not(app, lecture, reader, make_user):
    from core.people.passwords import hash_password

    make_user("bob@uni.example", password_hash=hash_password("correct horse battery"))
    client = reader()
    form = {"email": "bob@uni.example", "password": "correct horse battery", "next": lecture["page"]}
    assert client.post("/sign-in", data=form).location == lecture["page"]
    assert client.get(lecture["page"]).status_code == 200
    client.post("/sign-out")
    assert client.get(lecture["page"]).status_code == 404


# --- making and revoking --------------------------------------------------------------


def test_hosts_have_several_and_revoke_one(app, host, lecture, make_link):
    from core.models import AuditEntry

    first, second = make_link(label="For <Grace>"), make_link(label="For Alan")
    page = host.get(f"{lecture['page']}/share").text
    assert "For &lt;Grace&gt;" in page and "Made by Ada Lovelace" in page
    assert LINK.findall(page) == [second, first]
    revoke = REVOKE.findall(page)[1]
    assert host.post(revoke).location == host.post(revoke).location == f"{lecture['page']}/share"
    assert app.test_client().get(first).status_code == 404
    assert app.test_client().get(second).status_code == 302
    with app.app_context():
        told = [one.action for one in db.session.query(AuditEntry).order_by(AuditEntry.id)]
        assert told == ["lecture.share", "lecture.share", "lecture.unshare"]
        assert all(second.rpartition("/")[2] not in str(one.details) for one in db.session.query(AuditEntry))


def test_a_link_of_another_lecture_is_not_revoked_by_its_id(
    app, lecture, make_link, make_user, make_room, make_lecture, sign_in
):
    path = make_link()
    with app.app_context():
        share = db.session.query(LectureShare).one().public_id
    mallory = make_user("mallory@uni.example")
    theirs = make_lecture(make_room(mallory)[0])[1]
    assert sign_in(mallory).post(f"/lectures/{theirs}/share/{share}/revoke").status_code == 404
    assert app.test_client().get(path).status_code == 302


def test_a_running_lecture_is_not_shared(host, ada, make_room, make_lecture):
    page = f"/lectures/{make_lecture(make_room(ada)[0], minutes=None)[1]}"
    assert "Share it once it has ended" in host.get(f"{page}/share").text
    assert f"{page}/share" not in host.get(page).text
    assert host.post(f"{page}/share", data={"lasts": "day"}).status_code == 409


@pytest.mark.parametrize("form", [{"lasts": "year"}, {"lasts": ""}, {"label": "x" * 81}])
def test_wrong_input_gets_words_and_makes_nothing(app, host, lecture, form):
    answer = host.post(f"{lecture['page']}/share", data={"lasts": "day", "label": "Kept", **form})
    assert answer.status_code == 422 and 'class="error"' in answer.text
    with app.app_context():
        assert db.session.query(LectureShare).count() == 0


def test_there_are_only_so_many(host, lecture, make_link, monkeypatch):
    monkeypatch.setattr(sharing, "MOST_LINKS", 2)
    make_link(), make_link()
    answer = host.post(f"{lecture['page']}/share", data={"lasts": "day", "label": "Third"})
    assert answer.status_code == 409 and "Revoke one first" in answer.text and 'value="Third"' in answer.text


def test_every_length_ends_when_it_says(app, lecture, make_link):
    for name, length in sharing.LASTS.items():
        if length is None:
            continue
        make_link(lasts=name)
        with app.app_context():
            made = db.session.query(LectureShare).order_by(LectureShare.id.desc()).first()
            assert abs(made.expires_at - now() - length) < timedelta(minutes=1)


def test_guessing_ends_soon_and_right_links_open_all_the_same(app, lecture, make_link):
    client, path = app.test_client(), make_link()
    answers = [client.get(f"/shared/{number:043}").status_code for number in range(61)]
    assert answers == [404] * 60 + [429]
    assert client.get(path).status_code == 302
    for odd in ("x", "x" * 5000, "%E2%80%AE" * 20, "..%2f..%2fetc", path[8:-1], path[8:].swapcase()):
        assert client.get(f"/shared/{odd}").status_code in (404, 429)


def test_a_session_remembers_only_so_many_links(app, lecture, make_link, reader, monkeypatch):
    monkeypatch.setattr(sharing, "MOST_REMEMBERED", 2)
    client = reader()
    for _link in range(3):
        client.get(make_link())
    with client.session_transaction(base_url="http://localhost:8000") as session:
        assert len(session[sharing.REMEMBERED]) == 2
    assert client.get(lecture["page"]).status_code == 200


@pytest.mark.parametrize("odd", ["x", 7, {"a": 1}, [None, 7, ["x"]], []])
def test_an_odd_session_opens_nothing_and_breaks_nothing(app, lecture, odd):
    client = app.test_client()
    with client.session_transaction(base_url="http://localhost:8000") as session:
        session[sharing.REMEMBERED] = odd
    assert client.get(lecture["page"]).status_code == 404
