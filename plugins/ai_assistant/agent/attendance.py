"""The agent in one lecture: it hears by order, hands over, and shows captions."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import json
import logging
from collections.abc import Callable, Coroutine
from typing import Any

from livekit import rtc

from core.agents import Clock, Errand
from plugins.ai_assistant.agent.captions import Captions
from plugins.ai_assistant.agent.handover import Handover, Status
from plugins.ai_assistant.agent.health import Health
from plugins.ai_assistant.agent.lines import Line
from plugins.ai_assistant.agent.listening import Listening
from plugins.ai_assistant.agent.orders import Orders
from plugins.ai_assistant.agent.speech import Keys

log = logging.getLogger(__name__)

NEWS = "ai_assistant"
FIRST_ORDERS_SECONDS = 60.0
LAST_WORDS_SECONDS = 10.0
# While the web is down at the end of a lecture; what was shown must get there.
LAST_REPORT_SECONDS = 120.0


class Attendance:
    """``leave`` is called once when nobody wants us here any more."""

    def __init__(self, room: rtc.Room, errand: Errand, keys: Keys, leave: Callable[[], None]) -> None:
        self.clock = Clock()
        self._room, self._leave = room, leave
        self._handover = Handover(errand, self.clock, self._status, self._obey, self._unwanted)
        self.health = Health(self._handover.soon)
        self._captions = Captions(room)
        self._listening = Listening(room, keys, self)
        self._orders: Orders | None = None
        self._has_orders = asyncio.Event()
        self._is_in = self._is_unwanted = False
        self._tasks: set[asyncio.Task[None]] = set()
        room.on("data_received", self._read_news)

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
        self._handover.soon()
        if self._orders is not None:
            self._do(self._orders, 0.0)

    async def close(self) -> None:
        """Hear and hand over what is left."""
        if self._is_unwanted:
            await self._listening.forget()
        else:
            await self._listening.close(LAST_WORDS_SECONDS)
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._handover.close(LAST_REPORT_SECONDS)

    # --- the desk where lines arrive --------------------------------------------------

    def change_engine(self) -> None:
        self.health = Health(self._handover.soon)
        self._handover.soon()

    def count(self, seconds: float) -> None:
        self._handover.seconds += seconds

    async def guess(self, line: Line) -> None:
        await self._captions.show(self._with_language(line))

    async def finish(self, line: Line) -> None:
        line = self._with_language(line)
        await self._handover.hand_over(line)
        await self._captions.show(line)

    async def take_back(self, line_id: str) -> None:
        await self._captions.take_back(line_id)

    def _with_language(self, line: Line) -> Line:
        if line.language or self._orders is None or self._orders.wanted.language == "auto":
            return line
        return dataclasses.replace(line, language=self._orders.wanted.language)

    # --- what the web wants -----------------------------------------------------------

    def _status(self) -> Status:
        if not self._is_in:
            return Status("starting")
        trouble = self.health.trouble
        return Status("paused", trouble.code, trouble.detail) if trouble else Status("listening")

    def _obey(self, orders: Orders, asked: float) -> None:
        if orders.wait and not orders.leave:
            return
        self._orders = orders
        if orders.leave:
            self._unwanted()
        elif self._is_in:
            self._do(orders, asked)
        self._has_orders.set()

    def _do(self, orders: Orders, asked: float) -> None:
        self._captions.started_at = orders.started_at
        if orders.captions != self._captions.are_on:
            self._run(self._captions.switch(orders.captions))
        self._listening.obey(orders, asked)

    def _unwanted(self) -> None:
        if not self._is_unwanted:
            self._is_unwanted = True
            self._has_orders.set()
            self._leave()

    def _read_news(self, packet: rtc.DataPacket) -> None:
        # What the server itself sends has no sender; people could send anything.
        if packet.topic != NEWS or packet.participant is not None:
            return
        for identity in _refusing(packet.data):
            self._listening.refuse(identity)
        self._handover.soon()

    def _run(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def _refusing(packet: bytes) -> list[str]:
    """Who is not to be heard from now on, as a packet of the web says."""
    try:
        heard = json.loads(packet).get("heard") or {}
        return [str(identity) for identity, may_be in heard.items() if may_be is False]
    except (ValueError, AttributeError):
        log.warning("a packet of the web can't be read")
        return []
