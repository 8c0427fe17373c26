"""The recorder at a real livekit-server."""

from __future__ import annotations

from pathlib import Path

import pytest

from plugins.recording.recorder.choosing import Place, Policy
from plugins.recording.recorder.finishing import finish
from plugins.recording.recorder.listening import Recording, State
from tests.plugins.recording.recorder.conftest import Room
from tests.plugins.recording.recorder.lectures import RATE, loudness, watch

pytestmark = pytest.mark.livekit


def test_picture_and_sound_of_a_room_come_together_and_who_opted_out_is_absent(
    room: Room, tmp_path: Path
) -> None:
    ada, bob = room.enter("ada", Place.of_host()), room.enter("bob", Place.of_guest(opted_out=True))
    ada.speak(1000, in_beeps=True)
    ada.share()
    bob.speak(3000)
    bob.share("CAMERA")
    room.record()
    room.recorded(6)
    room.tell(Recording.pause)
    length = room.recording.status.seconds
    room.tell(Recording.resume)
    room.recorded(4)
    ended = room.end()
    facts = finish(room.kept.pieces, tmp_path / "lecture.webm")
    watched = watch(tmp_path / "lecture.webm")
    print(ended, facts, watched.flashes, watched.beeps, watched.apart())
    assert loudness(watched.sound, 1000) > 0.02
    assert loudness(watched.sound, 3000) < 0.0005
