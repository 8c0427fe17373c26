"""A real livekit-server of our own, for it needs no database; people who speak and share their screen."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import secrets
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
from livekit import api, rtc

from plugins.recording.recorder.choosing import Place, Policy
from plugins.recording.recorder.finishing import Piece
from plugins.recording.recorder.listening import Ended, Recording, State
from plugins.recording.recorder.take import Plan
from tests.fixtures.livekit import MediaServer, Ports, _loop, until
from tests.fixtures.product import free_ports
from tests.plugins.recording.recorder.lectures import BRIGHT, DARK, LASTS, PLAN, RATE, SIZE, beep, tone

KEY = "recorderkey"


@dataclass
class Kept:
    """Where pieces go: a list, or nowhere for as long as ``fails`` says."""

    pieces: list[Piece] = field(default_factory=list)
    fails: Callable[[], Exception | None] = lambda: None

    def put(self, number: int, body: bytes) -> None:
        if (error := self.fails()) is not None:
            raise error
        self.pieces.append(Piece("a", number, body))


class Person:
    """Somebody in the room, of whom all that is recorded is told by ``place``."""

    def __init__(self, url: str, identity: str, token: str) -> None:
        self.identity, self.url, self.token = identity, url, token
        self._tasks: list[asyncio.Task[None]] = []

    def enter(self) -> Person:
        async def enter() -> None:
            self.room = rtc.Room()
            await self.room.connect(self.url, self.token)

        _loop().run(enter())
        return self

    def speak(self, hz: int, in_beeps: bool = False) -> None:
        """A tone that goes on, or a beep at every full second of this machine's clock."""
        _loop().run(self._speak(hz, in_beeps))

    def share(self, source: str = "SCREENSHARE") -> None:
        """A screen that flashes at every full second of this machine's clock."""
        _loop().run(self._share(getattr(rtc.TrackSource, f"SOURCE_{source}")))

    def leave(self) -> None:
        for task in self._tasks:
            _loop().loop.call_soon_threadsafe(task.cancel)
        with contextlib.suppress(Exception):
            _loop().run(self.room.disconnect(), 10)

    async def _speak(self, hz: int, in_beeps: bool) -> None:
        source = rtc.AudioSource(RATE, 1, queue_size_ms=20)
        track = rtc.LocalAudioTrack.create_audio_track("voice", source)
        options = rtc.TrackPublishOptions(source=rtc.TrackSource.SOURCE_MICROPHONE, dtx=False)
        await self.room.local_participant.publish_track(track, options)
        self._tasks.append(asyncio.create_task(self._sound(source, hz, in_beeps)))

    async def _sound(self, source: Any, hz: int, in_beeps: bool) -> None:
        size = RATE // 100
        whole = tone(hz, 1.0)
        told = round(time.monotonic() * 100)
        while True:
            # What is due by now; capture_frame keeps the pace by itself.
            places = (told * size + np.arange(size)) / RATE
            sound = beep(places, hz) if in_beeps else whole[np.arange(told * size, told * size + size) % RATE]
            await source.capture_frame(rtc.AudioFrame(sound.tobytes(), RATE, 1, size))
            told = max(told + 1, round(time.monotonic() * 100))

    async def _share(self, kind: Any) -> None:
        source = rtc.VideoSource(SIZE.width, SIZE.height, is_screencast=True)
        track = rtc.LocalVideoTrack.create_video_track("screen", source)
        # Without these a small screen has three pictures a second.
        encoding = rtc.VideoEncoding(max_framerate=30, max_bitrate=600_000)
        options = rtc.TrackPublishOptions(source=kind, simulcast=False, video_encoding=encoding)
        await self.room.local_participant.publish_track(track, options)
        self._tasks.append(asyncio.create_task(self._pictures(source)))

    async def _pictures(self, source: Any) -> None:
        frames = [
            rtc.VideoFrame(
                SIZE.width,
                SIZE.height,
                rtc.VideoBufferType.I420,
                b"".join(plane.tobytes() for plane in (one.y, one.u, one.v)),
            )
            for one in (DARK, BRIGHT)
        ]
        loop = asyncio.get_running_loop()
        while True:
            now = loop.time()
            source.capture_frame(frames[now % 1.0 < LASTS])
            # In step with the full second, ten pictures each.
            await asyncio.sleep(0.1 - loop.time() % 0.1 + 0.001)


