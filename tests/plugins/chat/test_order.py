"""One order for everybody, nothing lost and nothing doubled, with several web workers and many at once."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import uuid4

import pytest
import sqlalchemy as sa
from flask import Flask

from core.db import db
from core.lectures.models import Lecture, Participant
from plugins.chat import news
from plugins.chat.models import Message
from tests.fixtures.livekit import until
from tests.plugins.chat.conftest import Packets, Somebody

Come = Callable[..., Somebody]


class Reader:
    """A page: takes packets as they come, and fetches where one doesn't follow the last."""

    def __init__(self, somebody: Somebody) -> None:
        self.somebody = somebody
        page = somebody.page()
        self.known = {m["id"]: m for m in page["messages"]}
        # Packets tell of what is public only: up to where all is known is what was fetched.
        self.upto = self.fetched_to = page["upto"]
        self.fetched = 0

    def hear(self, packet: dict[str, Any]) -> None:
        if packet["after"] > self.upto or "messages" not in packet:
            self.fetch()
        elif packet["upto"] > self.upto:
            self._take(packet["messages"], packet["upto"])

    def fetch(self) -> None:
        self.fetched += 1
        page = self.somebody.changes(self.upto, self.fetched_to)
        self._take(page["messages"], page["upto"])
        self.fetched_to = page["upto"]
        if page["more"]:
            self.fetch()

    def _take(self, messages: list[dict[str, Any]], upto: int) -> None:
        for message in messages:
            if message["version"] > self.known.get(message["id"], {"version": 0})["version"]:
                self.known[message["id"]] = message
        self.upto = max(upto, self.upto)

    @property
    def texts(self) -> list[str]:
        return [m["text"] for m in sorted(self.known.values(), key=lambda m: m["at"])]


def all_told(sent: Packets, somebody: Somebody) -> None:
    """Until packets have left for everything that everybody may see; ``somebody`` is a guest."""
    known = somebody.page()["upto"]
    until(lambda: any(packet.get("upto", 0) >= known for packet, _to in list(sent)))
    until(lambda: not news._pending and not news.PACE._waiting)


@pytest.fixture
def second(make_app: Callable[..., Flask], app: Flask) -> Flask:
    """Another web worker on the same database."""
    return make_app("chat", secret_key=app.config["SECRET_KEY"])


def test_many_write_through_two_workers_and_everybody_has_the_same_order(
    app: Flask, second: Flask, host: Somebody, come: Come, sent: Packets
) -> None:
    people = [come(f"Guest {n}") for n in range(6)]
    page = Reader(host)

    def write(number: int) -> None:
        one = people[number]
        browser = (app, second)[number % 2].test_client()
        for cookie in one.client._cookies.values():
            browser.set_cookie(cookie.key, cookie.value, domain="localhost")
        through = Somebody(browser, one.room)
        for line in range(10):
            through.send(f"{number}.{line}", to="hosts" if line % 5 == 4 else "everyone")

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(write, range(6)))
    all_told(sent, people[0])
    written = host.page("/messages?limit=200")["messages"]
    assert sorted(m["text"] for m in written) == sorted(f"{n}.{line}" for n in range(6) for line in range(10))
    moments = [m["at"] for m in written]
    assert moments == sorted(set(moments))
    for number in range(6):
        mine = [m["text"] for m in written if m["text"].startswith(f"{number}.")]
        assert mine == [f"{number}.{line}" for line in range(10)], "everyone's own lines in their order"
    for packet, _to in sent:
        if "upto" in packet:
            page.hear(packet)
    page.fetch()
    assert page.texts == [m["text"] for m in written]
    late = come("Late")
    public = [m["text"] for m in written if m["audience"] == "everyone"]
    assert late.page("/messages?limit=200")["messages"][-1]["text"] == public[-1]


def test_the_same_line_sent_twice_at_once_is_there_once(
    app: Flask, host: Somebody, come: Come, sent: Packets
) -> None:
    bob = come()
    cookies = list(bob.client._cookies.values())
    barrier = threading.Barrier(5)

    def send(client_id: str) -> Any:
        browser = app.test_client()
        for cookie in cookies:
            browser.set_cookie(cookie.key, cookie.value, domain="localhost")
        barrier.wait()
        return Somebody(browser, bob.room).ask("POST", "/messages", {"client_id": client_id, "text": "once"})

    for turn in range(3):
        client_id = str(uuid4())
        with ThreadPoolExecutor(5) as pool:
            answers = list(pool.map(send, [client_id] * 5))
        assert sorted(a.status_code for a in answers) == [200] * 4 + [201]
        assert len({a.json["id"] for a in answers}) == 1
        assert len(host.texts) == turn + 1


def test_two_votes_of_one_person_at_once_count_once_and_all_of_many_count(
    app: Flask, host: Somebody, come: Come
) -> None:
    people = [come(f"Guest {n}") for n in range(5)]
    line = people[0].send("Why?", is_question=True)

    def vote(one: Somebody) -> None:
        browser = app.test_client()
        for cookie in one.client._cookies.values():
            browser.set_cookie(cookie.key, cookie.value, domain="localhost")
        Somebody(browser, one.room).mark(line, "vote")

    with ThreadPoolExecutor(10) as pool:
        list(pool.map(vote, people * 2))
    assert host.page("/questions")["messages"][0]["votes"] == 5


