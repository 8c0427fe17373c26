"""Which picture is shown, and how often it is encoded."""

from __future__ import annotations

import numpy as np
import pytest

from plugins.recording.recorder.card import title_card
from plugins.recording.recorder.choosing import Place, Policy, Seen, Source, Stage
from plugins.recording.recorder.film import HOLD, Film
from plugins.recording.recorder.picture import Fitting, Picture, Size

SIZE = Size(64, 36)
CARD, DARK, BRIGHT = (Picture.plain(SIZE, y) for y in (16, 60, 200))


def shown(film: Film, until: float) -> list[tuple[float, int]]:
    return [(round(one.at, 3), int(one.picture.y[0, 0])) for one in film.until(until)]


def test_a_still_slide_is_a_frame_now_and_then_and_a_key_frame_every_five_seconds() -> None:
    film = Film(CARD)
    film.choose("slides", 0.0)
    exposures = []
    for step in range(20 * 15):
        film.see("slides", Picture(DARK.y.copy(), DARK.u, DARK.v), step / 15)
        exposures += list(film.until(step / 15))
    assert len(exposures) <= 20 / 2.5 + 1
    assert [round(one.at, 1) for one in exposures if one.is_key] == [0.0, 5.0, 10.0, 15.0]


def test_a_camera_is_fifteen_frames_a_second_at_most() -> None:
    film, exposures = Film(CARD), []
    film.choose("camera", 0.0)
    for step in range(300):
        film.see("camera", DARK if step % 2 else BRIGHT, step / 100)
        exposures += list(film.until(step / 100))
    distances = np.diff([one.at for one in exposures])
    assert distances.min() >= 1 / 15 - 0.003
    assert len(exposures) >= 3 * 14


def test_a_change_is_shown_at_its_moment_and_the_last_of_many_is_not_left_out() -> None:
    film = Film(CARD)
    film.choose("slides", 0.0)
    film.see("slides", DARK, 0.0)
    film.see("slides", BRIGHT, 1.234)
    film.see("slides", DARK, 1.25)
    assert shown(film, 2.0) == [(0.0, 60), (1.234, 200), (1.299, 60)]


def test_a_slow_fade_is_seen() -> None:
    film, exposures = Film(CARD), []
    film.choose("slides", 0.0)
    for step in range(100):
        film.see("slides", Picture.plain(SIZE, 50 + step), step / 50)
        exposures += list(film.until(step / 50))
    assert len(exposures) > 8


def test_the_last_picture_stays_until_the_next_source_has_one() -> None:
    film = Film(CARD)
    film.choose("screen", 0.0)
    film.see("screen", DARK, 0.0)
    film.choose("camera", 1.0)
    film.see("camera", BRIGHT, 1.5)
    film.choose(None, 2.0)
    assert shown(film, 4.0) == [(0.0, 60), (1.5, 200), (2.0 + HOLD, 16)]


def test_somebody_forgotten_is_gone_at_once_with_all_that_has_come() -> None:
    film = Film(CARD)
    film.choose("camera", 0.0)
    film.see("camera", BRIGHT, 0.0)
    assert shown(film, 0.5) == [(0.0, 200)]
    film.see("camera", DARK, 0.6)
    film.forget("camera", 0.55)
    assert shown(film, 2.0) == [(0.55, 16)]
    film.see("camera", DARK, 2.1)
    assert shown(film, 2.2) == [(2.1, 60)], "they may be seen again later"


def test_after_a_stop_nothing_that_came_before_is_shown_but_the_last_picture() -> None:
    film = Film(CARD)
    film.choose("slides", 0.0)
    film.see("slides", DARK, 0.0)
    assert shown(film, 1.0) == [(0.0, 60)]
    film.see("slides", BRIGHT, 1.5)
    film.begin(1.1)
    after = list(film.until(1.1 + HOLD + 0.1))
    assert [(round(one.at, 2), int(one.picture.y[0, 0]), one.is_key) for one in after] == [
        (1.1, 60, True),
        (round(1.1 + HOLD, 2), 16, False),
    ]


