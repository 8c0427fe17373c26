"""Presence is worked out from what LiveKit said, in whatever order and however often it came."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from itertools import permutations

from core.livekit.presence import JOINED, LEFT, Said, Stay, stays_of

START = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


def at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def joined(sid: str, second: float) -> Said:
    return Said(JOINED, sid, at(second), at(second))


def left(sid: str, since: float, until: float) -> Said:
    return Said(LEFT, sid, at(until), at(since))


def test_whoever_joined_is_here() -> None:
    assert stays_of([joined("a", 5)]) == [Stay("a", at(5), None)]


def test_whoever_left_was_here() -> None:
    assert stays_of([joined("a", 5), left("a", 5, 65)]) == [Stay("a", at(5), at(65))]


def test_a_lost_join_is_known_from_the_leave() -> None:
    assert stays_of([left("a", 5, 65)]) == [Stay("a", at(5), at(65))]


def test_a_lost_leave_ends_with_the_next_connection() -> None:
    assert stays_of([joined("a", 5), joined("b", 30)]) == [Stay("a", at(5), at(30)), Stay("b", at(30), None)]


def test_a_late_leave_of_the_old_connection_does_not_end_the_new_one() -> None:
    said = [joined("a", 5), joined("b", 30), left("a", 5, 31)]
    assert stays_of(said)[-1] == Stay("b", at(30), None)


def test_nobody_is_here_after_the_lecture() -> None:
    assert stays_of([joined("a", 5)], at(100)) == [Stay("a", at(5), at(100))]
    assert stays_of([joined("a", 200)], at(100)) == [Stay("a", at(200), at(200))]


def test_order_and_repetition_change_nothing() -> None:
    said = [joined("a", 0), left("a", 0, 60), joined("b", 90), left("b", 90, 120), joined("c", 120)]
    wanted = stays_of(said)
    for order in permutations(said):
        assert stays_of([*order, random.choice(order)]) == wanted
