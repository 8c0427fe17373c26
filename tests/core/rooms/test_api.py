from __future__ import annotations

import pytest

from core.db import db
from core.models import AuditEntry
from core.rooms.models import Room


@pytest.fixture
def room(host):
    return host.post("/api/rooms", json={"title": "Algorithms II"}).json


def test_a_host_makes_reads_changes_and_deletes_a_room(host):
    made = host.post("/api/rooms", json={"title": "  Algorithms\u202e II ", "language": "de"})
    assert made.status_code == 201
    room = made.json
    assert (room["title"], room["language"], room["owner"]["name"]) == ("Algorithms II", "de", "Ada Lovelace")
    assert room["url"] == f"http://localhost:8000/r/{room['code']}"
    changed = host.patch(f"/api/rooms/{room['id']}", json={"settings": {"screen_share": "hosts"}})
    assert changed.json["settings"]["screen_share"] == "hosts"
    assert changed.json["settings"]["participants_read"] is False
    assert host.get(f"/api/rooms/{room['id']}").json == changed.json
    assert host.delete(f"/api/rooms/{room['id']}").status_code == 204
    assert host.get(f"/api/rooms/{room['id']}").status_code == 404


def test_the_list_has_own_and_shared_rooms_page_by_page_and_by_search(
    app, host, ada, make_room, make_user, queries
):
    for number in range(30):
        make_room(ada, f"Course {number}")
    make_room(make_user(), "Somebody else's course")
    with queries(at_most=5):
        first = host.get("/api/rooms").json
    assert (len(first["rooms"]), first["total"], first["has_more"]) == (24, 30, True)
    assert len(host.get("/api/rooms?page=2").json["rooms"]) == 6
    found = host.get("/api/rooms?q=COURSE 17").json["rooms"]
    assert [one["title"] for one in found] == ["Course 17"]
    assert host.get(f"/api/rooms?q={found[0]['code'].upper()}").json["total"] == 1
    assert host.get("/api/rooms?q=100%25").json["total"] == 0


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "title"),
        ({"title": ""}, "title"),
        ({"title": "   \u200b"}, "title"),
        ({"title": "x" * 10_000}, "title"),
        ({"title": "x" * 200_000}, "title"),
        ({"title": 7}, "title"),
        ({"title": "x", "colour": "red"}, "colour"),
        ({"title": "x", "language": "klingon"}, "language"),
        ({"title": "x", "settings": {"screen_share": "nobody"}}, "settings.screen_share"),
        ({"title": "x", "settings": {"screen_shaer": "hosts"}}, "settings.screen_shaer"),
        ({"title": "x", "plugins": {"lobby": {"enabled": True}}}, "plugins.lobby"),
        ({"title": "x", "plugins": {"lobby": "on"}}, "plugins.lobby"),
        ({"title": "x", "description": "y" * 9_000}, "description"),
    ],
)
def test_a_wrong_body_is_refused_by_the_name_of_its_field(app, host, body, field):
    answer = host.post("/api/rooms", json=body)
    assert answer.status_code == 422
    assert field in [error["field"] for error in answer.json["errors"]]
    with app.app_context():
        assert db.session.query(Room).count() == 0


def test_a_new_code_makes_the_old_one_useless(host, room, client):
    found = client.get(f"/api/rooms/by-code/{room['code'].upper().replace('-', ' ')}")
    assert found.json["id"] == room["id"] and found.json["host_name"] == "Ada Lovelace"
    new = host.post(f"/api/rooms/{room['id']}/code").json["code"]
    assert new != room["code"]
    assert client.get(f"/api/rooms/by-code/{room['code']}").status_code == 404
    assert client.get(f"/api/rooms/by-code/{new}").json["id"] == room["id"]


def test_a_code_that_is_taken_is_made_again(app, host, room, monkeypatch):
    codes = iter([room["code"], room["code"], "abc-defg-hj"])
    monkeypatch.setattr("core.rooms.codes.new_code", lambda: next(codes))
    assert host.post("/api/rooms", json={"title": "Second"}).json["code"] == "abc-defg-hj"


def test_guessing_codes_is_stopped_and_people_the_room_knows_still_get_in(app, host, room, client):
    stranger, right = app.test_client(), f"/api/rooms/by-code/{room['code']}"
    answers = [client.get("/api/rooms/by-code/aaa-aaaa-aa").status_code for _ in range(125)]
    assert answers[0] == 404 and answers[-1] == 429
    refused = stranger.get(right)
    assert refused.status_code == 429 and int(refused.headers["Retry-After"]) > 0
    assert stranger.get(f"/r/{room['code']}").status_code == 429
    assert host.get(right).status_code == 200


def test_three_hundred_right_codes_from_one_address_are_no_guessing(client, room):
    assert {client.get(f"/api/rooms/by-code/{room['code']}").status_code for _ in range(300)} == {200}


