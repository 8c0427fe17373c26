"""Whom the agent listens to: nobody's sound is taken but theirs who may be written along.

One microphone is opened for each track that is unmuted; a hundred muted people cost nothing.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from typing import NamedTuple

from livekit import rtc
from livekit.rtc.room import EventTypes

from core.agents import Subscriptions, end_tasks
from plugins.ai_assistant.agent.lines import Source, Speaker
from plugins.ai_assistant.agent.microphone import Desk, Microphone
from plugins.ai_assistant.agent.orders import Orders
from plugins.ai_assistant.agent.speech import Engine, Keys, Trouble, Wanted, engine

PEOPLE = frozenset({rtc.ParticipantKind.PARTICIPANT_KIND_STANDARD, rtc.ParticipantKind.PARTICIPANT_KIND_SIP})
SOURCES: dict[int, Source] = {
    rtc.TrackSource.SOURCE_MICROPHONE: "microphone",
    rtc.TrackSource.SOURCE_SCREENSHARE_AUDIO: "screen",
}
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


class _Voice(NamedTuple):
    """A track of somebody who may be heard."""

    publication: rtc.RemoteTrackPublication
    speaker: Speaker


class Listening:
    """Brings what is open in line with the room and the orders, after every change of either."""

    def __init__(self, room: rtc.Room, keys: Keys, desk: Desk) -> None:
        self._room, self._keys, self._desk = room, keys, desk
        self._orders: Orders | None = None
        self._engine: Engine | None = None
        self._wanted: Wanted | None = None
        self._open: dict[str, Microphone] = {}
        self._listening: dict[asyncio.Task[None], Microphone] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._subscriptions = Subscriptions()
        self._refused: dict[str, float] = {}
        for event in EVENTS:
            room.on(event, self._changed)
        room.on("reconnected", self._reconnected)

    def obey(self, orders: Orders, asked: float) -> None:
        """Do as the web answered to a report that was sent at ``asked``, in monotonic seconds."""
        # What somebody refused since, that answer can't know.
        self._refused = {who: at for who, at in self._refused.items() if at >= asked}
        self._orders = orders
        if orders.wanted != self._wanted:
            self._take_engine(orders.wanted)
        self.sync()

    def refuse(self, identity: str) -> None:
        """This person isn't heard from now on, until the web says otherwise."""
        self._refused[identity] = time.monotonic()
        self.sync()

    def sync(self) -> None:
        """Open what is to be open, close the rest."""
        if self._orders is None:
            return
        voices = {voice.speaker.track: voice for voice in self._voices()}
        wanted = {track: voice.publication for track, voice in voices.items()}
        self._subscriptions.want(wanted, self._publications())
        self._forget_the_unheard()
        for track, microphone in list(self._open.items()):
            if track not in voices or not _is_live(voices[track].publication):
                microphone.mute()
                del self._open[track]
        for track, voice in voices.items():
            if track not in self._open and _is_live(voice.publication):
                self._listen_to(voice)

    async def close(self, seconds: float) -> None:
        """Hear the last words of everybody, for so long at most."""
        self._orders = None
        for microphone in self._open.values():
            microphone.mute()
        self._open.clear()
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=seconds)
        await self.forget()

    async def forget(self) -> None:
        """Stop at once."""
        self._orders = None
        self._open.clear()
        await end_tasks(self._tasks)

    def _forget_the_unheard(self) -> None:
        """Theirs too who have just muted, and whose last words are still being worked on."""
        for microphone in list(self._listening.values()):
            if not self._may_be_heard(microphone.speaker):
                self._open.pop(microphone.speaker.track, None)
                self._keep_running(asyncio.create_task(microphone.forget()))

    def _changed(self, *_about: object) -> None:
        self.sync()

    def _reconnected(self) -> None:
        self._subscriptions.reconnected()
        self.sync()

    def _take_engine(self, wanted: Wanted) -> None:
        for microphone in self._open.values():
            microphone.mute()
        self._open.clear()
        self._wanted, self._engine = wanted, None
        self._desk.change_engine()
        if wanted.provider == "off":
            return
        try:
            self._engine = engine(wanted, self._keys)
            self._engine.warm_up()
        except Trouble as found:
            self._desk.health.failed("engine", found)

    def _listen_to(self, voice: _Voice) -> None:
        track = voice.publication.track
        if self._engine is None or track is None:
            return
        microphone = Microphone(track, voice.speaker, self._engine, self._desk)
        self._open[voice.speaker.track] = microphone
        self._listening[microphone.task] = microphone
        microphone.task.add_done_callback(self._listening.pop)
        self._keep_running(microphone.task)

    def _keep_running(self, task: asyncio.Task[None]) -> None:
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _publications(self) -> Iterator[rtc.RemoteTrackPublication]:
        for person in self._room.remote_participants.values():
            yield from person.track_publications.values()

    def _voices(self) -> Iterator[_Voice]:
        for person in self._room.remote_participants.values():
            if person.kind not in PEOPLE:
                continue
            for publication in person.track_publications.values():
                source = SOURCES.get(publication.source)
                if source is None or publication.kind != rtc.TrackKind.KIND_AUDIO:
                    continue
                speaker = Speaker(person.identity, person.name or "", publication.sid, source)
                if self._may_be_heard(speaker):
                    yield _Voice(publication, speaker)

    def _may_be_heard(self, speaker: Speaker) -> bool:
        orders = self._orders
        if orders is None or not orders.needs_ears or speaker.identity in self._refused:
            return False
        if speaker.source == "screen" and not orders.screen_sound:
            return False
        return orders.hears(speaker.identity)


def _is_live(publication: rtc.RemoteTrackPublication) -> bool:
    return publication.track is not None and not publication.muted
