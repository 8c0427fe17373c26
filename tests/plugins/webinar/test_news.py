"""However many raise their hand or clap, few packets leave, and the last one says how things are."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest
import sqlalchemy as sa

from plugins.webinar import news
from plugins.webinar.news import Pace
from tests.fixtures.livekit import until
from tests.plugins.webinar.conftest import Somebody

Come = Callable[..., Somebody]


def test_of_many_calls_the_first_is_made_at_once_and_the_rest_become_one() -> None:
    pace, made = Pace(0.5), list[int]()
    for number in range(50):
        pace.go(1, lambda n=number: made.append(n))
    until(lambda: made[-1] == 49)
    assert made == [0, 49]
    until(lambda: not pace._waiting, what="nothing is kept of a lecture that has become quiet")
    pace.go(1, lambda: made.append(50))
    assert made == [0, 49, 50]


def test_one_lecture_does_not_wait_for_another() -> None:
    pace, made = Pace(5), list[int]()
    for lecture in (1, 2, 1, 2):
        pace.go(lecture, lambda which=lecture: made.append(which))
    assert made == [1, 2]


def test_calls_from_many_threads_are_lost_by_none(monkeypatch: pytest.MonkeyPatch) -> None:
    pace, made = Pace(1), list[int]()
    threads = [threading.Thread(target=pace.go, args=(1, lambda: made.append(1))) for _ in range(30)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    until(lambda: not pace._waiting)
    assert 2 <= len(made) <= 3


class HandPace(Pace):
    """Its time passes when the test says so."""

    def __init__(self) -> None:
        super().__init__(0)

    def _rest(self, key: int) -> None:
        self.key = key

    def pass_by(self) -> None:
        self._go_on(self.key)


def test_a_storm_of_hands_is_two_packets_and_the_last_has_them_all(
    host: Somebody, come: Come, sent: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(news, "_queues", pace := HandPace())
    people = [come(f"Guest {n}") for n in range(12)]
    for one in people:
        one.do("raise")
    assert len(sent) == 1
    pace.pass_by()
    pace.pass_by()
    assert [packet["count"] for packet, _to in sent] == [1, 12]
    assert [hand["identity"] for hand in sent[-1][0]["hands"]] == [one.identity for one in people]
    assert sent[0][0]["at"] < sent[1][0]["at"]


def test_a_storm_of_claps_is_two_packets_and_each_is_counted_once(
    host: Somebody, come: Come, sent: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(news, "_applause", pace := HandPace())
    people = [come(f"Guest {n}") for n in range(6)]
    for one in people:
        for emoji in ("👏", "👏", "❤️"):
            one.do("react", emoji=emoji)
    pace.pass_by()
    pace.pass_by()
    assert [packet["reactions"] for packet, _to in sent] == [{"👏": 1}, {"👏": 11, "❤️": 6}]
    assert not news._counted


def test_a_packet_that_comes_after_the_end_is_not_sent(
    app: Any, host: Somebody, come: Come, sent: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    from core.db import db
    from core.lectures import lectures
    from core.lectures.models import Lecture

    monkeypatch.setattr(news, "_applause", pace := HandPace())
    bob = come()
    bob.do("react", emoji="👏")
    bob.do("react", emoji="👏")
    with app.app_context():
        lectures.end(db.session.query(Lecture).one(), reason="host")
    pace.pass_by()
    assert len(sent) == 1


def test_a_database_that_is_away_costs_a_packet_and_nothing_else(
    app: Any, host: Somebody, come: Come, sent: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_: Any) -> None:
        raise sa.exc.OperationalError("SELECT", {}, Exception("gone"))

    monkeypatch.setattr(news, "_queues", pace := HandPace())
    ada, bob = come("Ada"), come("Bob")
    ada.do("raise")
    bob.do("raise")
    with monkeypatch.context() as patched:
        patched.setattr(news, "read_queue", away)
        pace.pass_by()
    assert len(sent) == 1
    bob.do("raise")
    pace.pass_by()
    assert sent[-1][0]["count"] == 2
