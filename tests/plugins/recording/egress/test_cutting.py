"""Passages are taken out of what egresses have written; what stays is as it was."""

from __future__ import annotations

from pathlib import Path

import av
import pytest

from plugins.recording.egress.cutting import cut
from plugins.recording.egress.finishing import Take, finish
from plugins.recording.passages import Wrong
from plugins.recording.recorder.sound import sound_of
from plugins.recording.recorder.thumbnails import thumbnails
from tests.fixtures.egress import little_film
from tests.plugins.recording.egress.test_finishing import pictures

KEYS = [0, 1, 2, 3, 4, 5]


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six seconds with a key frame at each, joined as a job does."""
    folder = tmp_path_factory.mktemp("film")
    take, path = folder / "take.mp4", folder / "film.mp4"
    # Egress has no picture that needs a later one.
    take.write_bytes(little_film(6, options={"bf": "0"}))
    assert list(finish([Take(1_700_000_000.0, take)], path, several=False).keys) == KEYS
    return path


def test_what_is_cut_is_gone_and_the_rest_is_untouched(film: Path, tmp_path: Path) -> None:
    target = tmp_path / "cut.mp4"
    done = cut(film, target, [(1.5, 3.0)], KEYS, 6.0)
    assert [(one.start, one.end, one.at) for one in done.kept] == [(0, 1.5, 0), (3.0, 6.0, 1.5)]
    assert done.duration == pytest.approx(4.5, abs=0.1) and list(done.keys) == [0, 1, 1.5, 2.5, 3.5]
    before, after = dict(pictures(film)), pictures(target)
    assert len(after) == pytest.approx(4.5 * 25, abs=2)
    for at, bright in after:
        old = round(at if at < 1.5 - 0.01 else at + 1.5, 2)
        assert bright == before[min(before, key=lambda one, old=old: abs(one - old))]
    with av.open(str(target)) as file:
        heard = sum(frame.samples for frame in file.decode(audio=0)) / 48_000
    assert heard == pytest.approx(4.5, abs=0.15)
    assert thumbnails(target, format="mp4").count == 1


def test_the_ends_are_trimmed(film: Path, tmp_path: Path) -> None:
    done = cut(film, tmp_path / "cut.mp4", [(0, 0.5), (4.2, 6.0)], KEYS, 6.0)
    assert [(one.start, one.end) for one in done.kept] == [(1, 4.2)]
    assert done.duration == pytest.approx(3.2, abs=0.1)


def test_nothing_is_left_of_a_cut_that_makes_no_sense(film: Path, tmp_path: Path) -> None:
    with pytest.raises(Wrong, match="nothing of the recording"):
        cut(film, tmp_path / "cut.mp4", [(0, 6)], KEYS, 6.0)
    assert not list(tmp_path.iterdir())


def test_its_sound_is_had_alone(film: Path, tmp_path: Path) -> None:
    made = sound_of(film, tmp_path / "sound")
    assert made is not None and (made.ending, made.mime) == ("m4a", "audio/mp4")
    with av.open(str(made.path)) as file:
        assert not file.streams.video and (file.duration or 0) / 1e6 == pytest.approx(6, abs=0.1)
