"""A stand-in for our web: the internal address that the agent reports to."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from tests.fixtures.livekit import _loop, until

KEY = "k" * 64


class Served:
    """An aiohttp app on a port of its own, in the loop of the attendees; can be down for a while."""

    def __init__(self, app: web.Application, port: int = 0) -> None:
        self._app, self.port = app, port
        self.up()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def up(self) -> None:
        _loop().run(self._start())

    def down(self) -> None:
        _loop().run(self._runner.cleanup())

    async def _start(self) -> None:
        self._runner = web.AppRunner(self._app, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", self.port, reuse_address=True).start()
        self.port = self._runner.addresses[0][1]


def orders(**changed: Any) -> dict[str, Any]:
    """Captions and transcript on, everybody is heard, the offline model."""
    speech = {
        "provider": "offline",
        "language": "en",
        "url": "",
        "model": "",
        "folder": "",
        "terms": [],
        **changed.pop("speech", {}),
    }
    return {
        "started_at": time.time() - 10,
        "leave": False,
        "captions": True,
        "keep": True,
        "screen_sound": False,
        "heard_by_default": True,
        "exceptions": [],
        "speech": speech,
        **changed,
    }


@dataclass
class Web:
    """Keeps every report with the moment of its arrival. ``status`` answers with another one than 200."""

    said: dict[str, Any] = field(default_factory=orders)
    reports: list[dict[str, Any]] = field(default_factory=list)
    moments: list[float] = field(default_factory=list)
    status: int = 200
    refuses: str = ""
    ahead: float = 0.0
    unknown_keys: int = 0
    # Lectures for which a worker has said that it is there.
    here: list[str] = field(default_factory=list)
    served: Served = field(init=False)

    def __post_init__(self) -> None:
        app = web.Application()
        app.router.add_post("/api/internal/lectures/{lecture}/ai_assistant/report", self._report)
        app.router.add_post("/api/internal/lectures/{lecture}/ai_assistant/here", self._here)
        self.served = Served(app)

    @property
    def url(self) -> str:
        return self.served.url

    @property
    def lines(self) -> list[dict[str, Any]]:
        return [line for report in list(self.reports) for line in report["segments"]]

    @property
    def states(self) -> list[tuple[str, str]]:
        """State and code, each change once."""
        made: list[tuple[str, str]] = []
        for report in list(self.reports):
            now = (report["status"]["state"], report["status"]["code"])
            if made[-1:] != [now]:
                made.append(now)
        return made

    @property
    def runs(self) -> list[str]:
        return list(dict.fromkeys(report["run"] for report in list(self.reports)))

    def change(self, **changed: Any) -> None:
        """Other orders from the next report on."""
        speech = {**self.said["speech"], **changed.pop("speech", {})}
        self.said = {**self.said, **changed, "speech": speech}

    def heard_of(self, count: int = 2, seconds: float = 15) -> None:
        """Until so many more reports have come: the orders of now are known."""
        before = len(self.reports)
        until(lambda: len(self.reports) >= before + count, seconds, "the agent reports")

    def text(self, identity: str = "") -> str:
        return " ".join(line["text"] for line in self.lines if identity in ("", line["identity"]))

    async def _here(self, request: web.Request) -> web.Response:
        if request.headers.get("Authorization") != f"Bearer {KEY}":
            return web.Response(status=401)
        self.here.append(request.match_info["lecture"])
        return web.Response(status=204)

    async def _report(self, request: web.Request) -> web.Response:
        if request.headers.get("Authorization") != f"Bearer {KEY}":
            self.unknown_keys += 1
            return web.Response(status=401)
        if self.status != 200:
            return web.Response(status=self.status)
        body = await request.json()
        if self.refuses and any(self.refuses in line["text"] for line in body["segments"]):
            return web.Response(status=422)
        self.moments.append(time.monotonic())
        self.reports.append(body)
        return web.json_response({**self.said, "now": time.time() + self.ahead})
