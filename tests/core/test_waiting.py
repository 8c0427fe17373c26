"""The waiting stream: one connection each, woken by commits, nothing lost."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask

from core import admission, waiting
from core.bus import notify
from core.contracts import Verdict
from core.db import db, now
from core.lectures.models import Lecture, Participant
from core.livekit import client as livekit_client
from core.models import Waiting
from core.rooms.models import Room
from tests.fixtures.livekit import until
from tests.fixtures.serving import Browser, Listener

Serve = Callable[[], Browser]


@pytest.fixture(autouse=True)
def livekit_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    """These tests are about our side of the door; LiveKit has tests of its own."""
    monkeypatch.setattr(livekit_client.LiveKit, "must_be_reachable", lambda self: None)


@pytest.fixture(autouse=True)
def ghosts_are_noticed_soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who has gone is noticed when their line is looked at."""
    monkeypatch.setattr(waiting, "LOOK_SECONDS", 0.2)
    # The listener's thread lets go of its connection at the next heartbeat only.
    monkeypatch.setattr(waiting, "HEARTBEAT_SECONDS", 0.5)
    monkeypatch.setattr(waiting, "RELOAD_SECONDS", 0)


@pytest.fixture
def room(make_user: Any, make_room: Any) -> tuple[int, str]:
    return make_room(make_user())[:2]


def start(app: Flask, room: tuple[int, str]) -> None:
    """What the host's click commits."""
    with app.app_context():
        db.session.add(Lecture(room_id=room[0], title="Groups"))
        notify(f"room:{room[0]}", live=True)
        db.session.commit()


def wait(browser: Browser, room: tuple[int, str], name: str = "Ada") -> Listener:
    answer = browser.post(f"/api/rooms/{room[1]}/join", {"name": name})
    assert answer.status_code == 202, answer.text
    listener = browser.listen(answer.json()["stream_url"])
    assert listener.until("WAITING")["code"]
    return listener


def test_the_start_wakes_everybody_who_waits(app: Flask, serve: Serve, room: Any) -> None:
    listeners = [wait(serve(), room, f"Guest {i}") for i in range(5)]
    start(app, room)
    for listener in listeners:
        assert listener.next() == ("STARTING", {})
    tickets = [listener.until("APPROVED") for listener in listeners]
    assert len({t["identity"] for t in tickets}) == 5 and all(t["token"] for t in tickets)
    assert all(listener.next() is None for listener in listeners), "the stream ends with the ticket"
    with app.app_context():
        assert db.session.scalar(sa.select(sa.func.count()).select_from(Waiting)) == 0


def test_a_cut_stream_picks_up_what_it_missed(app: Flask, serve: Serve, room: Any) -> None:
    browser = serve()
    wait(browser, room).close()
    start(app, room)
    again = browser.listen(f"/api/rooms/{room[1]}/stream")
    assert again.until("APPROVED")["token"]
    once_more = browser.listen(f"/api/rooms/{room[1]}/stream")
    assert once_more.until("APPROVED")["identity"], "also when the ticket itself was lost"


def test_who_does_not_wait_gets_no_stream(serve: Serve, room: Any, make_user: Any, make_room: Any) -> None:
    waiting_elsewhere = serve()
    wait(waiting_elsewhere, make_room(make_user())[:2])
    for browser in (serve(), waiting_elsewhere):
        answer = browser.get(f"/api/rooms/{room[1]}/stream")
        assert answer.status_code == 403 and answer.json()["code"] == "not_waiting"


def test_a_second_stream_is_fine_and_the_fourth_ends_the_first(serve: Serve, room: Any) -> None:
    browser = serve()
    first = wait(browser, room)
    others = [browser.listen(f"/api/rooms/{room[1]}/stream") for _ in range(3)]
    assert first.until("CLOSED") == {"reason": "elsewhere"}
    assert all(other.until("WAITING") for other in others)


def test_a_full_worker_says_when_to_come_back(app: Flask, serve: Serve, room: Any) -> None:
    wait(serve(), room)
    config = app.extensions["audimax_config"]
    app.extensions["audimax_config"] = type(config)(**{**vars(config), "streams_per_worker": 1})
    browser = serve()
    assert browser.post(f"/api/rooms/{room[1]}/join", {"name": "Late"}).status_code == 202
    answer = browser.get(f"/api/rooms/{room[1]}/stream")
    assert answer.status_code == 503 and int(answer.headers["Retry-After"]) > 0


def test_a_decision_for_one_wakes_only_that_one(app: Flask, serve: Serve, room: Any, add_guard: Any) -> None:
    approved: set[str] = set()
    asked: list[list[str]] = []

    def admit(joins: Any) -> dict[str, Verdict]:
        asked.append([j.name for j in joins])
        return {j.key: Verdict.wait("Please wait.") for j in joins if j.name not in approved}

    add_guard("lobby", admit=admit)
    start(app, room)
    ada, bob = wait(serve(), room, "Ada"), wait(serve(), room, "Bob")
    approved.add("Ada")
    with app.app_context():
        session = db.session.scalar(sa.select(Waiting.guest_session_id).where(Waiting.name == "Ada"))
        notify(f"room:{room[0]}", sessions=[session])
        db.session.commit()
    assert ada.until("APPROVED")["token"]
    assert asked[-1] == ["Ada"] and bob.is_silent()


