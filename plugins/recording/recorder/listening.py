"""The recorder in a room of LiveKit: takes what the policy admits, and nothing else.

Everything here runs on one event loop and never waits for an encoder or the network of the web.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, NamedTuple

import numpy as np
from livekit import rtc
from livekit.rtc.room import EventTypes

from core.agents import Subscriptions, end_tasks
from plugins.recording.recorder.choosing import Policy, Seen, Source, Stage
from plugins.recording.recorder.delays import Delay
from plugins.recording.recorder.mixing import RATE
from plugins.recording.recorder.parts import After, Outbox, Pieces, Waiting
from plugins.recording.recorder.picture import Picture
from plugins.recording.recorder.take import Plan
from plugins.recording.recorder.workshop import Workshop

log = logging.getLogger(__name__)

FRAME_MS = 20
# Five seconds of one voice, should this loop be held up.
MOST_FRAMES = 250
# Sound that is still on its way when somebody mutes.
TAIL_SECONDS = 0.3
# A connection that is back by then has lost nothing, or little; that stays in the recording as it was.
GRACE_SECONDS = 3.0
BEAT_SECONDS = 1.0
ENCODE_SECONDS, HAND_ON_SECONDS = 30.0, 120.0
PEOPLE = frozenset({rtc.ParticipantKind.PARTICIPANT_KIND_STANDARD, rtc.ParticipantKind.PARTICIPANT_KIND_SIP})
SOURCES = {
    rtc.TrackSource.SOURCE_MICROPHONE: Source.MICROPHONE,
    rtc.TrackSource.SOURCE_SCREENSHARE_AUDIO: Source.SCREEN_SOUND,
    rtc.TrackSource.SOURCE_CAMERA: Source.CAMERA,
    rtc.TrackSource.SOURCE_SCREENSHARE: Source.SCREEN,
}
DEGREES: dict[Any, int] = {
    rtc.VideoRotation.VIDEO_ROTATION_90: 90,
    rtc.VideoRotation.VIDEO_ROTATION_180: 180,
    rtc.VideoRotation.VIDEO_ROTATION_270: 270,
}
SOUNDS = frozenset({Source.MICROPHONE, Source.SCREEN_SOUND})
EVENTS: tuple[EventTypes, ...] = (
    "participant_connected",
    "participant_disconnected",
    "track_published",
    "track_unpublished",
    "track_subscribed",
    "track_unsubscribed",
    "track_muted",
    "track_unmuted",
)


class State(StrEnum):
    READY = "ready"
    RECORDING = "recording"
    PAUSED = "paused"
    # The connection to LiveKit is gone; it goes on by itself, with a gap, when it is back.
    LOST = "lost"
    OVER = "over"
    # The encoder failed; what was encoded before is kept.
    FAILED = "failed"
    # Whoever takes the pieces doesn't want them any more.
    UNWANTED = "unwanted"


@dataclass(frozen=True)
class Status:
    """How it goes: seconds recorded, and what still waits to be kept."""

    state: State
    seconds: float
    waiting: Waiting


class Turn(NamedTuple):
    """A microphone was open that isn't recorded, in unix seconds: whose it was isn't kept."""

    start: float
    end: float


@dataclass(frozen=True)
class Ended:
    """What came of it. ``waiting.pieces`` above 0: so many weren't kept in time and are lost."""

    seconds: float
    waiting: Waiting
    unheard: tuple[Turn, ...]


class _Track(NamedTuple):
    publication: rtc.RemoteTrackPublication
    identity: str
    source: Source

    @property
    def is_sound(self) -> bool:
        return self.source in SOUNDS

    @property
    def is_on(self) -> bool:
        return not self.publication.muted


class _Stream(NamedTuple):
    task: asyncio.Task[None]
    media: rtc.Track