@dataclass
class Room:
    """A room at LiveKit, with a recorder for it."""

    media: MediaServer
    secret: str
    name: str = field(default_factory=lambda: secrets.token_urlsafe(9))
    people: list[Person] = field(default_factory=list)
    kept: Kept = field(default_factory=Kept)
    places: dict[str, Place] = field(default_factory=dict)
    states: list[State] = field(default_factory=list)

    @property
    def url(self) -> str:
        return self.media.url.replace("http", "ws")

    def open(self) -> Room:
        async def create() -> None:
            async with api.LiveKitAPI(self.media.url, KEY, self.secret) as client:
                await client.room.create_room(api.CreateRoomRequest(name=self.name))

        _loop().run(create())
        return self

    def token(self, identity: str, kind: str = "standard") -> str:
        return (
            api.AccessToken(KEY, self.secret)
            .with_identity(identity)
            .with_kind(kind)
            .with_grants(api.VideoGrants(room_join=True, room=self.name))
            .to_jwt()
        )

    def enter(self, identity: str, place: Place) -> Person:
        self.places[identity] = place
        person = Person(self.url, identity, self.token(identity)).enter()
        self.people.append(person)
        return person

    def record(self, plan: Plan = PLAN) -> Recording:
        async def begin() -> Recording:
            made = Recording(
                plan,
                self.kept,
                Policy(dict(self.places)),
                changed=lambda: self.states.append(made.status.state),
            )
            await made.enter(self.url, self.token("recorder", "agent"))
            made.begin()
            return made

        self.recording = _loop().run(begin())
        return self.recording

    def tell(self, do: Callable[[Recording], None]) -> None:
        async def tell() -> None:
            do(self.recording)

        _loop().run(tell())

    def recorded(self, seconds: float) -> None:
        """Until so many more seconds are recorded."""
        end = self.recording.status.seconds + seconds
        until(lambda: self.recording.status.seconds >= end, 60, f"{seconds} s more are recorded")

    def publications(self) -> list[tuple[str, Any]]:
        """All tracks of the others, as the recorder sees them."""
        people = self.recording._room.remote_participants.values()
        return [one for person in people for one in person.track_publications.items()]

    def tracks_of(self, identity: str) -> set[str]:
        person = next(one for one in self.people if one.identity == identity)
        return set(person.room.local_participant.track_publications)

    def flashes(self, times: int) -> None:
        """Until the recorder has seen so many more flashes: a busy machine shows few of them."""
        seen: list[bool] = []
        workshop = self.recording._workshop
        see = type(workshop).see

        def count(source: str, picture: Any, delay: float) -> None:
            seen.append(bool(picture.y.mean() > 130))
            see(workshop, source, picture, delay)

        workshop.see = count
        until(lambda: sum(is_on and not was for was, is_on in itertools.pairwise(list(seen))) >= times, 90)

    def end(self) -> Ended:
        return _loop().run(self.recording.end())


@pytest.fixture(scope="module")
def media(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[MediaServer, str]]:
    secret = secrets.token_urlsafe(48)
    made = MediaServer(tmp_path_factory.mktemp("livekit"), Ports(*free_ports(5)), KEY, secret)
    made.start()
    yield made, secret
    made.kill()


@pytest.fixture
def room(media: tuple[MediaServer, str]) -> Iterator[Room]:
    server, secret = media
    server.be_up()
    made = Room(server, secret).open()
    yield made
    for person in made.people:
        person.leave()
