"""How a program in a lecture reports to the web: at once, again while nobody hears it, and never unwanted."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
from aiohttp import web

from core.agents import Clock, Errand, Reports, reports

DEADLINE = 30.0
FINE = {"now": 1000.0}


@dataclass(frozen=True)
class Orders:
    now: float
    wait: bool


def read(said: Any) -> Orders:
    try:
        return Orders(float(said["now"]), said.get("wait", False))
    except KeyError as error:
        raise ValueError("no time") from error


class Reporter(Reports):
    """Says how often it has reported, and at last that it is over."""

    def __init__(self, errand: Errand, clock: Clock) -> None:
        super().__init__(errand, "plugin", clock, self._count_unwanted)
        self.number = self.unwanted = self.ends = 0

    def _count_unwanted(self) -> None:
        self.unwanted += 1

    async def report(self) -> None:
        self.number += 1
        self.read(await self.post({"number": self.number}), read)

    async def report_the_end(self) -> bool:
        self.ends += 1
        await self.post({"end": self.ends})
        return self.ends > 1


@dataclass
class Web:
    """Answers each report with the next of ``answers``, and then with the last of them."""

    answers: list[Any] = field(default_factory=lambda: [FINE])
    said: list[Any] = field(default_factory=list)
    headers: list[Any] = field(default_factory=list)

    async def take(self, request: web.Request) -> web.Response:
        self.said.append(await request.json())
        self.headers.append(request.headers.get("Authorization"))
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, int):
            return web.Response(status=answer)
        return web.json_response(answer)

    async def has(self, count: int) -> None:
        """Wait until there are so many reports."""
        async with asyncio.timeout(DEADLINE):
            while len(self.said) < count:
                await asyncio.sleep(0.01)


Tried = Callable[[Web, Reporter], Awaitable[None]]


def tried(there: Web, what: Tried, closing: float = DEADLINE) -> Reporter:
    """A reporter that has started, at this web; it is closed within ``closing`` seconds."""

    async def run() -> Reporter:
        app = web.Application()
        app.router.add_post("/api/internal/lectures/talk/plugin/report", there.take)
        runner = web.AppRunner(app)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        errand = Errand("talk", f"http://127.0.0.1:{runner.addresses[0][1]}", "secret")
        reporter = Reporter(errand, Clock())
        reporter.start()
        await what(there, reporter)
        await reporter.close(closing)
        await runner.cleanup()
        return reporter

    return asyncio.run(run())


def test_it_reports_at_once_by_itself_and_when_there_is_news() -> None:
    async def news(there: Web, reporter: Reporter) -> None:
        await there.has(1)
        assert reporter.waited >= 0
        for count in range(2, 12):
            reporter.soon()
            await there.has(count)

    there = Web()
    tried(there, news)
    assert there.said[:3] == [{"number": 1}, {"number": 2}, {"number": 3}]
    assert set(there.headers) == {"Bearer secret"}


def test_it_reports_without_any_news() -> None:
    async def patience(there: Web, reporter: Reporter) -> None:
        await there.has(3)

    tried(Web(), patience)


def test_whoever_is_to_wait_reports_again_sooner(monkeypatch: pytest.MonkeyPatch) -> None:
    async def patience(there: Web, reporter: Reporter) -> None:
        await there.has(5)

    monkeypatch.setattr(reports, "HEARTBEAT", DEADLINE * 10)
    monkeypatch.setattr(reports, "WAITING", 0.01)
    tried(Web([{**FINE, "wait": True}] * 4 + [FINE]), patience)


def test_the_end_is_said_until_all_is_said() -> None:
    async def nothing(there: Web, reporter: Reporter) -> None:
        await there.has(1)
        there.answers = [503, 409, FINE]

    there = Web()
    tried(there, nothing)
    assert there.said[1:] == [{"end": 1}, {"end": 2}, {"end": 3}]


def test_the_end_is_not_said_for_ever() -> None:
    async def down(there: Web, reporter: Reporter) -> None:
        await there.has(1)
        there.answers = [503]

    assert tried(Web(), down, closing=0.5).ends > 0


@pytest.mark.parametrize("answer", [500, 503, 302, 400, 408, 429, {"later": 1}])
def test_what_is_not_heard_is_said_again(answer: Any) -> None:
    async def again(there: Web, reporter: Reporter) -> None:
        await there.has(4)

    reporter = tried(Web([answer, answer, FINE]), again)
    assert reporter.unwanted == 0


@pytest.mark.parametrize("status", [401, 403, 404, 410])
def test_who_is_unwanted_is_told_once_and_says_nothing_more(status: int) -> None:
    async def unwanted(there: Web, reporter: Reporter) -> None:
        async with asyncio.timeout(DEADLINE):
            while not reporter.unwanted:
                await asyncio.sleep(0.01)
        reporter.soon()

    there = Web([status])
    reporter = tried(there, unwanted)
    assert reporter.unwanted == 1
    assert there.said == [{"number": 1}, {"end": 1}]


def test_the_clock_is_the_webs() -> None:
    async def once(there: Web, reporter: Reporter) -> None:
        await there.has(2)
        assert abs(reporter._clock.now() - 1000) < DEADLINE

    tried(Web(), once)


def test_a_web_that_is_away_is_waited_for() -> None:
    async def run() -> None:
        reporter = Reporter(Errand("talk", "http://127.0.0.1:9", "secret"), Clock())
        reporter.start()
        async with asyncio.timeout(DEADLINE):
            while reporter.number < 3:
                await asyncio.sleep(0.01)
        await reporter.close(0.2)
        assert reporter.waited == 0 and reporter.unwanted == 0

    asyncio.run(run())