def test_a_rejection_reaches_the_waiting_in_words(
    app: Flask, serve: Serve, room: Any, add_guard: Any
) -> None:
    verdict = [Verdict.wait("Please wait.")]
    add_guard("lobby", admit=lambda joins: {j.key: verdict[0] for j in joins})
    start(app, room)
    listener = wait(serve(), room)
    verdict[0] = Verdict.deny("The host said: not today.")
    with app.app_context():
        notify(f"room:{room[0]}")
        db.session.commit()
    assert listener.until("REJECTED")["reason"] == "The host said: not today."
    with app.app_context():
        assert db.session.scalar(sa.select(sa.func.count()).select_from(Waiting)) == 0


def test_who_waits_and_is_then_asked_is_told(app: Flask, serve: Serve, room: Any, add_guard: Any) -> None:
    verdict = [Verdict.wait("Please wait.")]
    add_guard("pin", admit=lambda joins: {j.key: verdict[0] for j in joins})
    start(app, room)
    listener = wait(serve(), room)
    verdict[0] = Verdict.ask("pin", "PIN", lambda _: None)
    with app.app_context():
        notify(f"room:{room[0]}")
        db.session.commit()
    assert listener.until("ASKED")["field"] == "pin"


def test_a_deleted_room_tells_who_waits(app: Flask, serve: Serve, room: Any) -> None:
    listener = wait(serve(), room)
    with app.app_context():
        notify(f"room:{room[0]}")
        db.session.execute(sa.delete(Room))
        db.session.commit()
    assert "doesn't exist" in listener.until("REJECTED")["reason"]


def test_one_look_serves_all(app: Flask, serve: Serve, room: Any) -> None:
    """However many wait, a wake costs the same number of statements."""
    counts: list[int] = []
    for people in (2, 12):
        listeners = [wait(serve(), room, f"Guest {i}") for i in range(people)]
        statements: list[str] = []

        def note(_c: Any, _cursor: Any, statement: str, *_more: Any, found: list[str] = statements) -> None:
            found.append(statement)

        with app.app_context():
            engine = db.engine
        sa.event.listen(engine, "before_cursor_execute", note)
        start(app, room)
        for listener in listeners:
            listener.until("APPROVED")
        sa.event.remove(engine, "before_cursor_execute", note)
        counts.append(len(statements))
        with app.app_context():
            db.session.execute(sa.update(Lecture).values(ended_at=now()))
            db.session.commit()
    assert counts[1] <= counts[0] + 2, counts


def test_after_a_database_restart_nobody_is_forgotten(app: Flask, serve: Serve, room: Any) -> None:
    listener = wait(serve(), room)
    # A connection of our own all the time: any other that the pool gives may be one of those that are ended.
    with app.app_context(), db.engine.connect() as own:
        others = "FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND datname = current_database()"
        ended = set(own.scalars(sa.text(f"SELECT pid, pg_terminate_backend(pid) {others}")))
        while ended & set(own.scalars(sa.text(f"SELECT pid {others}"))):
            own.rollback()
    start(app, room)
    assert listener.until("APPROVED")["token"]


