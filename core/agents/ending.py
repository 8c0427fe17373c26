"""The end of what a program in a lecture does beside its reports."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable
from typing import Any

log = logging.getLogger(__name__)
SECONDS = 5.0


async def end_tasks(tasks: Iterable[asyncio.Task[Any]], seconds: float = SECONDS) -> None:
    """Cancel tasks, and wait for their end so long at most.

    One that listens to a track closes its stream, which waits for LiveKit's library to say that it has
    ended: after a lost connection that may never come, and what was recorded or heard must not wait for it.
    """
    asked = set(tasks)
    for task in asked:
        task.cancel()
    if asked:
        _ended, left = await asyncio.wait(asked, timeout=seconds)
        if left:
            log.warning("%d tasks don't end: they are left to the end of the process", len(left))