def test_the_owner_names_a_co_host_who_then_has_a_hosts_rights_except_the_owners(
    host, room, make_user, sign_in
):
    grace = sign_in(make_user("grace@uni.example", name="Grace Hopper"))
    base = f"/api/rooms/{room['id']}"
    assert grace.get(base).status_code == 403
    added = host.post(f"{base}/hosts", json={"email": " Grace@Uni.example "})
    assert (added.status_code, added.json["name"]) == (201, "Grace Hopper")
    assert grace.get("/api/rooms").json["rooms"][0]["is_owner"] is False
    assert grace.patch(base, json={"title": "Algorithms III"}).json["title"] == "Algorithms III"
    assert grace.post(f"{base}/code").status_code == 200
    for answer in (
        grace.delete(base),
        grace.post(f"{base}/archive"),
        grace.post(f"{base}/hosts", json={"email": "x@y.example"}),
    ):
        assert (answer.status_code, answer.json["code"]) == (403, "not_owner")
    assert grace.delete(f"{base}/hosts/{added.json['id']}").status_code == 204
    assert grace.get(base).status_code == 403


@pytest.mark.parametrize(
    ("email", "status", "code"),
    [
        ("nobody@uni.example", 404, "no_account"),
        ("unverified@uni.example", 404, "no_account"),
        ("ada@uni.example", 409, "already_host"),
        ("", 404, "no_account"),
    ],
)
def test_only_accounts_that_count_can_be_co_hosts(host, room, make_user, email, status, code):
    make_user("unverified@uni.example", verified=False)
    answer = host.post(f"/api/rooms/{room['id']}/hosts", json={"email": email})
    assert (answer.status_code, answer.json["code"]) == (status, code)
    assert "account" in answer.json["detail"] or "owner" in answer.json["detail"]


def test_a_co_host_of_another_room_is_no_co_host_here(host, room, make_user):
    make_user("grace@uni.example")
    other = host.post("/api/rooms", json={"title": "Other"}).json
    grace = host.post(f"/api/rooms/{other['id']}/hosts", json={"email": "grace@uni.example"}).json
    assert host.delete(f"/api/rooms/{room['id']}/hosts/{grace['id']}").status_code == 404


ROUTES = [
    ("GET", ""), ("PATCH", ""), ("DELETE", ""), ("POST", "/archive"), ("DELETE", "/archive"),
    ("POST", "/code"), ("POST", "/hosts"), ("DELETE", "/hosts/x"),
]  # fmt: skip


@pytest.mark.parametrize(("method", "path"), ROUTES)
def test_another_rooms_host_gets_nowhere(app, room, make_user, sign_in, method, path):
    mallory = sign_in(make_user("mallory@uni.example"))
    mallory.post("/api/rooms", json={"title": "Mine"})
    answer = mallory.open(f"/api/rooms/{room['id']}{path}", method=method, json={})
    assert answer.status_code == 403
    assert mallory.open(f"/api/rooms/unknown{path}", method=method, json={}).status_code == 404


@pytest.mark.parametrize(("method", "path"), ROUTES)
def test_nobody_without_an_account_gets_anywhere(client, room, method, path):
    assert client.open(f"/api/rooms/{room['id']}{path}", method=method, json={}).status_code == 403


def test_an_admin_may_read_archive_and_delete_but_not_host(app, room, make_user, sign_in):
    admin, base = sign_in(make_user("root@uni.example", is_admin=True)), f"/api/rooms/{room['id']}"
    assert admin.get(base).json["title"] == "Algorithms II"
    assert admin.get("/api/rooms").json["rooms"] == []
    for method, path in [("PATCH", ""), ("POST", "/code"), ("POST", "/hosts"), ("DELETE", "/hosts/x")]:
        assert admin.open(base + path, method=method, json={}).status_code == 403
    assert admin.post(f"{base}/archive").json["archived"] is True
    assert admin.delete(f"{base}/archive").json["archived"] is False
    assert admin.delete(base).status_code == 204


def test_a_live_room_is_neither_archived_nor_deleted(host, room, ada, start_lecture):
    start_lecture(room["id"])
    for answer in (host.delete(f"/api/rooms/{room['id']}"), host.post(f"/api/rooms/{room['id']}/archive")):
        assert (answer.status_code, answer.json["code"]) == (409, "live")
        assert "End it first" in answer.json["detail"]


def test_an_archived_room_is_found_apart_and_by_its_code(host, room, client):
    host.post(f"/api/rooms/{room['id']}/archive")
    assert host.get("/api/rooms").json["total"] == 0
    assert host.get("/api/rooms?archived=true").json["rooms"][0]["archived"] is True
    assert client.get(f"/api/rooms/by-code/{room['code']}").json["archived"] is True


def test_what_hosts_do_is_written_down(app, host, room):
    host.post(f"/api/rooms/{room['id']}/code")
    host.delete(f"/api/rooms/{room['id']}")
    with app.app_context():
        actions = [entry.action for entry in db.session.query(AuditEntry).order_by(AuditEntry.id)]
    assert actions == ["room.create", "room.rotate_code", "room.delete"]
