"""From sound and pictures to a finished file, in a clock that runs as fast as it can."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from plugins.recording.recorder.finishing import Facts, Piece, finish
from plugins.recording.recorder.parts import After
from plugins.recording.recorder.thumbnails import thumbnails
from tests.plugins.recording.recorder.lectures import RATE, WALL, Lecture, Speaker, Watched, loudness, watch

MOST_APART = 0.08


@pytest.fixture(scope="module")
def lecture(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Facts, list[Piece]]:
    """8 s, a pause of 2.5 s, 13.3 s, a lost connection of 4 s, 6 s; then another recorder, for 8 s."""
    jitter = np.random.default_rng(7)
    ada = Speaker(fast=0.0005, late=lambda _now: float(jitter.uniform(0, 0.06)))
    first = Lecture(name="a")
    first.run(8, ada)
    first.pause()
    first.run(2.5, Speaker("secret", hz=3000), ada)
    first.go_on()
    first.run(13.3, ada)
    first.pause()
    first.run(4, ada)
    first.go_on(After.GAP)
    first.run(6, ada)
    second = Lecture(name="b", began=40.0)
    second.run(8, Speaker(fast=-0.0005, _told=40 * 50))
    pieces = first.end() + second.end()
    path = tmp_path_factory.mktemp("lecture") / "lecture.webm"
    return path, finish(pieces, path), pieces


@pytest.fixture(scope="module")
def watched(lecture: tuple[Path, Facts, list[Piece]]) -> Watched:
    return watch(lecture[0])


def test_picture_and_sound_are_together_from_the_beginning_to_the_end(
    lecture: tuple[Path, Facts, list[Piece]], watched: Watched
) -> None:
    _, facts, _ = lecture
    assert len(watched.flashes) >= 30
    apart = watched.apart()
    assert max(abs(one) for one in apart) <= MOST_APART, apart
    for span in facts.spans:
        assert watched.apart(span.start, span.end), span


def test_it_is_as_long_as_what_was_recorded_and_nothing_is_of_the_pause(
    lecture: tuple[Path, Facts, list[Piece]], watched: Watched
) -> None:
    _, facts, _ = lecture
    assert facts.duration == pytest.approx(8 + 13.3 + 6 + 8, abs=0.05)
    assert watched.duration == pytest.approx(facts.duration, abs=0.01)
    assert len(watched.sound) / RATE == pytest.approx(facts.duration, abs=0.05)
    assert loudness(watched.sound, 3000) < 0.001


def test_pauses_are_left_out_quietly_and_gaps_are_marked(lecture: tuple[Path, Facts, list[Piece]]) -> None:
    _, facts, _ = lecture
    assert [(gap.at, gap.seconds) for gap in facts.gaps] == [
        (pytest.approx(21.3, abs=0.03), pytest.approx(4.0, abs=0.05)),
        (pytest.approx(27.3, abs=0.03), pytest.approx(6.2, abs=0.05)),
    ]
    assert [round(span.began_at - WALL, 1) for span in facts.spans] == [0.0, 10.5, 27.8, 40.0]


def test_every_moment_of_the_lecture_has_its_second_or_none(lecture: tuple[Path, Facts, list[Piece]]) -> None:
    _, facts, _ = lecture
    assert facts.file_time(WALL + 3) == pytest.approx(3, abs=0.01)
    assert facts.file_time(WALL + 9) is None
    assert facts.file_time(WALL + 12.5) == pytest.approx(10, abs=0.02)
    assert facts.file_time(WALL + 45) == pytest.approx(27.3 + 5, abs=0.03)
    assert facts.file_time(WALL - 5) is facts.file_time(WALL + 60) is None


def test_it_can_be_sought_in_everywhere(lecture: tuple[Path, Facts, list[Piece]]) -> None:
    import av

    path, facts, _ = lecture
    assert facts.keys[0] == 0
    assert max(np.diff([*facts.keys, facts.duration])) <= 5.6
    with av.open(str(path)) as file:
        video = file.streams.video[0]
        for second in (0.0, 3.3, 20.9, 34.0):
            file.seek(round(second / video.time_base), stream=video)
            frame = next(file.decode(video))
            assert second - 5.6 <= frame.time <= second
    head = path.read_bytes()
    cues, first_cluster = head.find(b"\x1c\x53\xbb\x6b"), head.find(b"\x1f\x43\xb6\x75")
    assert 0 < cues < first_cluster, "the index comes before the pictures"


def test_pieces_are_ten_seconds_and_each_can_be_watched_alone(
    lecture: tuple[Path, Facts, list[Piece]], tmp_path: Path
) -> None:
    _, _, pieces = lecture
    assert [(piece.take, piece.number) for piece in pieces] == [
        ("a", 0),
        ("a", 1),
        ("a", 2),
        ("a", 3),
        ("b", 0),
    ]
    path = tmp_path / "piece.webm"
    path.write_bytes(pieces[1].body)
    alone = watch(path)
    assert alone.flashes
    assert max(abs(one) for one in alone.apart()) <= MOST_APART


def test_a_recorder_that_died_costs_its_last_piece_and_one_cut_in_the_middle_gives_what_it_has(
    lecture: tuple[Path, Facts, list[Piece]], tmp_path: Path
) -> None:
    _, whole, pieces = lecture
    last = pieces[-1]
    half = last._replace(body=last.body[: len(last.body) // 2])
    facts = finish([*pieces[:-1], half], tmp_path / "half.webm")
    assert 1 <= whole.duration - facts.duration <= 7
    found = watch(tmp_path / "half.webm")
    assert found.duration == pytest.approx(facts.duration, abs=0.1)
    assert max(abs(one) for one in found.apart(0, facts.duration - 0.3)) <= MOST_APART


def test_a_lost_piece_is_a_marked_gap(lecture: tuple[Path, Facts, list[Piece]], tmp_path: Path) -> None:
    _, whole, pieces = lecture
    without = [piece for piece in pieces if (piece.take, piece.number) != ("a", 1)]
    facts = finish(without, tmp_path / "without.webm")
    assert facts.duration < whole.duration - 9
    assert facts.gaps[0].at == pytest.approx(8, abs=0.03)
    found = watch(tmp_path / "without.webm")
    assert max(abs(one) for one in found.apart()) <= MOST_APART
    assert max(np.diff(found.times)) < 3


def test_pieces_that_are_no_pieces_are_left_out(
    lecture: tuple[Path, Facts, list[Piece]], tmp_path: Path
) -> None:
    _, _, pieces = lecture
    bad = [Piece("a", 0, b""), Piece("a", 0, b"#EXTM3U\nhttp://127.0.0.1/x"), Piece("a", 0, b"\0" * 9999)]
    facts = finish([*bad, *pieces[:1]], tmp_path / "some.webm")
    assert (facts.damaged, facts.pieces) == (3, 1)
    with pytest.raises(ValueError, match="nothing in any piece"):
        finish(bad, tmp_path / "none.webm")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["some.webm"]


def test_thumbnails_are_one_picture_with_many_in_it(lecture: tuple[Path, Facts, list[Piece]]) -> None:
    import io

    from PIL import Image

    sprite = thumbnails(lecture[0], every=5)
    assert (sprite.count, sprite.across, sprite.width, sprite.height) == (8, 8, 160, 90)
    with Image.open(io.BytesIO(sprite.body)) as picture:
        assert picture.size == (8 * 160, 90)
        assert sprite.mime == "image/webp"
        assert picture.convert("L").getextrema()[0] < 60


def test_a_silent_still_minute_costs_little_and_is_as_long_as_it_was(tmp_path: Path) -> None:
    lecture = Lecture()
    for _ in range(120):
        # A step of the recorder twice a second, for nothing happens.
        lecture.now += 0.5
        lecture.take.work(lecture.now)
    facts = finish(lecture.end(), tmp_path / "still.webm")
    assert facts.duration == pytest.approx(60, abs=0.1)
    assert facts.size * 8 / facts.duration < 20_000
