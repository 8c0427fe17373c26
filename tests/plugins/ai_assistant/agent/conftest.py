"""A lecture at a real livekit-server, the real worker, people who speak, and a stand-in for our web."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
import pytest

from core.agents import READY
from tests.fixtures.livekit import ROOT, Attendee, MediaServer, _loop, until
from tests.plugins.ai_assistant.agent import voices
from tests.plugins.ai_assistant.agent.web import KEY, Web

RATE = voices.RATE
NAME = "audimax-captions"


class Person(Attendee):
    """Somebody who says what they are told to, and reads captions."""

    def __init__(self, url: str, token: str, identity: str) -> None:
        super().__init__(url, token)
        self.identity = identity
        self.captions: list[tuple[float, dict[str, Any]]] = []
        self.streams: list[tuple[str, dict[str, str], str]] = []
        self._turn = asyncio.Lock()
        self._reading: set[asyncio.Task[None]] = set()
        self.room.on("data_received", self._read_caption)
        self.room.register_text_stream_handler("lk.transcription", self._open_stream)

    def open_microphone(self, source: str = "MICROPHONE", muted: bool = False) -> None:
        self.track_sid = _loop().run(self._open_microphone(source, muted))

    def say(self, sound: voices.Sound, wait: bool = True) -> float:
        """Speak; gives the moment when the last sound was sent, or returns at once."""
        made = asyncio.run_coroutine_threadsafe(self._say(sound), _loop().loop)
        return made.result(len(sound) / RATE + 30) if wait else 0.0

    def mute(self, muted: bool = True) -> None:
        async def switch() -> None:
            self.track.mute() if muted else self.track.unmute()

        _loop().run(switch())

    def finals(self, identity: str = "") -> list[dict[str, Any]]:
        said = [said for _at, said in list(self.captions)]
        return [one for one in said if one["final"] and identity in ("", one["identity"])]

    def text(self, identity: str = "") -> str:
        return " ".join(one["text"] for one in self.finals(identity))

    async def _open_microphone(self, source: str, muted: bool) -> str:
        self.audio = self.rtc.AudioSource(RATE, 1, queue_size_ms=200)
        self.track = self.rtc.LocalAudioTrack.create_audio_track("voice", self.audio)
        if muted:
            self.track.mute()
        options = self.rtc.TrackPublishOptions(source=getattr(self.rtc.TrackSource, f"SOURCE_{source}"))
        made = await self.room.local_participant.publish_track(self.track, options)
        return str(made.sid)

    async def _say(self, sound: voices.Sound) -> float:
        async with self._turn:
            for frame in voices.frames(sound, RATE // 100):
                await self.audio.capture_frame(frame)
            await self.audio.wait_for_playout()
            return time.monotonic()

    def _read_caption(self, packet: Any) -> None:
        if packet.topic == "transcription":
            assert packet.participant.kind == self.rtc.ParticipantKind.PARTICIPANT_KIND_AGENT
            assert len(packet.data) <= 14_000
            self.captions.append((time.monotonic(), json.loads(packet.data)))

    def _open_stream(self, reader: Any, identity: str) -> None:
        task = _loop().loop.create_task(self._read_stream(reader, identity))
        self._reading.add(task)

    async def _read_stream(self, reader: Any, identity: str) -> None:
        with contextlib.suppress(Exception):
            self.streams.append((identity, dict(reader.info.attributes), await reader.read_all()))


@dataclass
class Worker:
    """The agent's program, and what it wrote."""

    environment: dict[str, str]
    log: Path
    process: subprocess.Popen[bytes] | None = None

    def start(self) -> Worker:
        with self.log.open("ab") as log:
            argv = [sys.executable, "-m", "plugins.ai_assistant.agent"]
            self.process = subprocess.Popen(
                argv, cwd=ROOT, env=self.environment, stdout=log, stderr=log, start_new_session=True
            )
        return self

    def ready(self) -> Worker:
        """Until it waits for lectures: LiveKit asks nobody twice."""
        until(lambda: READY in self.words, what="the worker is known at LiveKit")
        return self

    @property
    def words(self) -> str:
        return self.log.read_text("utf-8", "replace")

    @property
    def family(self) -> list[psutil.Process]:
        assert self.process is not None
        try:
            top = psutil.Process(self.process.pid)
            return [top, *top.children(recursive=True)]
        except psutil.NoSuchProcess:
            return []

    def ask_to_stop(self) -> None:
        assert self.process is not None
        self.process.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """As the system's out-of-memory killer does it: the processes of lectures are left alone."""
        assert self.process is not None
        self.process.kill()
        self.process.wait()

    def end(self) -> None:
        family = self.family
        if self.process is not None and self.process.poll() is None:
            self.kill()
        for one in family:
            try:
                one.kill()
            except psutil.NoSuchProcess:
                continue