@pytest.mark.parametrize(
    ("width", "height", "inner"),
    [(64, 36, (64, 36)), (640, 360, (64, 36)), (40, 40, (36, 36)), (1920, 200, (64, 6)), (33, 71, (16, 36))],
)
def test_every_picture_fits_whole_and_undistorted(width: int, height: int, inner: tuple[int, int]) -> None:
    fitting = Fitting(SIZE)
    half = np.full(((height + 1) // 2, (width + 1) // 2), 128, np.uint8)
    frame = fitting.fit(Picture(np.full((height, width), 200, np.uint8), half, half))
    assert (frame.width, frame.height, frame.format.name) == (64, 36, "yuv420p")
    assert fitting.inner(width, height) == inner
    bright = frame.to_ndarray()[:36] > 190
    assert (int(bright.any(axis=0).sum()), int(bright.any(axis=1).sum())) == inner


def test_phones_that_send_sideways_are_turned() -> None:
    y = np.zeros((4, 8), np.uint8)
    y[0, :] = 200
    half = np.full((2, 4), 128, np.uint8)
    turned = Picture(y, half, half).turned(90)
    assert (turned.width, turned.height) == (4, 8)
    assert (turned.y[:, -1] == 200).all()


@pytest.mark.parametrize("size", [(0, 2), (1921, 1080), (1920, 1082), (321, 180), (320, 181)])
def test_sizes_that_cannot_be(size: tuple[int, int]) -> None:
    with pytest.raises(ValueError, match="a recording of"):
        Size(*size)


def test_a_buffer_that_is_too_small_is_no_picture() -> None:
    with pytest.raises(ValueError, match="no picture"):
        Picture.from_i420(b"123", 64, 36)


# --- whose ------------------------------------------------------------------------------

ADA, BOB, EVE = (Seen(f"cam-{who}", who, Source.CAMERA) for who in ("ada", "bob", "eve"))
POLICY = Policy({"ada": Place.of_host(), "bob": Place.of_host(), "eve": Place.of_guest(camera=True)})


def test_a_screen_comes_before_cameras_and_the_newest_of_them_first() -> None:
    screens = [Seen("s1", "ada", Source.SCREEN), Seen("s2", "eve", Source.SCREEN)]
    assert Stage().choose([ADA, *screens], POLICY) == screens[1]


def test_the_camera_is_the_speakers_and_does_not_flap() -> None:
    stage, cameras = Stage(), ["ada", "bob"]
    assert stage.choose([EVE, ADA, BOB], POLICY) == ADA, "a host while nobody speaks"
    stage.speak(["bob"], cameras, 10.0)
    assert stage.choose([EVE, ADA, BOB], POLICY) == BOB
    stage.speak(["ada"], cameras, 11.0)
    assert stage.choose([EVE, ADA, BOB], POLICY) == BOB
    stage.speak(["ada"], cameras, 12.5)
    assert stage.choose([EVE, ADA, BOB], POLICY) == ADA
    assert stage.choose([], POLICY) is None


def test_nobody_is_recorded_whom_the_policy_does_not_name() -> None:
    policy = Policy({"guest": Place.of_guest(), "out": Place.of_guest(opted_out=True, camera=True)})
    assert not any(policy.admits(who, source) for who in ("stranger", "out") for source in Source)
    assert [source for source in Source if policy.admits("guest", source)] == [
        Source.MICROPHONE,
        Source.SCREEN_SOUND,
        Source.SCREEN,
    ]


# --- the card ---------------------------------------------------------------------------


def test_the_card_shows_the_title_and_a_script_without_letters_nothing() -> None:
    size = Size(640, 360)
    assert title_card("Analysis I – Häufungspunkte", size).y.max() > 180
    plain = title_card("微積分", size)
    assert plain.y.max() < 60
    assert (plain.width, plain.height) == (640, 360)


def test_a_long_title_stays_inside_of_the_card() -> None:
    y = title_card(" ".join(["Thermodynamik"] * 60), Size(320, 180)).y
    assert y[:8].max() < 60
    assert y[-8:].max() < 60
