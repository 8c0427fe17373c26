"""What is cut out is gone, what remains is as good as it was, and everything is found again."""

from __future__ import annotations

import itertools
import math
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from plugins.recording.passages import Kept, kept, new_time
from plugins.recording.recorder.cutting import cut
from plugins.recording.recorder.finishing import finish
from tests.plugins.recording.recorder.lectures import RATE, Lecture, Speaker, loudness, watch

KEYS = [0.0, 5.0, 10.0, 15.0, 20.0, 25.0]


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """30 s; from second 12 to 13.5 a secret is told, at 3000 Hz."""
    lecture, ada = Lecture(), Speaker()
    lecture.run(12, ada)
    lecture.run(1.5, ada, Speaker("secret", hz=3000, _told=12 * 50))
    lecture.run(16.5, ada)
    made = tmp_path_factory.mktemp("cut") / "lecture.webm"
    finish(lecture.end(), made)
    return made


def test_ends_are_trimmed_and_a_passage_is_taken_out(path: Path, tmp_path: Path) -> None:
    target = tmp_path / "cut.webm"
    done = cut(path, target, [(0, 2.5), (11.9, 14), (27, 30)])
    assert [(round(a, 2), round(b, 2), round(c, 2)) for a, b, c in done.kept] == [
        (5.0, 11.9, 0.0),
        (15.0, 27.0, 6.9),
    ]
    found = watch(target)
    assert done.duration == pytest.approx(18.9, abs=0.1)
    assert found.duration == pytest.approx(done.duration, abs=0.01)
    assert done.keys[0] == 0
    assert max(abs(one) for one in found.apart()) <= 0.08
    assert loudness(watch(path).sound, 3000) > 0.003
    # What opus remembers of the sound before a seam is a matter of milliseconds.
    assert loudness(found.sound[: 6 * RATE], 3000) < 0.0005
    assert loudness(found.sound[round(7.1 * RATE) :], 3000) < 0.0005
    assert done.new_time(6.0) == pytest.approx(1.0)
    assert done.new_time(12.5) is None
    assert done.new_time(16.0) == pytest.approx(7.9)
    assert target.stat().st_size == done.size


def test_a_cut_file_can_be_cut_again(path: Path, tmp_path: Path) -> None:
    first, second = tmp_path / "first.webm", tmp_path / "second.webm"
    cut(path, first, [(0, 4)])
    done = cut(first, second, [(12, 14)])
    assert done.duration == pytest.approx(25 - 3, abs=0.2)
    assert max(abs(one) for one in watch(second).apart()) <= 0.08


@pytest.mark.parametrize(
    ("passages", "words"),
    [
        ([], "no passage"),
        ([(0, 30)], "nothing of the recording would remain"),
        ([(0, 10), (9.9, 30)], "in order and apart"),
        ([(20, 25), (1, 2)], "in order and apart"),
        ([(5, 5)], "ends before it begins"),
        ([(9, 3)], "ends before it begins"),
        ([(-1, 3)], "before the recording does"),
        ([(math.nan, 3)], "numbers of seconds"),
        ([(1, math.nan)], "numbers of seconds"),
        ([(1, math.inf)], "numbers of seconds"),
        ([(1, 31)], "can't go on to 31"),
        ([(0, 26)], "nothing of the recording would remain"),
    ],
)
def test_cuts_that_make_no_sense_are_refused_in_words(
    passages: list[tuple[float, float]], words: str, path: Path, tmp_path: Path
) -> None:
    with pytest.raises(ValueError, match=words):
        cut(path, tmp_path / "no.webm", passages)
    assert not list(tmp_path.iterdir())


@settings(max_examples=60, deadline=None, database=None, derandomize=True)
@given(st.lists(st.integers(0, 30_000), min_size=2, max_size=8, unique=True), st.floats(0, 30))
def test_what_is_cut_is_never_kept_and_time_never_runs_back(milliseconds: list[int], second: float) -> None:
    points = [one / 1000 for one in sorted(milliseconds)]
    passages = [(a, b) for a, b in zip(points[::2], points[1::2], strict=False)]
    try:
        parts = kept(passages, KEYS, 30.0)
    except ValueError:
        return
    assert all(not (start < part.end and part.start < end) for start, end in passages for part in parts)
    assert all(part.start in KEYS for part in parts)
    for before, after in itertools.pairwise(parts):
        assert before.end <= after.start
        assert after.at == pytest.approx(before.at + before.end - before.start)
    found = new_time(parts, second)
    assert found is None or 0 <= found <= second + 1e-9


def test_a_passage_goes_on_to_the_next_key_frame() -> None:
    assert kept([(6, 7)], KEYS, 30.0) == [Kept(0, 6, 0), Kept(10.0, 30.0, 6)]
    assert kept([(6, 10)], KEYS, 30.0)[1].start == 10.0
    assert kept([(6, 26)], KEYS, 30.0) == [Kept(0, 6, 0)]
