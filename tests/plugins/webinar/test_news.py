"""However many raise their hand or clap, few packets leave, and the last one says how things are."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest

from plugins.webinar import news
from plugins.webinar.news import Pace
from tests.fixtures.livekit import held_for, until
from tests.plugins.webinar.conftest import Somebody

Come = Callable[..., Somebody]


def test_of_many_calls_the_first_is_made_at_once_and_the_rest_become_one() -> None:
    pace, made = Pace(0.2), list[int]()
    for number in range(50):
        pace.go(1, lambda n=number: made.append(n))
    assert made == [0]
    until(lambda: made == [0, 49])
    until(lambda: not pace._waiting, what="nothing is kept of a lecture that has become quiet")
    pace.go(1, lambda: made.append(50))
    assert made == [0, 49, 50]


def test_one_lecture_does_not_wait_for_another() -> None:
    pace, made = Pace(5), list[int]()
    for lecture in (1, 2, 1, 2):
        pace.go(lecture, lambda which=lecture: made.append(which))
    assert made == [1, 2]


def test_calls_from_many_threads_are_lost_by_none(monkeypatch: pytest.MonkeyPatch) -> None:
    pace, made = Pace(0.05), list[int]()
    threads = [threading.Thread(target=pace.go, args=(1, lambda: made.append(1))) for _ in range(30)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    until(lambda: not pace._waiting)
    assert 2 <= len(made) <= 4


def test_a_storm_of_hands_is_two_packets_and_the_last_has_them_all(
    host: Somebody, come: Come, sent: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(news, "_queues", Pace(1.5))
    people = [come(f"Guest {n}") for n in range(12)]
    for one in people:
        one.do("raise")
    until(lambda: sent[-1][0]["count"] == 12)
    assert len(sent) == 2
    assert [hand["identity"] for hand in sent[-1][0]["hands"]] == [one.identity for one in people]
    assert sent[0][0]["at"] < sent[1][0]["at"]


def test_a_storm_of_claps_is_two_packets_and_each_is_counted_once(
    host: Somebody, come: Come, sent: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(news, "_applause", Pace(1.0))
    people = [come(f"Guest {n}") for n in range(6)]
    for one in people:
        for emoji in ("👏", "👏", "❤️"):
            one.do("react", emoji=emoji)
    until(lambda: len(sent) == 2)
    assert [packet["reactions"] for packet, _to in sent] == [{"👏": 1}, {"👏": 11, "❤️": 6}]
    assert held_for(lambda: len(sent) == 2, 1.2)
    assert not news._counted


def test_a_packet_that_comes_after_the_end_is_not_sent(
    app: Any, host: Somebody, come: Come, sent: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    from core.db import db
    from core.lectures import lectures
    from core.lectures.models import Lecture

    monkeypatch.setattr(news, "_applause", Pace(0.3))
    bob = come()
    bob.do("react", emoji="👏")
    bob.do("react", emoji="👏")
    with app.app_context():
        lectures.end(db.session.query(Lecture).one(), reason="host")
    until(lambda: not news._applause._waiting)
    assert len(sent) == 1
