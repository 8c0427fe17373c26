"""What several egresses have written becomes one MP4 that can be sought in, to the picture."""

from __future__ import annotations

from pathlib import Path

import av
import pytest

from plugins.recording.egress.finishing import Take, finish
from plugins.recording.recorder.finishing import Facts, Gap, Span
from plugins.recording.recorder.thumbnails import thumbnails
from tests.fixtures.egress import little_film

BEGAN = 1_700_000_000.0


@pytest.fixture
def write(tmp_path: Path) -> object:
    def to_file(name: str, body: bytes) -> Path:
        path = tmp_path / f"{name}.mp4"
        path.write_bytes(body)
        return path

    return to_file


def join(tmp_path: Path, *takes: Take) -> tuple[Path, Facts]:
    target = tmp_path / "film.mp4"
    several = sum(one.path is not None for one in takes) > 1
    return target, finish(takes, target, several=several)


def pictures(path: Path, since: float = 0.0) -> list[tuple[float, int]]:
    """When each is, and how bright."""
    with av.open(str(path)) as file:
        video = file.streams.video[0]
        assert video.time_base is not None
        file.seek(round(since / video.time_base), stream=video)
        return [(round(float(one.time or 0), 3), int(one.to_ndarray()[90, 0])) for one in file.decode(video)]


def test_one_take_is_the_film(tmp_path: Path, write: object) -> None:
    path, facts = join(tmp_path, Take(BEGAN, write("a", little_film(2))))  # type: ignore[operator]
    assert facts.duration == pytest.approx(2, abs=0.1)
    assert facts.spans == (Span(0.0, facts.spans[0].end, BEGAN),) and facts.gaps == ()
    assert (facts.width, facts.height, facts.pieces, facts.damaged) == (320, 180, 1, 0)
    assert facts.size == path.stat().st_size and facts.keys == (0.0, 1.0)
    body = path.read_bytes()
    assert 0 < body.find(b"moov") < body.find(b"mdat"), "the index comes first"
    with av.open(str(path)) as file:
        assert [one.codec_context.name for one in file.streams] == ["h264", "aac"]
    assert len(pictures(path)) == 50
    assert list(tmp_path.glob(".*")) == []


def test_takes_of_encoders_that_differ_are_one_film_with_a_gap(tmp_path: Path, write: object) -> None:
    plain = write("a", little_film(2))  # type: ignore[operator]
    careful = {"preset": "slow", "profile": "high", "bf": "2"}
    other = write("b", little_film(2, bright=50, options=careful))  # type: ignore[operator]
    small = write("c", little_film(1, size=(160, 90), bright=200))  # type: ignore[operator]
    path, facts = join(tmp_path, Take(BEGAN, plain), Take(BEGAN + 10, other), Take(BEGAN + 12.2, small))
    seam, second = facts.spans[1].start, facts.spans[2].start
    assert seam == pytest.approx(2, abs=0.1) and second == pytest.approx(4, abs=0.15)
    assert facts.gaps == (Gap(seam, pytest.approx(8, abs=0.1)),), "0.2 s is no gap"  # type: ignore[arg-type]
    assert facts.file_time(BEGAN + 10.5) == pytest.approx(seam + 0.5) and facts.file_time(BEGAN + 5) is None
    # Wherever one begins to read, each take has its own pictures.
    for since in (0.0, seam + 0.01, 1.0):
        seen = pictures(path, since)
        for at, brightness in seen:
            lowest = 120 if at < seam - 0.001 else 50 if at < second - 0.001 else 0
            assert lowest == 0 or lowest - 3 <= brightness <= lowest + 23, (since, at, brightness)
    times = [at for at, _brightness in pictures(path)]
    assert times == sorted(times) and len(times) >= 120


def test_sound_goes_on_over_the_seam(tmp_path: Path, write: object) -> None:
    body = little_film(2)
    takes = [Take(BEGAN + 3 * n, write(str(n), body)) for n in range(3)]  # type: ignore[operator]
    path, facts = join(tmp_path, *takes)
    with av.open(str(path)) as file:
        sound = [(one.pts, one.dts) for one in file.demux(audio=0) if one.dts is not None]
    assert [dts for _pts, dts in sound] == sorted({dts for _pts, dts in sound})
    assert facts.duration == pytest.approx(6, abs=0.2)
    assert thumbnails(path, format="mp4").count == 1


def test_a_lost_take_before_all_others_is_a_gap_at_the_beginning(tmp_path: Path, write: object) -> None:
    film = write("a", little_film(1))  # type: ignore[operator]
    _path, facts = join(tmp_path, Take(BEGAN, None), Take(BEGAN + 4, None), Take(BEGAN + 60, film))
    assert facts.gaps == (Gap(0.0, 60.0),) and facts.spans[0].began_at == BEGAN + 60


def test_a_lost_take_between_others_is_part_of_their_gap(tmp_path: Path, write: object) -> None:
    film = write("a", little_film(1))  # type: ignore[operator]
    _path, facts = join(tmp_path, Take(BEGAN, film), Take(BEGAN + 5, None), Take(BEGAN + 21, film))
    assert [round(one.seconds) for one in facts.gaps] == [20]


@pytest.mark.parametrize("body", [b"", b"<html>", b"\x1a\x45\xdf\xa3" * 100])
def test_what_is_no_mp4_is_left_out(tmp_path: Path, write: object, body: bytes) -> None:
    film = write("a", little_film(1))  # type: ignore[operator]
    _path, facts = join(tmp_path, Take(BEGAN, write("b", body)), Take(BEGAN + 9, film))  # type: ignore[operator]
    assert (facts.pieces, facts.damaged) == (1, 1)


def test_a_take_that_is_cut_off_gives_what_can_be_read(tmp_path: Path, write: object) -> None:
    whole, seconds = little_film(2), 1
    film = write("a", little_film(seconds))  # type: ignore[operator]
    cut = write("b", whole[: len(whole) * 2 // 3])  # type: ignore[operator]
    _path, facts = join(tmp_path, Take(BEGAN, film), Take(BEGAN + 9, cut))
    assert facts.pieces + facts.damaged == 2


def test_nothing_that_plays_is_no_film(tmp_path: Path, write: object) -> None:
    with pytest.raises(ValueError, match="nothing"):
        join(tmp_path, Take(BEGAN, write("a", b"nothing")), Take(BEGAN + 1, None))  # type: ignore[operator]
    assert [one.name for one in tmp_path.iterdir()] == ["a.mp4"]


def test_other_codecs_are_no_take(tmp_path: Path) -> None:
    silent = tmp_path / "silent.mp4"
    with av.open(str(silent), "w", format="mp4") as file:
        stream = file.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 64, "yuv420p"
        file.mux(stream.encode(av.VideoFrame(64, 64, "yuv420p")))
        file.mux(stream.encode(None))
    with pytest.raises(ValueError, match="nothing"):
        join(tmp_path, Take(BEGAN, silent))
