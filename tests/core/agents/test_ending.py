"""Whoever waits for what never ends goes on after a while."""

from __future__ import annotations

import asyncio
import logging

import pytest

from core.agents import end_tasks


async def _stubborn(seen: list[str]) -> None:
    """As a task whose stream is never told that it has ended."""
    try:
        await asyncio.Event().wait()
    finally:
        seen.append("asked")
        await asyncio.Event().wait()


async def _fails() -> None:
    raise ValueError("before its time")


def test_tasks_are_ended_and_one_that_does_not_end_is_left(caplog: pytest.LogCaptureFixture) -> None:
    seen: list[str] = []

    async def run() -> tuple[bool, bool]:
        good = asyncio.create_task(asyncio.Event().wait())
        stuck, failed = asyncio.create_task(_stubborn(seen)), asyncio.create_task(_fails())
        await asyncio.sleep(0)
        await end_tasks([good, stuck, failed], seconds=0.1)
        was = good.cancelled(), stuck.done()
        stuck.cancel()
        await asyncio.wait([stuck])
        return was

    with caplog.at_level(logging.WARNING):
        assert asyncio.run(run()) == (True, False)
    assert seen == ["asked"] and "1 tasks don't end" in caplog.text


def test_of_none_nobody_waits() -> None:
    asyncio.run(end_tasks([]))
