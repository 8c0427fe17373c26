"""The recorder in one lecture: records by order, reports, and hands pieces over."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
from collections.abc import Callable

from livekit import rtc

from core.agents import Clock, Errand
from plugins.recording.recorder.card import title_card
from plugins.recording.recorder.choosing import Policy
from plugins.recording.recorder.encoding import Quality
from plugins.recording.recorder.listening import Recording, State
from plugins.recording.recorder.picture import Size
from plugins.recording.recorder.take import Plan
from plugins.recording.worker.handover import Handover, Said
from plugins.recording.worker.orders import Orders

log = logging.getLogger(__name__)

NEWS = "recording"
FIRST_ORDERS_SECONDS = 60.0
# While the web or the storage is down at the end; what was recorded must get there.
HAND_ON_SECONDS = 120.0


class Attendance:
    """``leave`` is called once when nobody wants us here any more."""

    def __init__(self, room: rtc.Room, errand: Errand, leave: Callable[[], None]) -> None:
        self.clock = Clock()
        self._room, self._leave = room, leave
        self._handover = Handover(errand, self.clock, self._say, self._obey, self._unwanted)
        self._recording: Recording | None = None
        self._policy = Policy()
        self._orders: Orders | None = None
        self._has_orders = asyncio.Event()
        self._is_in = self._is_unwanted = self._has_begun = False
        self._start: asyncio.TimerHandle | None = None
        room.on("data_received", self._read_news)
        for event in ("participant_connected", "track_published"):
            # Whoever has just come is in no orders yet, and so in no recording.
            room.on(event, lambda *_about: self._handover.soon())

    async def begin(self) -> bool:
        """Report for duty; whether we are wanted. Whoever isn't must not throw out the one who is."""
        self._handover.start()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(FIRST_ORDERS_SECONDS):
                await self._has_orders.wait()
        return self._orders is not None and not self._is_unwanted

    def enter(self) -> None:
        """We are in the room."""
        self._is_in = True
        if self._orders is not None:
            self._do(self._orders)
        self._handover.soon()

    async def close(self) -> None:
        """Hand over what is left, and say that it is over."""
        self._end_start()
        if self._recording is not None:
            await self._recording.end(HAND_ON_SECONDS)
        await self._handover.say_the_end(self._said("over"))

    # --- what the web wants -----------------------------------------------------------

    def _obey(self, orders: Orders) -> None:
        if orders.wait and not orders.leave:
            return
        if orders.places is not None:
            self._policy = orders.places
        self._orders = orders
        if orders.leave:
            self._unwanted()
        elif self._is_in:
            self._do(orders)
        self._has_orders.set()

    def _do(self, orders: Orders) -> None:
        if self._recording is None:
            self._recording = self._new(orders)
        self._recording.obey(self._policy)
        if not self._has_begun:
            self._begin_at(orders.begins_at)
        elif orders.is_paused:
            self._recording.pause()
        else:
            self._recording.resume()

    def _new(self, orders: Orders) -> Recording:
        size = Size(orders.width, orders.height)
        plan = Plan(Quality(size), title_card(orders.title, size))
        made = Recording(
            plan, self._handover.pieces, self._policy, wall=self.clock.now, changed=self._handover.soon
        )
        made.attach(self._room)
        return made

    def _begin_at(self, moment: float) -> None:
        """When the notice is over; it may be moved."""
        self._end_start()
        loop = asyncio.get_running_loop()
        self._start = loop.call_later(max(0.0, moment - self.clock.now()), self._begin)

    def _begin(self) -> None:
        self._start = None
        if self._recording is None or self._orders is None or self._is_unwanted:
            return
        self._has_begun = True
        self._recording.begin()
        if self._orders.is_paused:
            self._recording.pause()

    def _end_start(self) -> None:
        if self._start is not None:
            self._start.cancel()
            self._start = None

    def _unwanted(self) -> None:
        if not self._is_unwanted:
            self._is_unwanted = True
            # Nothing more is taken from here on; what there is goes on its way.
            if self._recording is not None and self._has_begun:
                self._recording.pause()
            self._has_orders.set()
            self._leave()

    def _read_news(self, packet: rtc.DataPacket) -> None:
        # What the server itself sends has no sender; people could send anything.
        if packet.topic != NEWS or packet.participant is not None:
            return
        if _stops(packet.data) and self._recording is not None and self._has_begun:
            self._recording.pause()
        self._handover.soon()

    # --- what is reported ---------------------------------------------------------------

    def _say(self) -> Said:
        recording = self._recording
        if recording is None or not self._has_begun:
            return self._said("starting")
        state = recording.status.state
        if state in (State.FAILED, State.UNWANTED):
            self._unwanted()
            return self._said("failed")
        return self._said("paused" if state is State.PAUSED else "recording")

    def _said(self, state: str) -> Said:
        recording = self._recording
        if recording is None:
            return Said(state)  # type: ignore[arg-type]  # one of State's words
        turns = [(turn.start, turn.end) for turn in recording.unheard]
        seconds = recording.status.seconds if self._has_begun else 0.0
        return Said(state, self._trouble(recording), seconds, turns)  # type: ignore[arg-type]

    def _trouble(self, recording: Recording) -> str:
        status = recording.status
        if status.state is State.FAILED:
            return "encoder"
        if status.state is State.LOST:
            return "connection"
        if status.waiting.lost:
            return "lost"
        return "storage" if status.waiting.trouble else ""


def _stops(packet: bytes) -> bool:
    """Whether a packet of the web says that nothing is to be kept from now on."""
    try:
        return json.loads(packet).get("wish") in ("paused", "off")
    except (ValueError, AttributeError):
        log.warning("a packet of the web can't be read")
        return False
