"""The list of lectures: its filters, its parts, and what it says to wrong input."""

from __future__ import annotations

import re
from datetime import timedelta
from html import unescape

import pytest

from core.db import db
from core.lectures.models import Lecture
from core.rooms.models import RoomHost
from tests.core.lectures.conftest import START

TITLE = re.compile(r"<strong>([^<]+)</strong>")


def titles(answer):
    return [unescape(found) for found in TITLE.findall(answer.text)]


def link(answer, name):
    found = re.search(rf'href="([^"]+)" rel="{name}"', answer.text)
    return unescape(found[1]) if found else None


@pytest.fixture
def shelf(app, ada, make_user, make_room, make_lecture, take_part):
    """Ada's lectures in two rooms, one that runs, one where she took part, one of somebody else."""
    one, two = make_room(ada, "Sets"), make_room(ada, "Graphs")
    other = make_room(make_user(name="Emmy"), "Rings", settings={"participants_read": True})
    for day in range(3):
        make_lecture(one[0], title=f"Sets {day}", start=START + timedelta(days=day))
    make_lecture(two[0], title="Trees 100%", start=START + timedelta(days=3))
    make_lecture(two[0], title="Running", minutes=None, start=START + timedelta(days=4))
    key, _id = make_lecture(other[0], title="Ideals", start=START + timedelta(days=5))
    take_part(key, "Ada", user=ada)
    make_lecture(other[0], title="Not for Ada", start=START + timedelta(days=6))
    return {"sets": one[1], "graphs": two[1], "rings": other[1], "rings key": other[0]}


ALL = ["Ideals", "Running", "Trees 100%", "Sets 2", "Sets 1", "Sets 0"]


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ("", ALL),
        ("text=sets", ALL[3:]),
        ("text=%25", ["Trees 100%"]),
        ("text=_", []),
        ("since=2026-11-25", ALL[:4]),
        ("until=2026-11-24", ["Sets 1", "Sets 0"]),
        ("since=2026-11-24&until=2026-11-24", ["Sets 1"]),
        ("whose=mine", ALL[1:]),
        ("whose=took_part", ["Ideals"]),
        ("whose=shared", []),
        ("state=live", ["Running"]),
        ("state=ended&whose=mine&text=e", ["Trees 100%", "Sets 2", "Sets 1", "Sets 0"]),
        ("before=nonsense", ALL),
        ("before=99999999999999999-1", ALL),
    ],
)
def test_filters_find_what_they_say(host, shelf, asked, found):
    answer = host.get(f"/lectures?{asked}")
    assert answer.status_code == 200
    assert titles(answer) == found


def test_a_room_is_chosen_by_its_hosts_and_by_who_took_part_in_it(host, shelf):
    assert titles(host.get(f"/lectures?room={shelf['graphs']}")) == ["Running", "Trees 100%"]
    assert titles(host.get(f"/lectures?room={shelf['rings']}")) == ["Ideals"]
    page = host.get("/lectures?text=sets").text
    assert all(f">{room}</option>" in page for room in ("Sets", "Graphs", "Rings"))


def test_what_fits_no_filter_says_so_and_leads_back(host, shelf):
    answer = host.get("/lectures?text=quaternions&whose=mine")
    assert "No lecture fits these filters" in answer.text and 'value="quaternions"' in answer.text
    assert "No lecture fits these filters" in host.get(f"/lectures?room={shelf['sets']}&text=trees").text


@pytest.mark.parametrize(
    ("asked", "status", "words"),
    [
        ("since=yesterday", 422, "Please type a day like"),
        ("until=2026-02-30", 422, "Please type a day like"),
        ("until=9999-12-31", 422, "Please type a day like"),
        ("since=0001-01-01", 422, "Please type a day like"),
        ("since=2026-11-25&until=2026-11-24", 422, "This day is before the other one."),
        ("whose=everyone", 422, "Please choose one of these."),
        ("state=half", 422, "Please choose one of these."),
        ("room=nobody", 404, "There is no such room."),
        ("room=" + "x" * 10_000, 404, "There is no such room."),
    ],
)
def test_wrong_input_gets_words_and_loses_nothing(host, shelf, asked, status, words):
    answer = host.get(f"/lectures?{asked}&text=kept+words")
    assert answer.status_code == status
    assert words in answer.text and 'value="kept words"' in answer.text
    assert 'aria-invalid="true"' in answer.text and titles(answer) == []
    name, _is, typed = asked.rpartition("&")[2].partition("=")
    assert name not in ("since", "until") or f'type="text" value="{typed}"' in answer.text


def test_ten_thousand_letters_are_a_search_for_the_first_hundred(host, shelf):
    answer = host.get("/lectures", query_string={"text": "ä%_'\\" * 2000})
    assert answer.status_code == 200 and "No lecture fits" in answer.text


