"""Reports to the web, and the pieces that it keeps."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import urllib3

from core.agents import UNWANTED, Clock, Errand, Reports
from plugins.recording.recorder import parts
from plugins.recording.worker import orders as the_orders
from plugins.recording.worker.orders import Orders

PLUGIN = "recording"
FAREWELL_SECONDS = 20.0
PIECE_SECONDS = 60.0
MOST_TURNS = 5_000

State = Literal["starting", "recording", "paused", "failed", "over"]


@dataclass(frozen=True)
class Said:
    """What there is to report. ``unheard``: turns in unix seconds."""

    state: State
    code: str = ""
    seconds: float = 0.0
    unheard: Sequence[tuple[float, float]] = ()


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


class Handover(Reports):
    """Goes on reporting until it is closed; ``obey`` is told every answer."""

    def __init__(
        self,
        errand: Errand,
        clock: Clock,
        say: Callable[[], Said],
        obey: Callable[[Orders], None],
        unwanted: Callable[[], None],
    ) -> None:
        super().__init__(errand, PLUGIN, clock, unwanted)
        self._say, self._obey = say, obey
        self._policy = ""
        self._end = Said("over")

    @property
    def pieces(self) -> Web:
        """Where this run's pieces go."""
        return Web(self._errand, self.run_id)

    async def say_the_end(self, said: Said) -> None:
        """Say how it ended."""
        self._end = said
        await self.close(FAREWELL_SECONDS)

    async def report(self) -> None:
        await self._report(self._say())

    async def report_the_end(self) -> bool:
        await self._report(self._end)
        return True

    async def _report(self, said: Said) -> None:
        orders = self.read(await self.post(self._body(said)), the_orders.read)
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
            "waited": round(self.waited, 3),
            "policy": self._policy,
        }