def test_a_line_that_waits_for_a_decision_about_its_author_is_judged_after_it(
    app: Flask, host: Somebody, come: Come
) -> None:
    """A panic or a removal that was decided first counts, in whatever millisecond the line comes."""
    from core import order

    bob, ada = come("Bob"), come("Ada")
    answers: dict[str, Any] = {}

    def send(name: str, one: Somebody) -> None:
        answers[name] = one.try_to_send("too late")

    with app.app_context():
        lecture = db.session.query(Lecture).one()
        order.lock(lecture)
        row = db.session.query(Participant).filter_by(identity=bob.identity).one()
        db.session.query(Participant).filter_by(identity=ada.identity).update({"chat": False})
        order.remove([row])
        threads = [threading.Thread(target=send, args=one) for one in (("bob", bob), ("ada", ada))]
        for thread in threads:
            thread.start()
        until(lambda: _waiting_for_a_lock() == 2, what="both lines wait")
        db.session.commit()
        for thread in threads:
            thread.join()
    assert (answers["bob"].status_code, answers["bob"].json["code"]) == (409, "not_inside")
    assert (answers["ada"].status_code, answers["ada"].json["code"]) == (409, "silenced")
    assert host.texts == []


def _waiting_for_a_lock() -> int:
    query = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
    with db.engine.connect() as connection:
        return int(connection.scalar(sa.text(query)))


# --- history --------------------------------------------------------------------------


def test_history_is_read_backwards_and_forwards_without_a_gap_or_a_double(
    app: Flask, host: Somebody, come: Come
) -> None:
    bob = come()
    for number in range(23):
        bob.send(f"{number}")
    newest = host.page("/messages?limit=10")
    assert ([m["text"] for m in newest["messages"]], newest["more"]) == (
        [f"{n}" for n in range(13, 23)],
        True,
    )
    older = host.page(f"/messages?limit=10&before={newest['messages'][0]['at']}")
    oldest = host.page(f"/messages?limit=10&before={older['messages'][0]['at']}")
    assert [m["text"] for m in oldest["messages"] + older["messages"]] == [f"{n}" for n in range(13)]
    assert (older["more"], oldest["more"]) == (True, False)
    forward = host.page(f"/messages?limit=10&after={oldest['messages'][-1]['at']}")
    assert forward["messages"] == older["messages"]
    for wrong in ("limit=0", "limit=201", "before=-1", "before=x", f"after={2**63}", "more=1"):
        assert host.ask("GET", f"/messages?{wrong}").status_code == 422, wrong


def test_a_page_of_history_is_one_look_at_the_messages(
    host: Somebody, come: Come, sent: Packets, queries: Any
) -> None:
    bob = come()
    lines = [bob.send(f"{n}", reply_to=None) for n in range(5)]
    bob.send("reply", reply_to=lines[0]["id"])
    all_told(sent, bob)
    with queries(at_most=20) as asked:
        host.page(f"/messages?before={2**62}")
    assert len([one for one in asked if "chat__" in one]) == 1


def test_who_was_away_catches_up_with_everything_that_changed(host: Somebody, come: Come) -> None:
    bob, ada = come("Bob"), come("Ada")
    lines = [bob.send(f"{n}") for n in range(5)]
    page = Reader(ada)
    bob.want("PATCH", f"/messages/{lines[1]['id']}", {"text": "one"})
    host.want("DELETE", f"/messages/{lines[2]['id']}")
    ada.mark(lines[0], "👍")
    bob.send("5")
    page.fetch()
    assert page.texts == ["0", "one", "", "3", "4", "5"]
    assert page.known[lines[0]["id"]]["reactions"] == {"👍": 1}
    assert ada.changes(page.upto, page.upto)["messages"] == []


def test_changes_come_in_bounded_pages(host: Somebody, come: Come, monkeypatch: pytest.MonkeyPatch) -> None:
    from plugins.chat import reading

    bob = come()
    page, guest = Reader(host), Reader(come("Ada"))
    for number in range(12):
        bob.send(f"{number}", to="hosts" if number % 4 == 3 else "everyone")
    monkeypatch.setattr(reading, "MOST", 5)
    for one in (page, guest):
        one.fetch()
    assert page.texts == [f"{n}" for n in range(12)]
    assert page.fetched == 3
    assert guest.texts == [f"{n}" for n in range(12) if n % 4 != 3]


# --- packets --------------------------------------------------------------------------


