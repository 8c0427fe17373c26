"""Sound on one clock: whatever the network does, a voice is where it belongs."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from plugins.recording.recorder.mixing import FRAME, LOUDEST, PATIENCE, RATE, Mixer, Sound
from tests.plugins.recording.recorder.lectures import Speaker, _onsets, loudness, tone

QUICK = settings(max_examples=8, deadline=None, database=None, derandomize=True)


def mixed(seconds: float, *speakers: Speaker, mixer: Mixer | None = None) -> Sound:
    """What comes out when frames come as they do, and 20 ms are taken at every step."""
    mixer = mixer or Mixer()
    coming: list[tuple[float, str, Sound]] = []
    out: list[Sound] = []
    for step in range(1, round(seconds * 50) + 1):
        now = step / 50
        for speaker in speakers:
            coming += [(at, speaker.name, sound) for at, sound in speaker.frames(now)]
        coming.sort(key=lambda one: one[0])
        while coming and coming[0][0] <= now:
            at, name, sound = coming.pop(0)
            mixer.push(name, sound, at)
        out += [one.samples for one in mixer.until(now - PATIENCE)]
    return np.concatenate(out)


def errors(sound: Sound, late: float = 0.0) -> list[float]:
    """How far each beep is from the full second at which it was made, in seconds."""
    return [abs(one - late - round(one - late)) for one in _onsets(sound)]


@QUICK
@given(
    fast=st.floats(-0.001, 0.001),
    jitter=st.floats(0, 0.12),
    seed=st.integers(0, 2**32 - 1),
)
def test_a_voice_stays_in_time_whatever_its_clock_and_the_network_do(
    fast: float, jitter: float, seed: int
) -> None:
    chance = np.random.default_rng(seed)
    speaker = Speaker(fast=fast, late=lambda _now: float(chance.uniform(0, jitter)))
    found = errors(mixed(9, speaker))
    assert len(found) >= 8
    assert max(found[2:]) <= 0.045


@QUICK
@given(lost=st.lists(st.tuples(st.floats(1, 7), st.floats(0.02, 1.5)), max_size=3))
def test_lost_sound_is_silence_and_what_follows_is_in_time(lost: list[tuple[float, float]]) -> None:
    speaker = Speaker(is_lost=lambda now: any(begin <= now < begin + length for begin, length in lost))
    sound = mixed(10, speaker)
    after = max((begin + length for begin, length in lost), default=0.0)
    late = [one for one in _onsets(sound) if one > after + 1]
    assert all(abs(one - round(one)) <= 0.045 for one in late)


@QUICK
@given(
    peaks=st.lists(st.integers(0, 32767), min_size=1, max_size=12),
    starts=st.lists(st.floats(0.0, 0.5), min_size=12, max_size=12),
)
def test_many_voices_at_once_never_overflow_and_no_sample_is_left_out(
    peaks: list[int], starts: list[float]
) -> None:
    mixer = Mixer()
    for number, (peak, start) in enumerate(zip(peaks, starts, strict=False)):
        mixer.push(f"v{number}", np.full(FRAME, peak, np.int16), start + FRAME / RATE)
    out = list(mixer.until(1.0))
    assert [one.start for one in out] == list(range(0, RATE, FRAME))
    whole = np.concatenate([one.samples for one in out])
    assert whole.min() >= 0
    assert whole.max() <= max(LOUDEST, *peaks)


def test_silence_after_somebody_was_too_loud_breaks_nothing() -> None:
    mixer = Mixer()
    for voice in ("ada", "bob"):
        mixer.push(voice, np.full(FRAME, 32_000, np.int16), FRAME / RATE)
        # Of a muted browser nothing but zeros comes.
        mixer.push(voice, np.zeros(RATE // 2, np.int16), 0.5 + FRAME / RATE)
    whole = np.concatenate([one.samples for one in mixer.until(0.5)])
    assert whole[:FRAME].max() > 30_000 and not whole[FRAME:].any()


def test_a_single_voice_is_not_changed() -> None:
    mixer, said = Mixer(), tone(440, 0.4)
    for place in range(0, len(said), FRAME):
        mixer.push("a", said[place : place + FRAME], (place + FRAME) / RATE)
    assert np.array_equal(np.concatenate([one.samples for one in mixer.until(0.4)]), said)


def test_two_voices_are_both_heard() -> None:
    sound = mixed(4, Speaker("ada"), Speaker("bob", hz=3000))
    assert loudness(sound, 1000) > 0.05
    assert loudness(sound, 3000) > 0.05


def test_a_burst_after_a_stall_is_moved_to_where_it_was_said() -> None:
    # Nothing comes for 150 ms in every second, then all of it at once.
    speaker = Speaker(late=lambda now: max(0.0, 0.15 - now % 1.0))
    assert max(errors(mixed(8, speaker))[1:]) <= 0.03


def test_somebody_forgotten_is_not_heard_even_if_their_sound_has_come() -> None:
    mixer = Mixer()
    mixer.push("a", tone(440, 0.1), 0.1)
    mixer.forget("a")
    assert not any(one.samples.any() for one in mixer.until(0.2))


def test_voices_that_are_gone_are_not_kept() -> None:
    mixer = Mixer()
    for number in range(50):
        mixer.push(f"v{number}", tone(440, 0.02), 0.02)
    list(mixer.until(12))
    assert not mixer._lanes
