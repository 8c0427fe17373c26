"""Reports to the web, and the pieces that it keeps."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import secrets
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import aiohttp
import urllib3

from core.agents import Clock, Errand
from plugins.recording.recorder import parts
from plugins.recording.worker import orders as the_orders
from plugins.recording.worker.orders import Orders

log = logging.getLogger(__name__)

PLUGIN = "recording"
# A report is due every three seconds, whatever happens.
HEARTBEAT = 2.5
ANSWER_SECONDS = 4.0
FIRST_PAUSE, LONGEST_PAUSE = 0.2, 2.0
FAREWELL_SECONDS = 20.0
PIECE_SECONDS = 60.0
MOST_TURNS = 5_000
# The key is over, there is no such lecture, or it doesn't want this run.
UNWANTED = frozenset({401, 403, 404, 410})

State = Literal["starting", "recording", "paused", "failed", "over"]


@dataclass(frozen=True)
class Said:
    """What there is to report. ``unheard``: turns in unix seconds."""

    state: State
    code: str = ""
    seconds: float = 0.0
    unheard: Sequence[tuple[float, float]] = ()


class Unwanted(Exception):
    """The web doesn't know us, or no more."""


class _Unreachable(Exception):
    """The web is down or slow, or doesn't understand us."""


class Web(parts.Pieces):
    """Where pieces go: to our web, which keeps them in the institution's storage."""

    def __init__(self, errand: Errand, run_id: str) -> None:
        self._errand, self._run = errand, run_id
        self._http = urllib3.PoolManager(timeout=PIECE_SECONDS, retries=False)

    def put(self, number: int, body: bytes) -> None:
        url = self._errand.url(PLUGIN, f"pieces/{self._run}/{number}")
        headers = {**self._errand.headers, "Content-Type": parts.MIME}
        answer = self._http.request("PUT", url, body=body, headers=headers, redirect=False)
        if answer.status in UNWANTED:
            raise parts.Unwanted(f"the web answered {answer.status}")
        if answer.status >= 300:
            raise OSError(f"the web answered {answer.status}")


class Handover:
    """Goes on reporting until it is closed; ``obey`` is told every answer."""

    def __init__(
        self,
        errand: Errand,
        clock: Clock,
        say: Callable[[], Said],
        obey: Callable[[Orders], None],
        unwanted: Callable[[], None],
    ) -> None:
        self.run_id = secrets.token_urlsafe(12)
        self._errand, self._clock = errand, clock
        self._say, self._obey, self._unwanted = say, obey, unwanted
        self._policy = ""
        self._answered_at: float | None = None
        self._soon = asyncio.Event()
        self._session: aiohttp.ClientSession | None = None
        self._reporter: asyncio.Task[None] | None = None

    @property
    def pieces(self) -> Web:
        """Where this run's pieces go."""
        return Web(self._errand, self.run_id)

    def start(self) -> None:
        self._session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=ANSWER_SECONDS))
        self._reporter = asyncio.create_task(self._report_on_and_on(), name="reports")

    def soon(self) -> None:
        """Report at once."""
        self._soon.set()

    async def close(self, said: Said) -> None:
        """Say how it ended."""
        if self._reporter is not None:
            self._reporter.cancel()
            await asyncio.wait({self._reporter})
        with contextlib.suppress(TimeoutError, Unwanted):
            async with asyncio.timeout(FAREWELL_SECONDS):
                await self._report_until_heard(said)
        if self._session is not None:
            await self._session.close()

    async def _report_on_and_on(self) -> None:
        pause = FIRST_PAUSE
        while True:
            try:
                await self._report(self._say())
                pause = FIRST_PAUSE
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._soon.wait(), HEARTBEAT)
            except Unwanted:
                self._unwanted()
                return
            except _Unreachable as why:
                log.warning("the web can't be reported to: %s", why)
                await asyncio.sleep(pause)
                pause = min(pause * 2, LONGEST_PAUSE)

    async def _report_until_heard(self, said: Said) -> None:
        pause = FIRST_PAUSE
        while True:
            try:
                return await self._report(said)
            except _Unreachable:
                await asyncio.sleep(pause)
                pause = min(pause * 2, LONGEST_PAUSE)

    async def _report(self, said: Said) -> None:
        self._soon.clear()
        asked = time.monotonic()
        answer = await self._post(self._body(said))
        self._answered_at = self._answered_at or time.monotonic()
        try:
            orders = the_orders.read(answer)
        except ValueError as error:
            raise _Unreachable(str(error)) from None
        self._clock.calibrate(asked, time.monotonic(), orders.now)
        if orders.places is not None:
            self._policy = orders.policy
        self._obey(orders)

    def _body(self, said: Said) -> dict[str, Any]:
        return {
            "run": self.run_id,
            "state": said.state,
            "code": said.code,
            "seconds": round(said.seconds, 3),
            "unheard": [[round(start, 3), round(end, 3)] for start, end in said.unheard[:MOST_TURNS]],
            "waited": round(self._waited, 3),
            "policy": self._policy,
        }

    @property
    def _waited(self) -> float:
        """Seconds since the web has first answered us."""
        return 0.0 if self._answered_at is None else time.monotonic() - self._answered_at

    async def _post(self, body: dict[str, Any]) -> Any:
        assert self._session is not None
        url, headers = self._errand.url(PLUGIN, "report"), self._errand.headers
        try:
            post = self._session.post(url, json=body, headers=headers, allow_redirects=False)
            async with post as answer:
                if answer.status == 200:
                    return await answer.json()
                if answer.status in UNWANTED:
                    raise Unwanted
                raise _Unreachable(f"it answered {answer.status}")
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
            raise _Unreachable(type(error).__name__) from None
