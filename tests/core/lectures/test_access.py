"""Who may read: what Python says of one reader is what SQL says in lists, in every case."""

from __future__ import annotations

from datetime import timedelta
from itertools import product

import pytest
import sqlalchemy as sa

from core.db import db, now
from core.http.callers import person_in_lecture
from core.lectures.access import may_read, own_of, readable_by
from core.lectures.models import Lecture, Participant
from core.people.models import GuestSession, User
from core.rooms.models import Room, RoomHost

NOT_SET = object()
READ = (NOT_SET, False, True)
DAYS = (NOT_SET, 0, 1, 30, 3650, 3651, -1, 10**12, "many", None, [1])
# When it has ended, in days before now; and one that still runs, and one that was deleted.
ENDED = (None, 0.01, 0.99, 1.01, 29.9, 31, 4000, "deleted")


@pytest.fixture
def people(app, ada, make_user):
    """Pairs of an account and a guest session, as one browser may have them."""
    users = {
        name: make_user(name=name, is_admin="admin" in name)
        for name in ("co-host", "took part", "was removed", "came back", "admin", "admin inside", "nobody")
    }
    with app.app_context():
        guests = {
            name: GuestSession(token_hash=name) for name in ("guest", "removed guest", "other guest", "kept")
        }
        db.session.add_all(guests.values())
        db.session.commit()
        keys = {name: guest.id for name, guest in guests.items()}
    pairs = [(user, None) for user in (ada, *users.values())] + [(None, guest) for guest in keys.values()]
    both = [
        (users["nobody"], keys["guest"]),
        (users["admin"], keys["guest"]),
        (users["took part"], keys["kept"]),
    ]
    return {**users, **keys}, [*pairs, *both, (None, None)]


@pytest.fixture
def lectures(app, ada, make_room, people):
    """One of every kind in rooms with every setting, and everybody in each."""
    who, _pairs = people
    with app.app_context():
        for number, (reads, days) in enumerate(product(READ, DAYS)):
            says = {"participants_read": reads, "participants_read_days": days}
            settings = {name: value for name, value in says.items() if value is not NOT_SET}
            key = make_room(ada, f"Room {number}", settings=settings)[0]
            db.session.add(RoomHost(room_id=key, user_id=who["co-host"]))
            for ended in ENDED:
                at = None if ended is None else now() - timedelta(days=5 if ended == "deleted" else ended)
                made = Lecture(room_id=key, title="x", started_at=now() - timedelta(days=5000), ended_at=at,
                               deleted_at=now() if ended == "deleted" else None)  # fmt: skip
                db.session.add(made)
                db.session.flush()
                db.session.add_all(_rows(made.id, who))
        db.session.commit()


def _rows(lecture, who):
    user, guest, removed = "user_id", "guest_session_id", {"removed_at": now()}
    for name, kind, more in (
        ("took part", user, {}), ("was removed", user, removed), ("came back", user, removed),
        ("came back", user, {}), ("admin inside", user, {}), ("co-host", user, {"role": "host"}),
        ("guest", guest, {}), ("removed guest", guest, removed), ("kept", guest, {"user_id": who["took part"], **removed}),
    ):  # fmt: skip
        yield Participant(lecture_id=lecture, name=name, **{kind: who[name]}, **more)


def test_what_is_said_of_one_reader_is_what_lists_say(app, people, lectures):
    _who, pairs = people
    with app.test_request_context():
        every = db.session.scalars(sa.select(Lecture)).all()
        assert len(every) == len(READ) * len(DAYS) * len(ENDED)
        for user_key, guest_key in pairs:
            user = db.session.get(User, user_key) if user_key else None
            guest = db.session.get(GuestSession, guest_key) if guest_key else None
            query = (
                sa.select(Lecture.id).join(Room, Room.id == Lecture.room_id).where(readable_by(user, guest))
            )
            listed = set(db.session.scalars(query))
            said = {one.id for one in every if may_read(one, person_in_lecture(one, user, guest))}
            name = (user.name if user else None, guest.token_hash if guest else None)
            assert listed == said, f"{name}: {[vars(one) for one in every if one.id in listed ^ said][:3]}"


def test_the_cases_are_not_all_alike(app, people, lectures):
    who, _pairs = people
    with app.test_request_context():

        def count(name, condition=readable_by):
            user = db.session.get(User, who[name])
            query = sa.select(sa.func.count()).select_from(Lecture).join(Room).where(condition(user))
            return db.session.scalar(query)

        every = len(READ) * len(DAYS) * len(ENDED)
        there = every * (len(ENDED) - 1) // len(ENDED)
        assert count("co-host") == there and count("admin") == there and count("nobody") == 0
        assert 0 < count("took part") < count("admin inside") < there
        assert count("admin", own_of) == 0 and count("was removed") == 0
        assert count("came back") == count("took part")


@pytest.mark.parametrize(("days", "status"), [(0, 200), (40, 200), (2, 404)])
def test_participants_read_for_as_long_as_the_room_says(
    app, ada, make_user, make_room, take_part, guest_client, sign_in, days, status
):
    key = make_room(ada, settings={"participants_read": True, "participants_read_days": days})[0]
    with app.app_context():
        ended = now() - timedelta(days=3)
        made = Lecture(room_id=key, title="Graphs", started_at=ended - timedelta(hours=1), ended_at=ended)
        db.session.add(made)
        db.session.commit()
        lecture, public_id = made.id, made.public_id
    client, guest = guest_client("Bob")
    bob = make_user("bob@uni.example")
    take_part(lecture, "Bob", guest=guest)
    take_part(lecture, "Bob too", user=bob)
    for who in (client, sign_in(bob)):
        assert who.get(f"/lectures/{public_id}").status_code == status
        assert who.get(f"/lectures/{public_id}/exports").status_code == status
        if status == 404:
            assert who.get(f"/api/lectures/{public_id}/stream").status_code == 404
    assert ("Graphs" in sign_in(bob).get("/lectures").text) is (status == 200)
    assert sign_in(ada).get(f"/lectures/{public_id}").status_code == 200


def test_an_admin_who_took_part_still_reads_as_an_admin(
    ada, make_user, make_room, make_lecture, take_part, sign_in
):
    key, public_id = make_lecture(make_room(ada)[0])
    root = make_user("root@uni.example", is_admin=True)
    take_part(key, "Root", user=root)
    assert "Hosts only" in sign_in(root).get(f"/lectures/{public_id}").text


def test_the_room_form_offers_the_days_and_refuses_nonsense(app, host, ada, make_room):
    key, public_id, _code = make_room(ada)
    page = host.get(f"/rooms/{public_id}/settings").text
    assert "For how many days after its end" in page and "Hosts may make links to lectures" in page
    form = {"title": "Room", "description": "", "language": "en", "core.screen_share": "everyone"}
    wrong = host.post(f"/rooms/{public_id}/settings", data={**form, "core.participants_read_days": "-1"})
    assert wrong.status_code == 422
    right = {**form, "core.participants_read": "on", "core.participants_read_days": "14"}
    assert host.post(f"/rooms/{public_id}/settings", data=right).status_code == 303
    with app.app_context():
        kept = db.session.get(Room, key).settings
    assert (kept["participants_read_days"], kept["share_links"]) == (14, False)
