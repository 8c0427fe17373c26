"""A worker that comes takes up what was asked for before it came: LiveKit offers that to nobody again."""

from __future__ import annotations

import asyncio
import contextlib
import logging

import aiohttp
from livekit import api

from core.agents.errand import Errand, read_errand

log = logging.getLogger(__name__)
AT_ONCE = 10
SECONDS = 60.0
ANSWER_SECONDS = 10.0


async def take_up(url: str, key: str, secret: str, agent: str, plugin: str) -> None:
    """Tell the web of a worker for each lecture for which it has asked for such an agent.

    The web knows which of them have one; at the others it asks again, by ``here`` below the plugin's
    ``INTERNAL`` mount. Whatever fails is left to the plugin's own watch.
    """
    try:
        async with asyncio.timeout(SECONDS):
            errands = await _asked_for(url, key, secret, agent)
            await _tell_all(errands, plugin)
    except (api.TwirpError, aiohttp.ClientError, OSError, TimeoutError) as error:
        log.info("who was asked for before isn't taken up: %s", type(error).__name__)


async def _asked_for(url: str, key: str, secret: str, agent: str) -> list[Errand]:
    """One errand of each lecture, the youngest."""
    found: dict[str, Errand] = {}
    async with api.LiveKitAPI(url, key, secret) as livekit:
        rooms = (await livekit.room.list_rooms(api.ListRoomsRequest())).rooms
        for room in rooms:
            asked = await livekit.agent_dispatch.list_dispatch(room.name)
            for one in sorted(asked, key=lambda one: one.state.created_at):
                if one.agent_name == agent:
                    with contextlib.suppress(ValueError):
                        found[room.name] = read_errand(one.metadata)
    return list(found.values())


async def _tell_all(errands: list[Errand], plugin: str) -> None:
    free = asyncio.Semaphore(AT_ONCE)
    timeout = aiohttp.ClientTimeout(total=ANSWER_SECONDS)
    async with aiohttp.ClientSession(timeout=timeout) as session:

        async def tell(errand: Errand) -> None:
            async with free:
                post = session.post(errand.url(plugin, "here"), headers=errand.headers, allow_redirects=False)
                with contextlib.suppress(aiohttp.ClientError, OSError, TimeoutError):
                    async with post as answer:
                        log.debug("lecture %s: the web answered %d", errand.lecture, answer.status)

        await asyncio.gather(*map(tell, errands))