class Recording:
    """One take of one lecture. ``changed()`` is called, on the loop, whenever ``status`` is another.

    ``pieces`` keeps what is made (called in a thread); ``wall()``: unix seconds now, as the web has them.
    """

    def __init__(
        self,
        plan: Plan,
        pieces: Pieces,
        policy: Policy | None = None,
        *,
        wall: Callable[[], float] = time.time,
        changed: Callable[[], None] = lambda: None,
    ) -> None:
        self._plan, self._policy, self._wall, self._tell = plan, policy or Policy(), wall, changed
        self._loop = asyncio.get_running_loop()
        self._outbox = Outbox(pieces, self._unwanted)
        self._workshop: Workshop | None = None
        self._state = State.READY
        self._is_paused = self._is_away = self._is_ending = False
        self._room: rtc.Room | None = None
        self._own_room: rtc.Room | None = None
        self._streams: dict[str, _Stream] = {}
        self._delays: dict[str, Delay] = {}
        self._closing: dict[str, asyncio.Task[None]] = {}
        self._subscriptions = Subscriptions()
        self._admitted: dict[str, tuple[str, Source]] = {}
        self._stage = Stage()
        self._speaking: list[str] = []
        self._shown: str | None = None
        self._grace: asyncio.TimerHandle | None = None
        self._unheard = _Unheard(wall)
        self._beats = (
            asyncio.create_task(self._look_again(), name="recording"),
            asyncio.create_task(self._measure(), name="delays"),
        )

    @property
    def status(self) -> Status:
        return Status(self._state, self._seconds, self._outbox.state)

    @property
    def unheard(self) -> tuple[Turn, ...]:
        """When somebody may have spoken who isn't recorded: captions say so there.

        LiveKit doesn't tell who speaks to those who don't receive their sound, so an open microphone counts.
        """
        return self._unheard.turns

    # --- the room -----------------------------------------------------------------------

    async def enter(self, url: str, token: str) -> None:
        """Connect, or connect again after the connection was lost; raises what LiveKit's SDK raises."""
        room = rtc.Room()
        self.attach(room)
        await room.connect(url, token, rtc.RoomOptions(auto_subscribe=False))
        self._own_room = room
        self._back()

    def attach(self, room: rtc.Room) -> None:
        """Take a room that somebody else connects, with ``auto_subscribe=False``; the last is over."""
        self._room = room
        self._subscriptions = Subscriptions()
        for event in EVENTS:
            room.on(event, self._of(room, lambda *_about: self.sync()))
        room.on("active_speakers_changed", self._of(room, self._speak))
        room.on("reconnecting", self._of(room, self._lose_soon))
        room.on("reconnected", self._of(room, self._back))
        room.on("disconnected", self._of(room, lambda *_why: self._lose()))
        # Of a connection that is ended at this side only the state tells, now and then.
        room.on("connection_state_changed", self._of(room, self._follow))

    def obey(self, policy: Policy) -> None:
        """Record by this policy from now on; what it doesn't admit any more ends at once."""
        self._policy = policy
        self.sync()

    # --- what hosts do --------------------------------------------------------------------

    def begin(self) -> None:
        """Start. Once only."""
        if self._workshop is not None:
            raise RuntimeError("a take begins once")
        self._workshop = Workshop(self._plan, self._outbox.put, self._failed, self._wall)
        self._change(State.RECORDING)
        self.sync()

    def pause(self) -> None:
        """Nothing is kept until ``resume``, and pictures aren't even received."""
        if self._workshop is not None and not self._is_paused:
            self._is_paused = True
            self._workshop.stop()
            self._settle(After.PAUSE)

    def resume(self) -> None:
        """Record again."""
        if self._is_paused:
            self._is_paused = False
            self._settle(After.PAUSE)

    async def end(self, seconds: float = HAND_ON_SECONDS) -> Ended:
        """Encode the rest and hand it on, for so many seconds at most; leaves the room if it is ours."""
        self._is_ending = True
        self._end_grace()
        self._unheard.hear(False)
        tasks = [*self._beats, *(one.task for one in self._streams.values()), *self._closing.values()]
        await end_tasks(tasks)
        recorded = 0.0
        if self._workshop is not None:
            recorded = await asyncio.to_thread(self._workshop.end, ENCODE_SECONDS)
        waiting = await asyncio.to_thread(self._outbox.close, seconds)
        if self._own_room is not None:
            with contextlib.suppress(Exception):
                await self._own_room.disconnect()
        if self._state not in (State.FAILED, State.UNWANTED):
            self._change(State.OVER)
        return Ended(recorded, waiting, self._unheard.turns)

    # --- in line with the room and the policy -------------------------------------------------

    def sync(self) -> None:
        """Receive what is to be received, and nothing else. Called after every change of anything."""
        tracks = {track.publication.sid: track for track in self._tracks()}
        self._forget_the_refused()
        self._unheard.hear(self._state is State.RECORDING and any(self._not_recorded()))
        self._admitted |= {sid: (track.identity, track.source) for sid, track in tracks.items()}
        shown = self._choose([tracks[sid] for sid in self._admitted if sid in tracks])
        wanted = {sid for sid, track in tracks.items() if track.is_sound or sid == shown}
        if self._workshop is None or self._is_away or self._is_done:
            wanted = set()
        self._subscriptions.want({sid: tracks[sid].publication for sid in wanted}, self._publications())
        for sid, stream in list(self._streams.items()):
            # After a connection was lost the same track has other media.
            is_same = sid in tracks and tracks[sid].publication.track is stream.media
            if sid not in wanted or not tracks[sid].is_on or not is_same or stream.task.done():
                self._close(sid)
        for sid in wanted:
            if sid not in self._streams and tracks[sid].is_on:
                self._open(sid, tracks[sid])

    def _tracks(self) -> Iterator[_Track]:
        """Those that the policy admits."""
        for person in self._people():
            if person.kind not in PEOPLE:
                continue
            for publication in person.track_publications.values():
                source = SOURCES.get(publication.source)
                if source is not None and self._policy.admits(person.identity, source):
                    yield _Track(publication, person.identity, source)

    def _not_recorded(self) -> Iterator[bool]:
        """For each microphone whose sound isn't taken, whether it is open."""
        for person in self._people():
            for publication in person.track_publications.values() if person.kind in PEOPLE else ():
                source = SOURCES.get(publication.source)
                if source is Source.MICROPHONE and not self._policy.admits(person.identity, source):
                    yield not publication.muted

    def _choose(self, tracks: list[_Track]) -> str | None:
        seen = [
            Seen(one.publication.sid, one.identity, one.source)
            for one in tracks
            if not one.is_sound and one.is_on
        ]
        cameras = [one.identity for one in seen if one.source is Source.CAMERA]
        self._stage.speak(self._speaking, cameras, time.monotonic())
        choice = self._stage.choose(seen, self._policy)
        shown = choice.track if choice is not None else None
        if self._workshop is not None and shown != self._shown:
            self._workshop.choose(shown)
            self._shown = shown
        # In a pause nothing is watched; when it ends, the first picture comes fresh and whole.
        return None if self._is_paused or self._is_away else shown

    def _forget_the_refused(self) -> None:
        """Who only left is heard to the end; what the policy doesn't admit any more ends at once."""
        for sid, (identity, source) in list(self._admitted.items()):
            if self._policy.admits(identity, source):
                continue
            del self._admitted[sid]
            if (stream := self._streams.pop(sid, None)) is not None:
                stream.task.cancel()
            if (task := self._closing.pop(sid, None)) is not None:
                task.cancel()
            if self._workshop is not None:
                self._workshop.forget(sid)

    def _people(self) -> Iterator[rtc.RemoteParticipant]:
        yield from self._room.remote_participants.values() if self._room is not None else ()

    def _publications(self) -> Iterator[rtc.RemoteTrackPublication]:
        for person in self._people():
            yield from person.track_publications.values()

    # --- streams ----------------------------------------------------------------------------

    def _open(self, sid: str, track: _Track) -> None:
        media = track.publication.track
        if media is None:
            return
        if (before := self._closing.pop(sid, None)) is not None:
            before.cancel()
        work = self._hear(sid, media) if track.is_sound else self._watch(sid, media)
        task = asyncio.create_task(work, name=f"{track.source} {sid}")
        task.add_done_callback(_tell_why)
        self._streams[sid] = _Stream(task, media)

    def _close(self, sid: str) -> None:
        task = self._streams.pop(sid).task
        self._closing[sid] = task

        def end() -> None:
            task.cancel()
            if self._closing.get(sid) is task:
                del self._closing[sid]

        self._loop.call_later(TAIL_SECONDS, end)

    async def _hear(self, sid: str, track: rtc.Track) -> None:
        stream = rtc.AudioStream(
            track, sample_rate=RATE, num_channels=1, frame_size_ms=FRAME_MS, capacity=MOST_FRAMES
        )
        delay = self._delays[sid] = Delay(track)
        try:
            async for event in stream:
                if self._workshop is not None:
                    self._workshop.hear(sid, np.frombuffer(event.frame.data, np.int16), delay.seconds)
        finally:
            await stream.aclose()

    async def _watch(self, sid: str, track: rtc.Track) -> None:
        # Only the newest counts: should we be held up, the ones before it are past.
        stream = rtc.VideoStream(track, format=rtc.VideoBufferType.I420, capacity=1)
        delay = self._delays[sid] = Delay(track)
        try:
            async for event in stream:
                frame = event.frame
                picture = Picture.from_i420(frame.data, frame.width, frame.height)
                if self._workshop is not None:
                    turned = picture.turned(DEGREES.get(event.rotation, 0))
                    self._workshop.see(sid, turned, delay.seconds)
        finally:
            await stream.aclose()

    def _of(self, room: rtc.Room, do: Callable[..., None]) -> Callable[..., None]:
        """What a room tells counts as long as it is ours, and we are in it."""

        def told(*about: object) -> None:
            if room is self._room and not self._is_ending:
                do(*about)

        return told

    # --- what happens -----------------------------------------------------------------------

    async def _look_again(self) -> None:
        """A speaker keeps the picture for a while, and no event says when that is over."""
        while True:
            await asyncio.sleep(BEAT_SECONDS)
            self.sync()

    async def _measure(self) -> None:
        while True:
            await asyncio.sleep(BEAT_SECONDS)
            self._delays = {sid: delay for sid, delay in self._delays.items() if sid in self._streams}
            await asyncio.gather(*(delay.measure() for delay in self._delays.values()))

    def _speak(self, speakers: list[rtc.Participant]) -> None:
        self._speaking = [one.identity for one in speakers]
        self.sync()

    def _follow(self, state: int) -> None:
        if state == rtc.ConnectionState.CONN_DISCONNECTED:
            self._lose()

    def _lose_soon(self) -> None:
        if self._grace is None:
            self._grace = self._loop.call_later(GRACE_SECONDS, self._lose)

    def _lose(self) -> None:
        self._end_grace()
        if self._workshop is not None and not self._is_away:
            self._is_away = True
            self._workshop.stop()
            self._settle(After.GAP)

    def _back(self) -> None:
        self._end_grace()
        self._subscriptions.reconnected()
        if self._is_away:
            self._is_away = False
            self._settle(After.GAP)
        self.sync()

    def _end_grace(self) -> None:
        if self._grace is not None:
            self._grace.cancel()
            self._grace = None

    def _settle(self, after: After) -> None:
        """Recording, paused or lost: whatever came last, both must be over before it goes on."""
        if self._workshop is None or self._is_done:
            return
        if self._is_paused or self._is_away:
            self._change(State.PAUSED if self._is_paused else State.LOST)
        else:
            self._workshop.go_on(after)
            self._change(State.RECORDING)
        self.sync()

    def _failed(self, _error: Exception) -> None:
        self._loop.call_soon_threadsafe(self._fail, State.FAILED)

    def _unwanted(self) -> None:
        self._loop.call_soon_threadsafe(self._fail, State.UNWANTED)

    def _fail(self, state: State) -> None:
        if not self._is_done:
            self._change(state)
            self.sync()

    def _change(self, state: State) -> None:
        if state is not self._state:
            self._state = state
            self._tell()

    @property
    def _is_done(self) -> bool:
        return self._state in (State.OVER, State.FAILED, State.UNWANTED)

    @property
    def _seconds(self) -> float:
        return self._workshop.seconds if self._workshop is not None else 0.0


def _tell_why(task: asyncio.Task[None]) -> None:
    if not task.cancelled() and task.exception() is not None:
        log.error("a track ended before its time", exc_info=task.exception())


class _Unheard:
    """Collects the turns of those who aren't recorded, all of them as one."""

    # Nobody reads more captions that say "not recorded".
    MOST = 10_000

    def __init__(self, wall: Callable[[], float]) -> None:
        self._wall = wall
        self._since: float | None = None
        self._turns: list[Turn] = []

    @property
    def turns(self) -> tuple[Turn, ...]:
        return tuple(self._turns)

    def hear(self, is_open: bool) -> None:
        if is_open and self._since is None:
            self._since = self._wall()
        elif not is_open and self._since is not None:
            if len(self._turns) < self.MOST:
                self._turns.append(Turn(self._since, self._wall()))
            self._since = None
