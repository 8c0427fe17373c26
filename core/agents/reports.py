"""Reports to the web, again and again: every few seconds, and at once where there is news."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import secrets
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

import aiohttp

from core.agents.clock import Clock
from core.agents.errand import Errand

log = logging.getLogger(__name__)

# A report is due every three seconds, whatever happens.
HEARTBEAT = 2.5
ANSWER_SECONDS = 4.0
# Whoever was cut off from the web is heard by it within a second; the next one, who waits for that, after it.
FIRST_PAUSE, LONGEST_PAUSE = 0.2, 1.0
WAITING = 1.5
# The key is over, there is no such lecture, or it wants another one.
UNWANTED = frozenset({401, 403, 404, 410})
# Of those that say that the request is wrong: it may be right later on.
LATER = frozenset({408, 429})


class Unwanted(Exception):
    """The web doesn't know us, or no more."""


class Unheard(Exception):
    """The web hasn't taken a report; it is reported again."""


class Unreachable(Unheard):
    """The web is down or slow, or its answer makes no sense."""


class Refused(Unheard):
    """The web doesn't take this report, now or ever."""


class Orders(Protocol):
    """What the web wants. ``now`` is its time, in unix seconds; ``wait``: the run before may still report."""

    @property
    def now(self) -> float: ...

    @property
    def wait(self) -> bool: ...


AnyOrders = TypeVar("AnyOrders", bound=Orders)


@dataclass(frozen=True)
class Answer:
    """What the web said (JSON), and when it was ``asked`` and ``heard``, by ``time.monotonic()``."""

    said: Any
    asked: float
    heard: float


class Reports(ABC):
    """Goes on reporting to the plugin's ``INTERNAL`` mount, at ``report``, until it is closed.

    ``run_id`` names this one among all that the lecture has had. ``unwanted`` is called once, when the web
    doesn't want us any more; there are no reports after that.
    """

    def __init__(self, errand: Errand, plugin: str, clock: Clock, unwanted: Callable[[], None]) -> None:
        self.run_id = secrets.token_urlsafe(12)
        self._errand, self._clock, self._unwanted = errand, clock, unwanted
        self._address = errand.url(plugin, "report")
        self._answered_at: float | None = None
        self._heartbeat = HEARTBEAT
        self._soon = asyncio.Event()
        self._session: aiohttp.ClientSession | None = None
        self._reporter: asyncio.Task[None] | None = None

    @abstractmethod
    async def report(self) -> None:
        """Say how it goes, with ``post``, and do what the answer asks for."""

    @abstractmethod
    async def report_the_end(self) -> bool:
        """Say how it ended; whether everything is said."""

    @property
    def waited(self) -> float:
        """Seconds since the web has first answered us."""
        return 0.0 if self._answered_at is None else time.monotonic() - self._answered_at

    def start(self) -> None:
        """Report from now on; within a running event loop."""
        self._session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=ANSWER_SECONDS))
        self._reporter = asyncio.create_task(self._report_on_and_on(), name="reports")

    def soon(self) -> None:
        """Report at once."""
        self._soon.set()

    async def close(self, seconds: float) -> None:
        """Say the end; for that it tries for so many seconds."""
        if self._reporter is not None:
            self._reporter.cancel()
            await asyncio.wait({self._reporter})
        with contextlib.suppress(TimeoutError, Unwanted):
            async with asyncio.timeout(seconds):
                await self._report_until_said()
        if self._session is not None:
            await self._session.close()

    async def post(self, body: dict[str, Any]) -> Answer:
        """Send a report, and have its answer; raises ``Unwanted``, ``Refused`` and ``Unreachable``."""
        assert self._session is not None
        self._soon.clear()
        asked = time.monotonic()
        headers = self._errand.headers
        try:
            post = self._session.post(self._address, json=body, headers=headers, allow_redirects=False)
            async with post as answer:
                if answer.status != 200:
                    raise _refusal(answer.status)
                said = await answer.json()
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
            raise Unreachable(type(error).__name__) from None
        heard = time.monotonic()
        self._answered_at = self._answered_at or heard
        return Answer(said, asked, heard)

    def read(self, answer: Answer, reader: Callable[[Any], AnyOrders]) -> AnyOrders:
        """The answer as orders; sets the clock. ``Unreachable`` where ``reader`` raises ``ValueError``."""
        try:
            orders = reader(answer.said)
        except ValueError as error:
            raise Unreachable(str(error)) from None
        self._heartbeat = WAITING if orders.wait else HEARTBEAT
        self._clock.calibrate(answer.asked, answer.heard, orders.now)
        return orders

    async def _report_on_and_on(self) -> None:
        pause = FIRST_PAUSE
        while True:
            try:
                await self.report()
                pause = FIRST_PAUSE
                # Not wait_for: what wakes us at the moment of the cancellation would swallow it.
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(self._heartbeat):
                        await self._soon.wait()
            except Unwanted:
                self._unwanted()
                return
            except Unheard as why:
                log.warning("the web can't be reported to: %s", why)
                await asyncio.sleep(pause)
                pause = min(pause * 2, LONGEST_PAUSE)

    async def _report_until_said(self) -> None:
        pause = FIRST_PAUSE
        while True:
            try:
                if await self.report_the_end():
                    return
            except Unheard:
                await asyncio.sleep(pause)
                pause = min(pause * 2, LONGEST_PAUSE)


def _refusal(status: int) -> Exception:
    if status in UNWANTED:
        return Unwanted(f"it answered {status}")
    if 400 <= status < 500 and status not in LATER:
        return Refused(f"it answered {status}")
    return Unreachable(f"it answered {status}")