def test_parts_follow_each_other_forward_and_back_with_equal_times_too(
    host, ada, make_room, make_lecture, queries
):
    room, room_id, _code = make_room(ada)
    for number in range(60):
        make_lecture(room, title=f"Week {number:02}", start=START + timedelta(days=number // 7))
    wanted = [f"Week {number:02}" for number in reversed(range(60))]
    address, seen, pages = f"/lectures?room={room_id}&text=Week", [], []
    while address:
        with queries(at_most=10):
            answer = host.get(address)
        pages.append(titles(answer))
        seen += pages[-1]
        address, last = link(answer, "next"), answer
    assert seen == wanted and [len(page) for page in pages] == [25, 25, 10]
    back = host.get(link(last, "prev"))
    assert titles(back) == pages[1]
    first = host.get(link(back, "prev"))
    assert titles(first) == pages[0] and link(first, "prev") is None
    assert "text=Week" in link(first, "next")


def test_what_is_added_meanwhile_moves_nothing(host, ada, make_room, make_lecture):
    room = make_room(ada)[0]
    for number in range(30):
        make_lecture(room, title=f"Week {number:02}", start=START + timedelta(days=number))
    older = link(host.get("/lectures"), "next")
    make_lecture(room, title="Later", start=START + timedelta(days=99))
    assert titles(host.get(older)) == [f"Week {number:02}" for number in reversed(range(5))]


def test_days_are_those_of_the_institution(make_app, settings, make_user, make_room, make_lecture, sign_in):
    settings["time_zone"] = "America/New_York"
    app = make_app()
    with app.app_context():
        db.engine.dispose()
    ada = make_user()
    # 02:00 in Greenwich is the evening before in New York.
    make_lecture(make_room(ada)[0], title="Late", start=START.replace(hour=2))
    with app.app_context():
        from core.people.models import User

        session_id = db.session.get(User, ada).get_id()
    client = app.test_client()
    with client.session_transaction(base_url="http://localhost:8000") as session:
        session["_user_id"], session["_fresh"] = session_id, True
    assert titles(client.get("/lectures?since=2026-11-22&until=2026-11-22")) == ["Late"]
    assert titles(client.get("/lectures?since=2026-11-23")) == []


def test_an_admin_sees_their_own_and_everybodys_when_asked(shelf, make_user, sign_in):
    root = sign_in(make_user("root@uni.example", is_admin=True))
    assert titles(root.get("/lectures")) == []
    assert titles(root.get("/lectures?whose=everyone"))[:2] == ["Not for Ada", "Ideals"]
    assert titles(root.get(f"/lectures?whose=everyone&room={shelf['sets']}")) == [
        "Sets 2",
        "Sets 1",
        "Sets 0",
    ]


def test_a_co_host_finds_the_rooms_lectures(app, shelf, make_user, sign_in):
    grace = make_user("grace@uni.example")
    with app.app_context():
        db.session.add(RoomHost(room_id=shelf["rings key"], user_id=grace))
        db.session.commit()
    assert titles(sign_in(grace).get("/lectures?whose=mine")) == ["Not for Ada", "Ideals"]


# --- its name -------------------------------------------------------------------------


def test_a_lecture_gets_another_name_and_the_log_says_who_gave_it(app, host, ada, make_room, make_lecture):
    from core.models import AuditEntry

    key, public_id = make_lecture(make_room(ada)[0], title="Old")
    assert 'value="Old"' in host.get(f"/lectures/{public_id}/rename").text
    answer = host.post(f"/lectures/{public_id}/rename", data={"title": "  New\u202e <b>  name "})
    assert answer.location == f"/lectures/{public_id}"
    assert "New &lt;b&gt; name" in host.get(answer.location).text
    with app.app_context():
        entry = db.session.query(AuditEntry).filter_by(action="lecture.rename").one()
        assert (entry.lecture_id, entry.target, entry.details) == (key, "New <b> name", {"before": "Old"})


@pytest.mark.parametrize(
    ("title", "words"),
    [("", "Please type a title."), (" \u200b\n", "Please type a title."), ("x" * 121, "at most 120")],
)
def test_a_wrong_name_gets_words(host, ada, make_room, make_lecture, title, words):
    _key, public_id = make_lecture(make_room(ada)[0], title="Old")
    answer = host.post(f"/lectures/{public_id}/rename", data={"title": title})
    assert answer.status_code == 422 and words in answer.text
    assert "Old" in host.get(f"/lectures/{public_id}").text


def test_only_hosts_and_admins_change_a_lecture(
    app, client, ada, make_user, make_room, make_lecture, take_part, guest_client, sign_in
):
    room = make_room(ada, settings={"participants_read": True})[0]
    key, public_id = make_lecture(room, title="Old")
    bob, grace = make_user("bob@uni.example"), make_user("grace@uni.example")
    guest, session = guest_client("Gil")
    take_part(key, "Bob", user=bob)
    take_part(key, "Gil", guest=session)
    with app.app_context():
        db.session.add(RoomHost(room_id=room, user_id=grace))
        db.session.commit()
    for who, status in (
        (client, 302), (guest, 302), (sign_in(bob), 404), (sign_in(make_user()), 404),
        (sign_in(grace), 200), (sign_in(make_user(is_admin=True)), 200),
    ):  # fmt: skip
        for what in ("rename", "delete", "share"):
            assert who.get(f"/lectures/{public_id}/{what}").status_code == status, what
        if status != 200:
            refused = 302 if status == 302 else 404
            for what in ("rename", "delete", "restore", "share", "share/nothing/revoke"):
                assert (
                    who.post(f"/lectures/{public_id}/{what}", data={"title": "Mine"}).status_code == refused
                )
            page = who.get(f"/lectures/{public_id}").text
            assert "/rename" not in page and "/share" not in page
        else:
            assert f"/lectures/{public_id}/rename" in who.get(f"/lectures/{public_id}").text
    with app.app_context():
        found = db.session.get(Lecture, key)
        assert (found.title, found.deleted_at) == ("Old", None)
