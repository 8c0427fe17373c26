"""Pieces get to where they are kept, whatever happens on the way; encoding never waits for it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest

from plugins.recording.recorder import parts
from plugins.recording.recorder.parts import Outbox, Unwanted, key_of
from plugins.recording.recorder.picture import Picture
from plugins.recording.recorder.take import Plan
from plugins.recording.recorder.workshop import Workshop
from tests.fixtures.livekit import until
from tests.plugins.recording.recorder.lectures import PLAN, SIZE


class Shelf:
    """Keeps pieces, or does what ``do`` does instead."""

    def __init__(self) -> None:
        self.kept: list[tuple[int, bytes]] = []
        self.tries = 0
        self.do: Callable[[], Any] = lambda: None

    def put(self, number: int, body: bytes) -> None:
        self.tries += 1
        self.do()
        self.kept.append((number, body))


def full() -> None:
    raise OSError("the disk is full")


@pytest.fixture
def shelf(monkeypatch: pytest.MonkeyPatch) -> Shelf:
    monkeypatch.setattr(parts, "FIRST_PAUSE", 0.01)
    monkeypatch.setattr(parts, "LONGEST_PAUSE", 0.02)
    return Shelf()


def test_pieces_are_tried_again_until_they_are_kept_and_come_in_order(shelf: Shelf) -> None:
    outbox = Outbox(shelf, lambda: None)
    shelf.do = full
    for number in range(5):
        outbox.put(number, b"%d" % number)
    until(lambda: shelf.tries > 3)
    assert outbox.state.trouble == "the disk is full"
    assert outbox.state.pieces == 5
    shelf.do = lambda: None
    done = outbox.close(30)
    assert [number for number, _ in shelf.kept] == [0, 1, 2, 3, 4]
    assert done == parts.Waiting()


def test_memory_does_not_grow_while_nobody_takes_them(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parts, "MOST_WAITING_BYTES", 3000)
    outbox = Outbox(shelf, lambda: None)
    shelf.do = full
    for number in range(20):
        outbox.put(number, bytes(1000))
    assert outbox.state.bytes <= 3000
    assert outbox.state.lost == 17
    shelf.do = lambda: None
    outbox.close(30)
    assert [number for number, _ in shelf.kept] == [0, 18, 19]


def test_when_nobody_wants_them_it_ends_and_says_so_once(shelf: Shelf) -> None:
    said = threading.Event()

    def unwanted() -> None:
        raise Unwanted("the lecture is gone")

    shelf.do = unwanted
    outbox = Outbox(shelf, said.set)
    outbox.put(0, b"0")
    assert said.wait(30)
    outbox.put(1, b"1")
    outbox.close(30)
    assert (shelf.tries, outbox.state.pieces) == (1, 0)


def test_closing_waits_no_longer_than_asked_and_says_what_is_lost(shelf: Shelf) -> None:
    shelf.do = full
    outbox = Outbox(shelf, lambda: None)
    outbox.put(0, b"0")
    assert outbox.close(0.05).pieces == 1


def test_keys_sort_as_the_pieces_come() -> None:
    keys = [key_of("recordings/1", "t", number) for number in (9, 10, 11, 999, 1000)]
    assert keys == sorted(keys)
    assert keys[0] == "recordings/1/t-000009.webm"


# --- the thread -------------------------------------------------------------------------


def test_the_workshop_makes_pieces_beside_who_brings_pictures(shelf: Shelf) -> None:
    made: list[int] = []
    workshop = Workshop(PLAN, lambda number, _body: made.append(number), lambda _error: None)
    workshop.choose("screen")
    workshop.see("screen", Picture.plain(SIZE, 100))
    until(lambda: workshop.seconds > 0.3)
    workshop.stop()
    until(lambda: made == [0], what="a pause hands on what there is")
    workshop.go_on(parts.After.PAUSE)
    until(lambda: workshop.seconds > 0.6)
    assert workshop.end() >= 0.58, "whole frames of sound"
    assert made == [0, 1]


def test_pictures_that_come_too_fast_do_not_fill_the_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    blocked = threading.Event()
    workshop = Workshop(PLAN, lambda _number, _body: None, lambda _error: None)
    workshop._put(lambda _take, _now: blocked.wait(30))
    for y in range(100):
        workshop.see("screen", Picture.plain(SIZE, y + 16))
    assert len(workshop._errands) <= 9
    blocked.set()
    workshop.end()


def test_an_encoder_that_fails_is_told_and_what_was_made_stays(caplog: pytest.LogCaptureFixture) -> None:
    failed: list[Exception] = []
    workshop = Workshop(Plan(PLAN.quality), lambda _number, _body: None, failed.append)
    workshop._put(lambda _take, _now: 1 / 0)
    until(lambda: failed)
    assert isinstance(failed[0], ZeroDivisionError)
    assert workshop.end() >= 0
