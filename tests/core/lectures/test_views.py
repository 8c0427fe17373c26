from __future__ import annotations

import re
from datetime import timedelta

import pytest

from tests.core.lectures.conftest import START

READABLE = {"participants_read": True}
NAMES_TOO = {"participants_read": True, "participants_see_names": True}


def text(answer):
    return re.sub(r"\s+", " ", answer.get_data(as_text=True))


def test_the_host_sees_who_came_from_when_to_when(host, ada, make_room, make_lecture, take_part, queries):
    key, public_id = make_lecture(make_room(ada)[0])
    take_part(key, "Ada Lovelace", user=ada, role="host")
    take_part(key, "Bob <b>", minutes=(5, 65))
    take_part(key, "Never connected", first_joined_at=None, left_at=None, seconds_present=0)
    with queries(at_most=10):
        page = text(host.get(f"/lectures/{public_id}"))
    assert "Ada Lovelace (host)" in page and "1 h 30 min" in page
    assert "<td>Bob &lt;b&gt;</td><td>09:05</td><td>10:05</td><td>1 h 0 min</td>" in page
    assert "Never connected" not in page and "Hosts only" in page


def test_a_return_after_a_removal_is_one_person(host, ada, make_user, make_room, make_lecture, take_part):
    key, public_id = make_lecture(make_room(ada)[0])
    bob = make_user("bob@uni.example")
    take_part(key, "Bob", user=bob, minutes=(0, 10), removed_at=START + timedelta(minutes=10))
    take_part(key, "Bob", user=bob, minutes=(20, 50))
    page = text(host.get(f"/lectures/{public_id}"))
    assert page.count("<td>Bob</td>") == 1
    assert "<td>Bob</td><td>09:00</td><td>09:50</td><td>40 min</td>" in page


def test_a_live_lecture_says_so_and_offers_to_join(host, ada, make_room, make_lecture):
    key, _id, code = make_room(ada)
    page = text(host.get(f"/lectures/{make_lecture(key, minutes=None)[1]}"))
    assert "This lecture is running now" in page and f'href="/r/{code}"' in page


@pytest.mark.parametrize(
    ("says", "status", "sees_names"), [({}, 404, False), (READABLE, 200, False), (NAMES_TOO, 200, True)]
)
def test_a_guest_reads_what_the_room_lets_its_participants_read(
    ada, make_room, make_lecture, take_part, guest_client, says, status, sees_names
):
    key, public_id = make_lecture(make_room(ada, settings=says)[0])
    client, guest = guest_client("Bob")
    take_part(key, "Bob", guest=guest)
    take_part(key, "Somebody else")
    answer = client.get(f"/lectures/{public_id}")
    assert answer.status_code == status
    assert ("Somebody else" in text(answer)) is sees_names


def test_nobody_else_reads_it(
    app, client, ada, make_user, make_room, make_lecture, take_part, guest_client, sign_in
):
    key, public_id = make_lecture(make_room(ada, settings=NAMES_TOO)[0])
    removed, guest = guest_client("Removed")
    take_part(key, "Removed", guest=guest, removed_at=START)
    other_room_key, _other = make_lecture(make_room(make_user())[0])
    elsewhere, guest = guest_client("Elsewhere")
    take_part(other_room_key, "Elsewhere", guest=guest)
    mallory = sign_in(make_user("mallory@uni.example"))
    for who in (client, removed, elsewhere, mallory):
        assert who.get(f"/lectures/{public_id}").status_code == 404
    assert client.get("/lectures/unknown").status_code == 404


def test_an_admin_and_a_participant_with_an_account_may_read_it(
    ada, make_user, make_room, make_lecture, take_part, sign_in
):
    key, public_id = make_lecture(make_room(ada, settings=READABLE)[0])
    bob = make_user("bob@uni.example")
    take_part(key, "Bob", user=bob)
    assert (
        sign_in(make_user("root@uni.example", is_admin=True)).get(f"/lectures/{public_id}").status_code == 200
    )
    reader = sign_in(bob)
    assert reader.get(f"/lectures/{public_id}").status_code == 200
    assert f"/lectures/{public_id}" in text(reader.get("/lectures"))


def test_the_list_is_paged_filtered_by_room_and_asks_little(
    host, ada, make_room, make_lecture, take_part, queries
):
    one, one_id, _code = make_room(ada, "One")
    _two, two_id, _code = make_room(ada, "Two")
    for number in range(30):
        key, _id = make_lecture(one, title=f"Week {number}", start=START + timedelta(days=number))
        take_part(key, "Bob")
    with queries(at_most=10):
        page = text(host.get("/lectures"))
    assert "Week 29" in page and "Week 4<" not in page and "Older" in page
    with queries(at_most=10):
        filtered = host.get(f"/lectures?room={one_id}")
    assert "In the room “One”" in text(filtered)
    assert "No lecture yet" in text(host.get(f"/lectures?room={two_id}"))


def test_the_list_of_another_hosts_room_is_not_to_be_had(host, make_user, make_room, make_lecture):
    key, public_id, _code = make_room(make_user(), "Theirs")
    make_lecture(key, title="Secret")
    assert host.get(f"/lectures?room={public_id}").status_code == 404
    assert "Secret" not in text(host.get("/lectures"))


def test_an_empty_list_says_what_will_stand_there(host, client):
    assert "No lecture yet" in text(host.get("/lectures"))
    assert client.get("/lectures").location.startswith("/sign-in")