@dataclass
class Talk:
    """A lecture with its room at LiveKit."""

    media: MediaServer
    key: str
    secret: str
    web: Web
    id: str = field(default_factory=lambda: secrets.token_urlsafe(9))
    people: list[Person] = field(default_factory=list)

    @property
    def agent(self) -> str:
        return f"captions-{self.id}"

    def open(self) -> Talk:
        self._ask(lambda api, lk: api.room.create_room(lk.CreateRoomRequest(name=self.id)))
        return self

    def close(self) -> None:
        for person in self.people:
            person.leave()
        with contextlib.suppress(Exception):
            self._ask(lambda api, lk: api.room.delete_room(lk.DeleteRoomRequest(room=self.id)))

    def dispatch(self, **changed: str) -> None:
        errand = json.dumps({"lecture": self.id, "backend": self.web.url, "key": KEY, **changed})

        def make(api: Any, lk: Any) -> Any:
            asked = lk.CreateAgentDispatchRequest(agent_name=NAME, room=self.id, metadata=errand)
            return api.agent_dispatch.create_dispatch(asked)

        self._ask(make)

    def tell(self, said: dict[str, Any], topic: str = "ai_assistant") -> None:
        """A packet of the server's own."""

        def make(api: Any, lk: Any) -> Any:
            asked = lk.SendDataRequest(room=self.id, data=json.dumps(said).encode(), kind=0, topic=topic)
            return api.room.send_data(asked)

        self._ask(make)

    def order(self, **changed: Any) -> None:
        """Other orders, that the agent has when this returns."""
        self.web.change(**changed)
        before = len(self.web.reports)
        self.tell({"at": 1})
        # The one that was under way may still have brought the old ones.
        until(lambda: len(self.web.reports) > before, what="a report")
        self.tell({"at": 2})
        until(lambda: len(self.web.reports) > before + 1, what="a report after it")

    def participants(self) -> list[Any]:
        asked = lambda api, lk: api.room.list_participants(lk.ListParticipantsRequest(room=self.id))  # noqa: E731
        return list(self._ask(asked).participants)

    def enter(self, name: str, kind: str = "standard") -> Person:
        from livekit import api

        identity = f"{name.lower()}-{secrets.token_hex(3)}"
        token = (
            api.AccessToken(self.key, self.secret)
            .with_identity(identity)
            .with_name(name)
            .with_kind(kind)
            .with_grants(api.VideoGrants(room_join=True, room=self.id, can_publish_data=True))
            .to_jwt()
        )
        person = Person(self.media.url.replace("http", "ws"), token, identity)
        self.people.append(person)
        person.connect()
        return person

    def with_agent(self, seconds: float = 20) -> Talk:
        """Until the agent is in and listens."""
        self.dispatch()
        until(lambda: ("listening", "") in self.web.states, seconds, "the agent listens")
        return self

    def _ask(self, make: Callable[[Any, Any], Any]) -> Any:
        from livekit import api

        async def ask() -> Any:
            async with api.LiveKitAPI(self.media.url, self.key, self.secret) as client:
                return await make(client, api)

        return _loop().run(ask())


@pytest.fixture(scope="module")
def environment(_media_server: MediaServer, base_settings: dict[str, Any]) -> dict[str, str]:
    """What the worker needs to know, and no more."""
    kept = {
        name: value for name, value in os.environ.items() if not name.startswith(("AUDIMAX_", "LIVEKIT_"))
    }
    return {
        **kept,
        "AUDIMAX_LIVEKIT_API_URL": _media_server.url,
        "AUDIMAX_LIVEKIT_KEY": base_settings["livekit_key"],
        "AUDIMAX_LIVEKIT_SECRET": base_settings["livekit_secret"],
        "AUDIMAX_PLUGINS__AI_ASSISTANT__DEEPGRAM_KEY": "deepgram-key-0123456789",
        "AUDIMAX_PLUGINS__AI_ASSISTANT__LECTURES_PER_WORKER": "50",
        "AUDIMAX_PLUGINS__AI_ASSISTANT__SPEECH_KEY": "sk-speech-0123456789abcdef",
    }


@pytest.fixture(scope="module")
def worker(environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Worker]:
    """One worker for the tests of a file."""
    made = Worker(environment, tmp_path_factory.mktemp("worker") / "log").start().ready()
    yield made
    made.end()


@pytest.fixture
def make_worker(environment: dict[str, str], tmp_path: Path) -> Iterator[Callable[..., Worker]]:
    """``make_worker(AUDIMAX_…="…")``: one of the test's own."""
    made: list[Worker] = []

    def make(**changed: str) -> Worker:
        made.append(Worker({**environment, **changed}, tmp_path / f"log{len(made)}"))
        return made[-1]

    yield make
    for one in made:
        one.end()


@pytest.fixture
def web() -> Iterator[Web]:
    made = Web()
    yield made
    made.served.down()


@pytest.fixture
def talk(_media_server: MediaServer, base_settings: dict[str, Any], web: Web) -> Iterator[Talk]:
    """A lecture that is on, without anybody."""
    _media_server.be_up()
    made = Talk(_media_server, base_settings["livekit_key"], base_settings["livekit_secret"], web).open()
    yield made
    made.close()
