"""Reports to the web: how it goes, and every line, which is there before anybody sees it."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import aiohttp

from core.agents import Clock, Errand
from plugins.ai_assistant.agent import orders as the_orders
from plugins.ai_assistant.agent.lines import Line, new_id
from plugins.ai_assistant.agent.orders import Orders

log = logging.getLogger(__name__)

# A report is due every three seconds, whatever happens.
HEARTBEAT = 2.5
ANSWER_SECONDS = 4.0
# Lines are shown at the latest after so long, handed over or not.
PATIENCE = 0.4
FIRST_PAUSE, LONGEST_PAUSE = 0.2, 2.0
MOST_AT_ONCE = 50
# With nothing left to hand over it isn't worth more.
FAREWELL_SECONDS = 5.0
MOST_WAITING = 10_000
# The key is over, or there is no such lecture.
UNWANTED = frozenset({401, 403, 404, 410})

State = Literal["starting", "listening", "paused", "over"]


@dataclass(frozen=True)
class Status:
    state: State
    code: str = ""
    detail: str = ""


class Unwanted(Exception):
    """The web doesn't know us, or no more."""


class _Refused(Exception):
    """The web doesn't take this report, now or ever."""


class _Unreachable(Exception):
    """The web is down or slow."""


class Handover:
    """Goes on reporting until it is closed; ``obey`` is told every answer and when it was asked for."""

    def __init__(
        self,
        errand: Errand,
        clock: Clock,
        status: Callable[[], Status],
        obey: Callable[[Orders, float], None],
        unwanted: Callable[[], None],
    ) -> None:
        self.run_id = new_id()
        self.seconds = 0.0
        self._errand, self._clock = errand, clock
        self._status, self._obey, self._unwanted = status, obey, unwanted
        self._waiting: deque[tuple[Line, asyncio.Future[None]]] = deque(maxlen=MOST_WAITING)
        self._keeps = True
        self._keeps_since = 0.0
        self._at_once = MOST_AT_ONCE
        self._answered_at: float | None = None
        self._soon = asyncio.Event()
        self._session: aiohttp.ClientSession | None = None
        self._reporter: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=ANSWER_SECONDS))
        self._reporter = asyncio.create_task(self._report_on_and_on(), name="reports")

    def soon(self) -> None:
        """Report at once."""
        self._soon.set()

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
        seconds = seconds if self._waiting else min(seconds, FAREWELL_SECONDS)
        if self._reporter is not None:
            self._reporter.cancel()
            await asyncio.wait({self._reporter})
        with contextlib.suppress(TimeoutError, Unwanted):
            async with asyncio.timeout(seconds):
                await self._report_the_rest()
        if self._waiting:
            log.warning("%d lines were not handed over", len(self._waiting))
        if self._session is not None:
            await self._session.close()

    async def _report_on_and_on(self) -> None:
        pause = FIRST_PAUSE
        while True:
            try:
                await self._report(self._status())
                pause = FIRST_PAUSE
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._soon.wait(), HEARTBEAT)
            except Unwanted:
                self._unwanted()
                return
            except (_Unreachable, _Refused) as why:
                log.warning("the web can't be reported to: %s", why)
                await asyncio.sleep(pause)
                pause = min(pause * 2, LONGEST_PAUSE)

    async def _report_the_rest(self) -> None:
        pause = FIRST_PAUSE
        while True:
            is_last = len(self._waiting) <= self._at_once
            try:
                await self._report(Status("over") if is_last else self._status())
                if is_last:
                    return
            except (_Unreachable, _Refused):
                await asyncio.sleep(pause)
                pause = min(pause * 2, LONGEST_PAUSE)

    async def _report(self, status: Status) -> None:
        self._soon.clear()
        taken = list(self._waiting)[: self._at_once]
        seconds = self.seconds
        asked = time.monotonic()
        try:
            said = await self._post(self._body(status, [line for line, _ in taken], seconds))
        except _Refused as why:
            self._leave_out(taken, why)
            raise
        self._at_once = MOST_AT_ONCE
        self._answered_at = self._answered_at or time.monotonic()
        self.seconds -= seconds
        self._done(taken)
        self._take(said, asked)
        if self._waiting:
            self.soon()

    def _body(self, status: Status, lines: list[Line], seconds: float) -> dict[str, Any]:
        return {
            "run": self.run_id,
            "status": {"state": status.state, "code": status.code, "detail": status.detail[:300]},
            "segments": [_segment(line) for line in lines],
            "seconds": round(seconds, 3),
            "waited": round(self._waited, 3),
        }

    @property
    def _waited(self) -> float:
        """Seconds since the web has first answered us."""
        return 0.0 if self._answered_at is None else time.monotonic() - self._answered_at

    async def _post(self, body: dict[str, Any]) -> Any:
        assert self._session is not None
        url, headers = self._errand.url("ai_assistant", "report"), self._errand.headers
        try:
            post = self._session.post(url, json=body, headers=headers, allow_redirects=False)
            async with post as answer:
                if answer.status == 200:
                    return await answer.json()
                _raise_for(answer.status)
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
            raise _Unreachable(type(error).__name__) from None

    def _take(self, said: Any, asked: float) -> None:
        try:
            orders = the_orders.read(said)
        except ValueError as error:
            raise _Unreachable(str(error)) from None
        self._clock.calibrate(asked, time.monotonic(), orders.now)
        self._keep(orders.keep)
        self._obey(orders, asked)

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


def _raise_for(status: int) -> None:
    if status in UNWANTED:
        raise Unwanted
    if 400 <= status < 500 and status not in (408, 429):
        raise _Refused(f"it answered {status}")
    raise _Unreachable(f"it answered {status}")


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
