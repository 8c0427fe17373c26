"""A worker that comes takes up what was asked for before it came: LiveKit offers that to nobody again."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Iterable

import aiohttp
from livekit import api

from core.agents.errand import Errand, read_errand

log = logging.getLogger(__name__)
AT_ONCE = 10
SECONDS = 60.0
ANSWER_SECONDS = 10.0
FAILURES = (api.TwirpError, aiohttp.ClientError, OSError, TimeoutError)


async def take_up(url: str, key: str, secret: str, agent: str, plugin: str) -> None:
    """Tell the web of a worker for each lecture for which it has asked for such an agent.

    The web knows which of them have one; at the others it asks again, by ``here`` below the plugin's
    ``INTERNAL`` mount. Whatever fails is left to the plugin's own watch.
    """
    free = asyncio.Semaphore(AT_ONCE)
    timeout = aiohttp.ClientTimeout(total=ANSWER_SECONDS)
    try:
        async with (
            asyncio.timeout(SECONDS),
            api.LiveKitAPI(url, key, secret) as livekit,
            aiohttp.ClientSession(timeout=timeout) as session,
        ):

            async def look(room: str) -> None:
                async with free:
                    # One that has just closed is no reason to leave out the others.
                    with contextlib.suppress(*FAILURES):
                        asked = await livekit.agent_dispatch.list_dispatch(room)
                        if errand := _youngest(asked, agent):
                            await _tell(session, errand, plugin)

            found = await livekit.room.list_rooms(api.ListRoomsRequest())
            await asyncio.gather(*(look(room.name) for room in found.rooms))
    except FAILURES as error:
        log.info("who was asked for before isn't taken up: %s", type(error).__name__)


def _youngest(asked: Iterable[api.AgentDispatch], agent: str) -> Errand | None:
    for one in sorted(asked, key=lambda one: one.state.created_at, reverse=True):
        if one.agent_name == agent:
            with contextlib.suppress(ValueError):
                return read_errand(one.metadata)
    return None


async def _tell(session: aiohttp.ClientSession, errand: Errand, plugin: str) -> None:
    post = session.post(errand.url(plugin, "here"), headers=errand.headers, allow_redirects=False)
    async with post as answer:
        log.debug("lecture %s: the web answered %d", errand.lecture, answer.status)
