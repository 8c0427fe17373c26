"""A lecture's page hears of changes, as long as its reader may read it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask

from core.bus import notify
from core.db import db, now
from core.lectures import stream, trash
from core.lectures.models import Lecture, LectureShare, Participant
from core.livekit import client as livekit_client
from core.rooms.models import Room
from tests.fixtures.serving import Browser, Listener

Serve = Callable[[], Browser]


@pytest.fixture(autouse=True)
def livekit_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(livekit_client.LiveKit, "must_be_reachable", lambda self: None)


@pytest.fixture(autouse=True)
def closed_pages_are_noticed_soon(app: Flask, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setattr(stream, "LOOK_SECONDS", 0.2)
    monkeypatch.setattr(stream, "HEARTBEAT_SECONDS", 0.5)
    yield
    app.extensions["audimax_lecture_streams"].close()


@pytest.fixture
def lecture(app: Flask, make_user: Any, make_room: Any) -> tuple[int, str, str]:
    """Its key and id, and the room's id; participants may read its page."""
    key, room, _code = make_room(make_user())
    with app.app_context():
        db.session.get_one(Room, key).settings = {"participants_read": True}
        made = Lecture(room_id=key, title="Groups")
        db.session.add(made)
        db.session.commit()
        return made.id, made.public_id, room


def listen(browser: Browser, lecture: tuple[int, str, str]) -> Listener:
    """The first word comes at once: what changed while the page was on its way."""
    listener = browser.listen(address(lecture))
    assert listener.next() == ("changed", {})
    return listener


def inside(serve: Serve, lecture: tuple[int, str, str]) -> Browser:
    browser = serve()
    assert browser.post(f"/api/rooms/{lecture[2]}/join", {"name": "Ada"}).status_code == 200
    return browser


def change(app: Flask, lecture: tuple[int, str, str]) -> None:
    with app.app_context():
        notify(f"lecture:{lecture[0]}")
        db.session.commit()


def address(lecture: tuple[int, str, str]) -> str:
    return f"/api/lectures/{lecture[1]}/stream"


def test_a_reader_hears_of_a_change(app: Flask, serve: Serve, lecture: Any) -> None:
    listener = listen(inside(serve, lecture), lecture)
    change(app, lecture)
    assert listener.next() == ("changed", {})
    listener.close()


def test_strangers_hear_nothing_and_guessed_lectures_do_not_exist(serve: Serve, lecture: Any) -> None:
    assert serve().get(address(lecture)).status_code == 404
    assert inside(serve, lecture).get("/api/lectures/nothing/stream").status_code == 404


def test_who_may_not_read_any_more_is_told_once_to_ask_and_hears_no_more(
    app: Flask, serve: Serve, lecture: Any
) -> None:
    listener = listen(inside(serve, lecture), lecture)
    with app.app_context():
        db.session.query(Participant).filter_by(lecture_id=lecture[0]).delete()
        db.session.commit()
    change(app, lecture)
    assert listener.next() == ("changed", {})
    assert listener.next() is None


@pytest.fixture
def share(app: Flask, lecture: tuple[int, str, str]) -> tuple[int, str]:
    """A link to the lecture, which has ended: its key and path."""
    with app.app_context():
        db.session.get_one(Lecture, lecture[0]).ended_at = now()
        made = LectureShare(lecture_id=lecture[0], expires_at=now() + timedelta(days=1))
        db.session.add(made)
        db.session.commit()
        return made.id, f"/shared/{made.token}"


def test_readers_by_a_link_hear_until_it_is_revoked_and_each_has_their_own(
    app: Flask, serve: Serve, lecture: Any, share: tuple[int, str]
) -> None:
    readers = [serve() for _reader in range(4)]
    for reader in readers:
        assert reader.http.get(reader.url + share[1], allow_redirects=False).status_code == 302
    listeners = [listen(reader, lecture) for reader in readers]
    change(app, lecture)
    assert [one.next() for one in listeners] == [("changed", {})] * 4
    with app.app_context():
        db.session.get_one(LectureShare, share[0]).revoked_at = now()
        db.session.commit()
    change(app, lecture)
    assert [one.next() for one in listeners] == [("changed", {})] * 4
    assert [one.next() for one in listeners] == [None] * 4


def test_who_has_a_page_open_of_a_lecture_that_is_deleted_hears_no_more(
    app: Flask, serve: Serve, lecture: Any
) -> None:
    listener = listen(inside(serve, lecture), lecture)
    with app.app_context():
        found = db.session.get_one(Lecture, lecture[0])
        found.ended_at = now()
        db.session.commit()
        trash.delete(found, found.room.owner)
        db.session.commit()
    # The page asks once more, and says why nothing comes any more.
    assert listener.next() == ("changed", {})
    assert listener.next() is None


def test_the_oldest_of_too_many_pages_makes_room(app: Flask, serve: Serve, lecture: Any) -> None:
    browser = inside(serve, lecture)
    listeners = [listen(browser, lecture) for _page in range(4)]
    assert listeners[0].next() is None
    change(app, lecture)
    assert [one.next() for one in listeners[1:]] == [("changed", {})] * 3
    for one in listeners:
        one.close()


def test_a_worker_that_is_full_or_stops_says_so(app: Flask, serve: Serve, lecture: Any) -> None:
    browser = inside(serve, lecture)
    listener = listen(browser, lecture)
    app.extensions["audimax_lecture_streams"].close()
    assert listener.next() is None
    refused = browser.get(address(lecture))
    assert refused.status_code == 503 and refused.headers["Retry-After"] == "5"


def test_closed_pages_are_forgotten(app: Flask, serve: Serve, lecture: Any) -> None:
    from tests.fixtures.livekit import until

    listener = listen(inside(serve, lecture), lecture)
    assert app.extensions["audimax_lecture_streams"].open
    listener.close()
    until(lambda: not app.extensions["audimax_lecture_streams"].open)
