"""Reports to the web: how it goes, and every line, which is there before anybody sees it."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from core.agents import Clock, Errand, Refused, Reports
from plugins.ai_assistant.agent import orders as the_orders
from plugins.ai_assistant.agent.lines import Line
from plugins.ai_assistant.agent.orders import Orders

log = logging.getLogger(__name__)

# Lines are shown at the latest after so long, handed over or not.
PATIENCE = 0.4
MOST_AT_ONCE = 50
# With nothing left to hand over it isn't worth more.
FAREWELL_SECONDS = 5.0
MOST_WAITING = 10_000

State = Literal["starting", "listening", "paused", "over"]


@dataclass(frozen=True)
class Status:
    state: State
    code: str = ""
    detail: str = ""


class Handover(Reports):
    """Goes on reporting until it is closed; ``obey`` is told every answer and when it was asked for."""

    def __init__(
        self,
        errand: Errand,
        clock: Clock,
        status: Callable[[], Status],
        obey: Callable[[Orders, float], None],
        unwanted: Callable[[], None],
    ) -> None:
        super().__init__(errand, "ai_assistant", clock, unwanted)
        self.seconds = 0.0
        self._status, self._obey = status, obey
        self._waiting: deque[tuple[Line, asyncio.Future[None]]] = deque(maxlen=MOST_WAITING)
        self._keeps = True
        self._keeps_since = 0.0
        self._at_once = MOST_AT_ONCE

    async def hand_over(self, line: Line) -> None:
        """Returns when the web has the line, or has been too slow; then it is sent again until it has."""
        if not self._keeps or line.started_at < self._keeps_since:
            return
        answered: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((line, answered))
        self.soon()
        await asyncio.wait({answered}, timeout=PATIENCE)

    async def close(self, seconds: float) -> None:
        """Say that it is over, and hand over what is left: for that it tries for so many seconds."""
        await super().close(seconds if self._waiting else min(seconds, FAREWELL_SECONDS))
        if self._waiting:
            log.warning("%d lines were not handed over", len(self._waiting))

    async def report(self) -> None:
        await self._report(self._status())

    async def report_the_end(self) -> bool:
        is_last = len(self._waiting) <= self._at_once
        await self._report(Status("over") if is_last else self._status())
        return is_last

    async def _report(self, status: Status) -> None:
        taken = list(self._waiting)[: self._at_once]
        seconds = self.seconds
        try:
            answer = await self.post(self._body(status, [line for line, _ in taken], seconds))
        except Refused as why:
            self._leave_out(taken, why)
            raise
        self._at_once = MOST_AT_ONCE
        self.seconds -= seconds
        self._done(taken)
        orders = self.read(answer, the_orders.read)
        self._keep(orders.keep)
        self._obey(orders, answer.asked)
        if self._waiting:
            self.soon()

    def _body(self, status: Status, lines: list[Line], seconds: float) -> dict[str, Any]:
        return {
            "run": self.run_id,
            "status": {"state": status.state, "code": status.code, "detail": status.detail[:300]},
            "segments": [_segment(line) for line in lines],
            "seconds": round(seconds, 3),
            "waited": round(self.waited, 3),
        }

    def _keep(self, keeps: bool) -> None:
        if keeps and not self._keeps:
            # What was begun before isn't kept either.
            self._keeps_since = self._clock.now()
        if not keeps:
            self._done(list(self._waiting))
        self._keeps = keeps

    def _done(self, taken: list[tuple[Line, asyncio.Future[None]]]) -> None:
        for line in taken:
            if self._waiting and self._waiting[0] is line:
                self._waiting.popleft()
            if not line[1].done():
                line[1].set_result(None)

    def _leave_out(self, taken: list[tuple[Line, asyncio.Future[None]]], why: Exception) -> None:
        """A line that the web never takes must not hold up the others: they go one by one."""
        if len(taken) == 1:
            log.error("a line was refused and is left out: %s", why)
            self._done(taken)
        self._at_once = 1


def _segment(line: Line) -> dict[str, Any]:
    return {
        "id": line.id,
        "identity": line.speaker.identity,
        "started_at": round(line.started_at, 3),
        "ended_at": round(line.ended_at, 3),
        "text": line.text,
        "language": line.language,
        "source": line.speaker.source,
    }
