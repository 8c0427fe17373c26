"""Tracks are asked for once, and again where LiveKit may not have heard it."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from core.agents import Subscriptions
from core.agents.subscriptions import AGAIN_SECONDS


@dataclass
class Track:
    """A publication that remembers what was asked for."""

    sid: str
    track: object | None = None
    asked: list[bool] = field(default_factory=list)

    def set_subscribed(self, subscribed: bool) -> None:
        self.asked.append(subscribed)


class Room:
    """Some publications, and a clock that stands."""

    def __init__(self) -> None:
        self.now = 100.0
        self.tracks = [Track("one"), Track("two")]
        self.subscriptions = Subscriptions(lambda: self.now)

    def want(self, *sids: str) -> list[list[bool]]:
        """What was asked for of each, so far."""
        wanted = {one.sid: one for one in self.tracks if one.sid in sids}
        self.subscriptions.want(wanted, self.tracks)
        return [one.asked for one in self.tracks]


@pytest.fixture
def room() -> Room:
    return Room()


def test_what_is_wanted_is_asked_for_once_and_given_back(room: Room) -> None:
    room.want("one")
    assert room.want("one") == [[True], []]
    assert room.want() == [[True, False], []]
    assert room.want() == [[True, False], []]
    assert room.want("one", "two") == [[True, False, True], [True]]


def test_what_does_not_come_is_asked_for_again_after_a_while(room: Room) -> None:
    room.want("one", "two")
    room.tracks[1].track = object()
    room.now += AGAIN_SECONDS - 0.1
    assert room.want("one", "two") == [[True], [True]]
    room.now += 0.2
    assert room.want("one", "two") == [[True, True], [True]]
    assert room.want("one", "two") == [[True, True], [True]], "it may be on its way again"


def test_after_a_repair_everything_is_asked_for_at_once(room: Room) -> None:
    room.want("one", "two")
    room.tracks[1].track = object()
    room.subscriptions.reconnected()
    assert room.want("one", "two") == [[True, True], [True, True]]
    room.subscriptions.reconnected()
    assert room.want("two") == [[True, True, False], [True, True, True]]


def test_what_has_gone_meanwhile_is_forgotten(room: Room) -> None:
    room.want("one", "two")
    gone = room.tracks.pop(0)
    room.want("two")
    room.tracks.insert(0, Track("one"))
    assert room.want("one", "two") == [[True], [True]] and gone.asked == [True]
