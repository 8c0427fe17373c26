"""An agent's reports end when they are closed, whatever happens at that moment."""

from __future__ import annotations

import asyncio

from core.agents import Clock, Errand, Reports


class Quiet(Reports):
    """Talks to nobody."""

    def __init__(self) -> None:
        super().__init__(Errand("lecture", "http://127.0.0.1:9", "key"), "x", Clock(), lambda: None)
        self.said: list[str] = []

    async def report(self) -> None:
        self._soon.clear()
        self.said.append("on")

    async def report_the_end(self) -> bool:
        self.said.append("over")
        return True


def test_what_is_to_be_said_at_once_does_not_keep_the_end_from_being_said() -> None:
    """The last change of a recording asks for a report, and the end comes in the same breath."""

    async def run() -> list[str]:
        reports = Quiet()
        reports.start()
        while not reports.said:
            await asyncio.sleep(0)
        # It waits for its next turn by now.
        for _turn in range(10):
            await asyncio.sleep(0)
        reports.soon()
        async with asyncio.timeout(60):
            await reports.close(1)
        return reports.said

    assert asyncio.run(run()) == ["on", "over"]
