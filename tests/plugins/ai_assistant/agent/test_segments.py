"""Where long speech is cut, and that no word gets lost by it."""

from __future__ import annotations

import asyncio
import itertools

import numpy as np
import pytest

from plugins.ai_assistant.agent.speech import Heard, Wanted
from plugins.ai_assistant.agent.speech.offline import offline
from plugins.ai_assistant.agent.speech.segments import RATE, WINDOW, Piece, Sound, Splitter
from tests.plugins.ai_assistant.agent import voices

LOUD, QUIET = 1.0, 0.0
count = itertools.count(1)


def talk(*parts: tuple[float, float]) -> tuple[list[Piece], Sound]:
    """What a splitter makes of stretches of (seconds, probability of voice), each sample unlike the last."""
    splitter = Splitter(interim_every=0)
    pieces: list[Piece] = []
    sounds: list[Sound] = []
    for seconds, voice in parts:
        for _ in range(round(seconds * RATE / WINDOW)):
            window = np.full(WINDOW, len(sounds), np.int16)
            sounds.append(window)
            pieces += splitter.add(window, voice)
    pieces += splitter.rest()
    return pieces, np.concatenate(sounds)


def lengths(pieces: list[Piece]) -> list[float]:
    return [piece.end - piece.start for piece in pieces]


def test_a_pause_ends_a_piece() -> None:
    pieces, _ = talk((1, QUIET), (2, LOUD), (0.6, QUIET), (2, LOUD), (1, QUIET))
    assert [piece.final for piece in pieces] == [True, True]
    assert pieces[0].start == pytest.approx(0.7, abs=0.1)
    assert pieces[1].end == pytest.approx(5.9, abs=0.1)


def test_silence_makes_no_piece() -> None:
    assert talk((30, QUIET))[0] == []


def test_a_click_makes_no_piece() -> None:
    assert talk((1, QUIET), (0.03, LOUD), (1, QUIET))[0] == []


def test_a_short_pause_cuts_only_what_is_long_enough() -> None:
    assert len(talk((2, LOUD), (0.25, QUIET), (0.5, LOUD), (1, QUIET))[0]) == 1
    assert len(talk((3.5, LOUD), (0.25, QUIET), (0.5, LOUD), (1, QUIET))[0]) == 2


def test_speech_without_a_pause_is_cut_all_the_same() -> None:
    pieces, _ = talk((60, LOUD))
    assert max(lengths(pieces)) <= 15
    assert min(lengths(pieces)) >= 3


@pytest.mark.parametrize(
    "parts", [[(60, LOUD)], [(4, LOUD), (0.25, QUIET)] * 9, [(7, LOUD), (0.12, QUIET)] * 6]
)
def test_every_sample_of_speech_is_in_one_piece(parts: list[tuple[float, float]]) -> None:
    pieces, sound = talk(*parts)
    heard = np.concatenate([piece.sound for piece in pieces])
    begin = np.searchsorted(sound, heard[0])
    assert np.array_equal(heard, sound[begin : begin + len(heard)])
    assert len(sound) - len(heard) < RATE


def test_a_cut_is_made_where_it_is_quietest() -> None:
    splitter = Splitter(interim_every=0)
    pieces: list[Piece] = []
    for number in range(round(12 * RATE / WINDOW)):
        is_dip = 8.0 <= number * WINDOW / RATE < 8.2
        pieces += splitter.add(np.full(WINDOW, 10 if is_dip else 5000, np.int16), LOUD)
    assert pieces[0].end == pytest.approx(8.1, abs=0.1)


def test_what_is_said_so_far_comes_every_second() -> None:
    splitter = Splitter()
    windows = round(3.5 * RATE / WINDOW)
    pieces = [p for _ in range(windows) for p in splitter.add(np.ones(WINDOW, np.int16), LOUD)]
    assert [piece.final for piece in pieces] == [False] * 3
    assert len({piece.start for piece in pieces}) == 1


def understand(sound: Sound, *terms: str) -> list[Heard]:
    """What the offline model hears, all sound given at once."""

    async def listen() -> list[Heard]:
        ear = await offline(Wanted("offline", "en", terms=terms)).open()
        for frame in voices.frames(sound):
            ear.push(frame)
        ear.end()
        heard = [one async for one in ear if one.final]
        await ear.close()
        return heard

    return asyncio.run(listen())


@pytest.mark.slow
@pytest.mark.parametrize("pauses", [True, False], ids=["with pauses", "without a pause"])
def test_nine_of_ten_words_of_a_lecture_are_right(pauses: bool) -> None:
    sound = voices.spoken(voices.LECTURE)
    assert len(voices.LECTURE.split()) >= 150
    heard = understand(sound if pauses else voices.without_pauses(sound))
    text = " ".join(one.text for one in heard)
    assert voices.word_errors(voices.LECTURE, text) < 0.1, text
    assert max(one.end - one.start for one in heard) <= 15
    assert len(heard) >= 8