def test_packets_bring_all_lines_one_after_the_other(host: Somebody, come: Come, sent: Packets) -> None:
    bob = come()
    page = Reader(bob)
    line = bob.send("one")
    bob.send("private", to="hosts")
    bob.send("two")
    host.flag(line, "pinned")
    host.mode("hosts", 5)
    all_told(sent, bob)
    public = [packet for packet, to in sent if "upto" in packet and not to]
    for packet in public:
        page.hear(packet)
    assert page.texts == ["one", "two"]
    assert (page.fetched, page.known[line["id"]]["pinned"]) == (0, True)
    assert public[-1]["state"] == {"mode": "hosts", "slow_seconds": 5}
    assert "marks" not in str(public) and "mine" not in str(public)


def test_a_storm_is_bundled_and_the_same_packet_twice_changes_nothing(
    host: Somebody, come: Come, sent: Packets
) -> None:
    people = [come(f"Guest {n}") for n in range(4)]
    page = Reader(host)
    line = people[0].send("Why?", is_question=True)
    for one in people:
        for kind in ("vote", "👍", "🎉"):
            one.mark(line, kind)
    all_told(sent, people[0])
    for packet, _to in [*sent, *sent]:
        page.hear(packet)
    found = page.known[line["id"]]
    assert (found["votes"], found["reactions"], page.fetched) == (4, {"👍": 4, "🎉": 4}, 0)


def test_lines_that_are_too_large_for_a_packet_are_fetched(host: Somebody, come: Come, sent: Packets) -> None:
    bob = come()
    page = Reader(host)
    long = "講" * 4000
    bob.send(long)
    bob.send("short")
    all_told(sent, bob)
    assert all(len(str(packet)) < 14_000 for packet, _to in sent)
    for packet, _to in sent:
        page.hear(packet)
    assert page.texts == [long, "short"]
    assert page.fetched >= 1


def test_more_than_a_packet_holds_is_told_as_something_to_fetch(
    app: Flask, host: Somebody, come: Come, monkeypatch: pytest.MonkeyPatch
) -> None:
    bob = come()
    for number in range(6):
        bob.send("x" * 3000 + f"{number}")
    with app.app_context():
        lecture = db.session.query(Lecture).one()
        packets = list(news._packets(lecture, 0))
        assert [len(packet["messages"]) for packet in packets] == [3, 3]
        assert packets[0]["upto"] == packets[1]["after"]
        monkeypatch.setattr(news, "MOST", 5)
        (alone,) = news._packets(lecture, 0)
        assert "messages" not in alone and alone["upto"] == packets[1]["upto"]


def test_while_the_database_is_away_a_packet_is_lost_and_pages_notice(
    host: Somebody, come: Come, sent: Packets, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_: Any) -> None:
        raise sa.exc.OperationalError("SELECT", {}, Exception("gone"))

    bob = come()
    page = Reader(host)
    with monkeypatch.context() as patched:
        patched.setattr(news, "_packets", away)
        bob.send("one")
        until(lambda: not news.PACE._waiting)
    bob.send("two")
    for packet, _to in sent:
        page.hear(packet)
    assert (page.texts, page.fetched) == (["one", "two"], 1)


# --- a database that goes away --------------------------------------------------------


def test_every_line_that_was_acknowledged_is_there_after_a_restart_of_the_database(
    tmp_path: Any, settings: Any, make_app: Any, sent: Packets
) -> None:
    from core import jobs
    from core.run.postgres import EmbeddedPostgres

    server = EmbeddedPostgres(tmp_path / "data", tmp_path / "run")
    server.start()
    try:
        app = make_app("chat", database_url=server.url)
        jobs.apply_schema(app)
        bob = _guest_on(app)
        acknowledged: list[str] = []
        stop = threading.Event()

        def write() -> None:
            number = 0
            while not stop.is_set():
                body = {"client_id": str(uuid4()), "text": f"{number}"}
                answer = bob.ask("POST", "/messages", body)
                assert answer.status_code in (201, 503), answer.text
                if answer.status_code == 201:
                    acknowledged.append(f"{number}")
                number += 1

        writer = threading.Thread(target=write)
        writer.start()
        until(lambda: len(acknowledged) > 20)
        server.stop()
        server.start()
        before = len(acknowledged)
        until(lambda: len(acknowledged) > before + 10, what="it goes on")
        stop.set()
        writer.join()
        with app.app_context():
            kept = list(db.session.scalars(sa.select(Message.text).order_by(Message.at)))
        assert [text for text in kept if text in set(acknowledged)] == acknowledged
        assert len(kept) == len(set(kept))
    finally:
        with app.app_context():
            db.session.remove()
            db.engine.dispose()
        server.destroy()


def _guest_on(app: Flask) -> Somebody:
    from core.db import now
    from core.people.models import User
    from core.rooms import codes
    from core.rooms.models import Room

    with app.app_context():
        user = User(email="e@uni.example", name="Emmy", verified_at=now())
        db.session.add(user)
        db.session.flush()
        room = Room(title="Room", owner_id=user.id, code=codes.new_code())
        db.session.add(room)
        db.session.flush()
        db.session.add(Lecture(room_id=room.id, title="Today", started_by_id=user.id))
        db.session.commit()
        name = room.public_id
    return Somebody(app.test_client(), name).join("Bob")
