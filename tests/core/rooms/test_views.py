from __future__ import annotations

import re

import pytest

from core.db import db
from core.rooms.models import Room


@pytest.fixture
def room(ada, make_room):
    _key, public_id, code = make_room(ada)
    return {"id": public_id, "code": code, "page": f"/rooms/{public_id}"}


def text(answer):
    return re.sub(r"\s+", " ", answer.get_data(as_text=True))


def test_a_stranger_sees_a_door_with_a_box_for_a_code(client):
    page = text(client.get("/"))
    assert "Join a lecture" in page and 'name="code"' in page and 'href="/sign-in"' in page


def test_a_new_host_sees_the_one_next_step(host):
    page = text(host.get("/"))
    assert "Your first room is a minute away" in page
    assert page.count('href="/rooms/new"') == 1


def test_the_dashboard_greets_and_shows_rooms_live_ones_first(host, ada, make_room, start_lecture):
    _key, live, code = make_room(ada, "Live room")
    make_room(ada, "Quiet room")
    start_lecture(live)
    page = text(host.get("/"))
    assert re.search(r"Good (morning|afternoon|evening), Ada", page)
    assert page.index("Live room") < page.index("Quiet room")
    assert f'data-join href="/r/{code}"' in page


def test_the_dashboard_of_two_thousand_rooms_asks_little(app, host, ada, queries):
    from core.rooms import codes

    with app.app_context():
        many = [Room(title=f"Course {n}", owner_id=ada, code=codes.new_code()) for n in range(2000)]
        db.session.add_all(many)
        db.session.commit()
    for address in ("/", "/?page=83", "/?q=course+19", "/?archived=1", "/lectures"):
        with queries(at_most=10):
            assert host.get(address).status_code == 200
    assert text(host.get("/?page=84")).count("data-room=") == 2000 - 83 * 24
    for odd in ("0", "-1", "x", "9" * 30, "²", ""):
        assert host.get(f"/?page={odd}").status_code == 200


def test_a_room_is_made_with_the_form_and_shows_how_to_invite(host):
    made = host.post(
        "/rooms/new",
        data={
            "title": "Algorithms II",
            "language": "de",
            "core.screen_share": "hosts",
            "core.participants_read_days": "0",
        },
    )
    assert made.status_code == 303
    page = text(host.get(made.location))
    code = re.search(r"/r/([a-z-]+)", page)[1]
    assert "The room is ready" in page and f"http://localhost:8000/r/{code}" in page
    assert '<svg xmlns="http://www.w3.org/2000/svg"' in page and "mailto:?subject=Invitation" in page
    assert " style=" not in page


def test_a_form_with_mistakes_keeps_what_was_typed_and_says_what_to_do(app, host):
    answer = host.post(
        "/rooms/new", data={"title": "\u202e  ", "description": "<b>kept</b>", "language": "xx"}
    )
    page = text(answer)
    assert answer.status_code == 422
    assert "Please type a title." in page and "&lt;b&gt;kept&lt;/b&gt;" in page
    assert re.search(r'id="f-title"[^>]*aria-invalid="true"[^>]*autofocus', page)
    assert host.post("/rooms/new", data={"title": "x" * 10_000, "language": "en"}).status_code == 422
    with app.app_context():
        assert db.session.query(Room).count() == 0


def test_settings_are_changed_and_stay(app, host, room):
    data = {"title": "Graphs", "language": "en", "core.screen_share": "hosts", "core.participants_read": "on",
            "core.participants_read_days": "0"}  # fmt: skip
    assert host.post(f"{room['page']}/settings", data=data).status_code == 303
    page = text(host.get(f"{room['page']}/settings"))
    assert 'value="Graphs"' in page and '<option value="hosts" selected>' in page
    assert re.search(r'name="core.participants_read" value="on" checked', page)
    assert not re.search(r'name="core.camera_on_entry" value="on" checked', page)


def test_pages_of_one_room_ask_little(host, room, queries, make_user, start_lecture):
    make_user("grace@uni.example", name="Grace Hopper")
    host.post(f"{room['page']}/hosts", data={"email": "grace@uni.example"})
    start_lecture(room["id"])
    for address in (room["page"], f"{room['page']}/settings", f"{room['page']}/delete", f"/r/{room['code']}"):
        with queries(at_most=10):
            assert host.get(address).status_code == 200


def test_an_unknown_co_host_is_told_to_the_owner_beside_the_field(host, room):
    answer = host.post(f"{room['page']}/hosts", data={"email": "nobody@uni.example"})
    assert answer.status_code == 422
    assert "There is no account with this address. Invite the person first" in text(answer)


def test_deleting_is_asked_once_with_what_goes(host, room, start_lecture):
    from core.db import now

    start_lecture(room["id"], ended_at=now())
    assert "1 lecture with all that remains of it" in text(host.get(f"{room['page']}/delete"))
    assert host.post(f"{room['page']}/delete").location == "/"
    assert host.get(room["page"]).status_code == 404


PAGES = [("GET", ""), ("GET", "/settings"), ("POST", "/settings"), ("POST", "/code"), ("POST", "/hosts"),
         ("POST", "/hosts/x/remove"), ("POST", "/archive"), ("POST", "/unarchive"), ("GET", "/delete"),
         ("POST", "/delete")]  # fmt: skip


@pytest.mark.parametrize(("method", "path"), PAGES)
def test_for_another_host_the_room_does_not_exist(room, make_user, sign_in, method, path):
    mallory = sign_in(make_user("mallory@uni.example"))
    assert mallory.open(room["page"] + path, method=method).status_code == 404


@pytest.mark.parametrize(("method", "path"), PAGES)
def test_a_stranger_is_asked_to_sign_in(room, client, method, path):
    answer = client.open(room["page"] + path, method=method)
    assert answer.status_code == 302 and answer.location.startswith("/sign-in")


def test_an_admin_sees_a_room_but_not_its_settings(room, make_user, sign_in):
    admin = sign_in(make_user("root@uni.example", is_admin=True))
    page = text(admin.get(room["page"]))
    assert "Archive" in page and "Add a co-host" not in page and "Make a new link" not in page
    for path in ("/settings", "/code", "/hosts"):
        assert (
            admin.open(room["page"] + path, method="GET" if path == "/settings" else "POST").status_code
            == 404
        )


def test_a_form_sent_from_another_page_is_refused(host, room):
    for origin in ("http://evil.example", "http://localhost:8001", "null"):
        assert host.post(f"{room['page']}/delete", headers={"Origin": origin}).status_code == 403
    sibling = {"Origin": "http://localhost:8000", "Sec-Fetch-Site": "same-site"}
    assert host.post(f"{room['page']}/delete", headers=sibling).status_code == 403
    assert host.get(room["page"]).status_code == 200