def test_however_long_the_database_is_away_a_hall_looks_again_every_few_seconds(
    app: Flask, serve: Serve, room: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    listener = wait(serve(), room)
    pauses: list[float] = []
    look = waiting.look

    def away(room_id: int, sessions: set[int]) -> Any:
        if len(pauses) < 12:
            raise sa.exc.OperationalError("", {}, Exception("the database is away"))
        return look(room_id, sessions)

    with monkeypatch.context() as patched:
        patched.setattr(waiting, "look", away)
        patched.setattr(waiting.time, "sleep", pauses.append)
        start(app, room)
        assert listener.until("APPROVED")["token"]
    assert max(pauses) <= 2


def test_a_removed_participant_can_not_use_the_stream(app: Flask, serve: Serve, room: Any) -> None:
    start(app, room)
    browser = serve()
    assert browser.post(f"/api/rooms/{room[1]}/join", {"name": "Ada"}).status_code == 200
    with app.app_context():
        db.session.execute(sa.update(Participant).values(removed_at=now()))
        db.session.commit()
    assert browser.get(f"/api/rooms/{room[1]}/stream").status_code == 403


def test_archiving_a_room_tells_who_waits(app: Flask, serve: Serve, room: Any) -> None:
    listener = wait(serve(), room)
    with app.app_context():
        db.session.execute(sa.update(Room).values(archived_at=now()))
        notify(f"room:{room[0]}")
        db.session.commit()
    assert "archived" in listener.until("REJECTED")["reason"]


def test_who_closed_the_page_is_forgotten_and_who_waits_is_not(app: Flask, serve: Serve, room: Any) -> None:
    listener = wait(serve(), room, "Still there")
    wait(serve(), room, "Gone").close()
    long_ago = now() - waiting.FORGOTTEN_AFTER * 2
    with app.app_context():
        db.session.execute(sa.update(Waiting).values(seen_at=long_ago))
        db.session.commit()
        hall = app.extensions["audimax_halls"].open[room[0]]
        while hall.count > 1:
            listener.is_silent()
            notify(f"room:{room[0]}", sessions=[0])
            db.session.commit()
            for streams in list(hall.streams.values()):
                for stream in streams:
                    stream.send("", ": \n\n")
        app.extensions["audimax_halls"].note_seen()
        waiting.forget(0)
        assert db.session.scalars(sa.select(Waiting.name)).all() == ["Still there"]


def test_who_closed_the_page_leaves_the_place_to_others(app: Flask, serve: Serve, room: Any) -> None:
    config = app.extensions["audimax_config"]
    app.extensions["audimax_config"] = type(config)(**{**vars(config), "waiting_per_room": 1})
    wait(serve(), room, "Gone").close()
    with app.app_context():
        db.session.execute(sa.update(Waiting).values(seen_at=now() - admission.STILL_THERE * 2))
        db.session.commit()
    assert serve().post(f"/api/rooms/{room[1]}/join", {"name": "New"}).status_code == 202


def cause_of(app: Flask, name: str) -> str | None:
    with app.app_context():
        return db.session.scalar(sa.select(Waiting.cause).where(Waiting.name == name))


def wake(app: Flask, room: tuple[int, str]) -> None:
    with app.app_context():
        notify(f"room:{room[0]}")
        db.session.commit()


def test_a_guard_that_is_switched_on_meanwhile_begins_to_let_people_wait(
    app: Flask, serve: Serve, room: Any, add_guard: Any
) -> None:
    browser = serve()
    first = wait(browser, room, "Ada")
    second = browser.listen(f"/api/rooms/{room[1]}/stream")
    second.until("WAITING")
    began: list[str] = []
    verdict = Verdict.wait("Please wait.", start=lambda join: began.append(join.name))
    add_guard("lobby", admit=lambda joins: {join.key: verdict for join in joins})
    wake(app, room)
    assert first.until("WAITING")["code"] == second.until("WAITING")["code"] == "lobby"
    assert (began, cause_of(app, "Ada")) == (["Ada"], "lobby"), "once, whatever streams there are"
    wake(app, room)
    again = browser.listen(f"/api/rooms/{room[1]}/stream")
    assert again.until("WAITING")["code"] == "lobby" and began == ["Ada"]


def test_a_guard_that_fails_to_begin_tells_everybody_all_the_same_and_is_asked_again(
    app: Flask, serve: Serve, room: Any, add_guard: Any
) -> None:
    listener = wait(serve(), room, "Ada")
    tries: list[str] = []

    def begin(join: Any) -> None:
        tries.append(join.name)
        if len(tries) == 1:
            db.session.execute(sa.text("SELECT nonsense"))

    verdict = Verdict.wait("Please wait.", start=begin)
    add_guard("lobby", admit=lambda joins: {join.key: verdict for join in joins})
    wake(app, room)
    assert listener.until("WAITING")["code"] == "lobby"
    assert cause_of(app, "Ada") == "host_absent"
    wake(app, room)
    until(lambda: cause_of(app, "Ada") == "lobby")
    assert tries == ["Ada", "Ada"]


def has_left(app: Flask, name: str) -> bool:
    with app.app_context():
        return db.session.scalar(sa.select(Waiting.left_at).where(Waiting.name == name)) is not None


def test_who_closes_the_page_has_left_soon_and_comes_back_as_themselves(
    app: Flask, serve: Serve, room: Any
) -> None:
    ada, bob = serve(), serve()
    stays = wait(bob, room, "Bob")
    wait(ada, room, "Ada").close()
    until(lambda: has_left(app, "Ada"), what="Ada has left")
    again = ada.listen(f"/api/rooms/{room[1]}/stream")
    assert again.until("WAITING")
    until(lambda: not has_left(app, "Ada"), what="Ada is back")
    assert not has_left(app, "Bob") and stays.is_silent()
    with app.app_context():
        assert db.session.scalar(sa.select(sa.func.count()).select_from(Waiting)) == 2


def test_who_waits_at_another_worker_has_not_left(app: Flask, serve: Serve, room: Any) -> None:
    """A stream was cut in one worker and opened again in another: that one knows better."""
    wait(serve(), room, "Ada")
    with app.app_context():
        session = db.session.scalar(sa.select(Waiting.guest_session_id))
        waiting.note_left(room[0], [session])
        db.session.commit()
    until(lambda: not has_left(app, "Ada"), what="the worker with the stream has said so")


def test_a_guard_may_let_people_wait_at_its_own_address(
    app: Flask, serve: Serve, room: Any, add_guard: Any
) -> None:
    verdict = Verdict.wait("Please wait.", stream="/stream", info={"place": 7})
    add_guard("lobby", admit=lambda joins: {j.key: verdict for j in joins})
    answer = serve().post(f"/api/rooms/{room[1]}/join", {"name": "Ada"})
    assert answer.json()["stream_url"] == f"/api/rooms/{room[1]}/lobby/stream"
    assert answer.json()["info"] == {"place": 7}
