"""The recorder at a real livekit-server."""

from __future__ import annotations

from pathlib import Path

import pytest

from plugins.recording.recorder.choosing import Place, Policy
from plugins.recording.recorder.delays import LONGEST, STEP, Delay
from plugins.recording.recorder.finishing import finish
from plugins.recording.recorder.listening import Recording, State
from tests.fixtures.livekit import _loop, until
from tests.plugins.recording.recorder.conftest import Room
from tests.plugins.recording.recorder.lectures import RATE, loudness, watch

pytestmark = pytest.mark.livekit


def test_a_lecture_with_a_pause_a_lost_connection_and_people_who_are_not_recorded(
    room: Room, tmp_path: Path
) -> None:
    ada, bob = room.enter("ada", Place.of_host()), room.enter("bob", Place.of_guest(opted_out=True))
    eve = room.enter("eve", Place.of_guest())
    ada.speak(1000, in_beeps=True)
    ada.share()
    bob.speak(3000)
    bob.share("CAMERA")
    eve.speak(5000)
    room.record()
    room.flashes(3)

    # Eve opts out while she speaks, which nobody who isn't the recorder notices.
    without_eve = Policy({**room.places, "eve": Place.of_guest(opted_out=True)})
    room.tell(lambda recording: recording.obey(without_eve))
    # The workshop works by steps: what was told is done when the recording has got on.
    room.recorded(0.2)
    opted_out = room.recording.status.seconds
    room.recorded(1)

    room.tell(Recording.pause)
    paused = room.recording.status
    assert paused.state is State.PAUSED
    taken = {sid for sid, one in room.publications() if one.subscribed}
    assert not taken & room.tracks_of("bob"), "nothing of who opted out is even received"
    room.tell(Recording.resume)

    room.recorded(0.5)
    _loop().run(room.recording._own_room.disconnect())
    until(lambda: room.recording.status.state is State.LOST, what="the connection is lost")
    _loop().run(room.recording.enter(room.url, room.token("recorder", "agent")))
    room.flashes(3)
    room.recorded(0.5)
    ended = room.end()

    facts = finish(room.kept.pieces, tmp_path / "lecture.webm")
    watched = watch(tmp_path / "lecture.webm")
    assert room.states == [
        State.RECORDING,
        State.PAUSED,
        State.RECORDING,
        State.LOST,
        State.RECORDING,
        State.OVER,
    ]
    assert facts.duration == pytest.approx(ended.seconds, abs=0.3)
    assert len(facts.spans) == 3
    assert ended.waiting.pieces == ended.waiting.lost == 0
    assert ended.unheard, "bob's microphone was open"
    last = facts.spans[-1].start
    # How exact it is is measured in a clock of its own (test_take). A machine that is busy draws, plays and
    # delivers late; what the recorder itself does wrong would be in all of them.
    for apart in (watched.apart(0, paused.seconds), watched.apart(last)):
        assert min(abs(one) for one in apart) <= 0.15, (watched.flashes, watched.beeps)
    eves = round(opted_out * RATE)
    assert loudness(watched.sound, 1000) > 0.02
    assert loudness(watched.sound[:eves], 5000) > 0.02
    assert loudness(watched.sound, 3000) < 0.003, "bob is absent"
    assert loudness(watched.sound[eves + RATE // 20 :], 5000) < 0.003, "eve is absent from then on"


def test_pieces_that_nobody_wants_end_the_recording(room: Room) -> None:
    from plugins.recording.recorder.parts import Unwanted

    room.kept.fails = lambda: Unwanted("the lecture is gone")
    room.record()
    room.recorded(0.5)
    room.tell(Recording.pause)
    until(lambda: room.recording.status.state is State.UNWANTED, what="the recorder knows it")
    assert room.end().seconds > 0.4


def test_a_buffers_delay_is_known_at_once_and_followed_slowly() -> None:
    delay = Delay(None)  # type: ignore[arg-type]
    delay.take(0.0, 0)
    assert delay.seconds == 0
    delay.take(480.0, 9600)
    assert delay.seconds == pytest.approx(0.05)
    delay.take(480.0 + 9600 * 0.07, 19200)
    assert delay.seconds == pytest.approx(0.05 + STEP)
    delay.take(480.0 + 9600 * 0.07 + 9600 * 0.2, 28800)
    assert delay.seconds == pytest.approx(0.2), "too far apart to be followed slowly"
    delay.take(0.0, 100)
    assert delay.seconds == pytest.approx(0.2), "another stream of the same track began"
    late = Delay(None)  # type: ignore[arg-type]
    late.take(1e6, 10)
    assert late.seconds == LONGEST
