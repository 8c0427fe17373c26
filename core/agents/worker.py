"""The program: waits at LiveKit for lectures, and runs a process for each."""

from __future__ import annotations

import asyncio
import logging
import multiprocessing
import os
import signal
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial

# Models are loaded where a lecture needs them, not in every process. Read when livekit.agents starts.
os.environ.setdefault("LIVEKIT_AGENTS_PRELOAD_LOCAL_INFERENCE", "0")

from livekit.agents import AgentServer, JobContext, JobProcess, JobRequest, WorkerPermissions, utils

from core.agents.taking_up import take_up
from core.logs import stream

log = logging.getLogger(__name__)

# Lectures that are on when the worker is asked to stop may go on for so long.
DRAIN_SECONDS = 4 * 3600
# Once asked again, this is left for what isn't handed over.
STOP_SECONDS = 5.0
FULL, FULL_LOAD = 0.69, 0.7
READY = "known at LiveKit, waiting for lectures"
TRIES = 1_000_000_000


@dataclass(frozen=True)
class Job:
    """What is done in each lecture; the functions belong to modules, for they reach other processes by name.

    ``name``: that by which agents are asked for; ``plugin``: whose they are. ``prepare`` runs in a fresh
    process, ``accept`` says who comes, ``attend`` returns when it is inside, ``finish`` is awaited when the
    room is over, or we are asked to go. ``preload``: modules that every process of a lecture needs.
    """

    name: str
    plugin: str
    prepare: Callable[[JobProcess], None]
    accept: Callable[[JobRequest], Awaitable[None]]
    attend: Callable[[JobContext], Awaitable[None]]
    finish: Callable[[JobContext], Awaitable[None]]
    preload: Sequence[str] = ()


class Worker:
    """One server for many lectures, ``most`` of them at once; ``run`` works until signals end it.

    ``idle``: so many processes wait for the next lecture. ``at_once``: it doesn't wait for lectures that are
    on when it is asked to stop. ``stop_seconds``: what they then have left for what isn't handed over yet.
    """

    def __init__(
        self,
        url: str,
        key: str,
        secret: str,
        job: Job,
        *,
        most: int,
        idle: int,
        at_once: bool = False,
        stop_seconds: float = STOP_SECONDS,
    ) -> None:
        # Where LiveKit and the web stop with us there is nothing to wait for.
        self._at_once = at_once
        self._most = most
        self._stop_seconds = stop_seconds
        self._server = AgentServer(
            ws_url=url,
            api_key=key,
            api_secret=secret,
            setup_fnc=partial(_prepared, job.prepare),
            # Counted in lectures: a machine that is busy with something else must not turn them away.
            load_fnc=self._load,
            load_threshold=FULL,
            num_idle_processes=idle,
            permissions=WorkerPermissions(can_publish=False, can_update_metadata=False),
            max_retry=TRIES,
            host="127.0.0.1",
            port=0,
            drain_timeout=DRAIN_SECONDS,
            session_end_timeout=150,
            shutdown_process_timeout=160,
            initialize_process_timeout=30,
            preload_modules=list(job.preload),
        )
        self._server.rtc_session(
            job.attend, agent_name=job.name, on_request=job.accept, on_session_end=job.finish
        )
        self._take_up = partial(take_up, url, key, secret, job.name, job.plugin)
        self._server.on("worker_registered", self._is_known)
        # Of the loop's own references to tasks none keeps them alive.
        self._taking_up: set[asyncio.Task[None]] = set()
        self._asked = [asyncio.Event(), asyncio.Event()]

    async def run(self) -> None:
        loop = asyncio.get_running_loop()
        for one in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(one, self._ask_to_stop)
        running = asyncio.create_task(self._server.run())
        if await self._first(running, self._asked[0].wait()):
            await running
            return
        if self._at_once:
            await self._stop()
            return
        log.info("stopping when the lectures that are on have ended")
        draining = asyncio.create_task(self._server.drain())
        await self._first(draining, self._asked[1].wait())
        # It holds the lock that closing needs.
        await utils.aio.cancel_and_wait(draining)
        await self._stop()

    def _is_known(self, *_about: object) -> None:
        log.info("%s", READY)
        task = asyncio.get_running_loop().create_task(self._take_up())
        self._taking_up.add(task)
        task.add_done_callback(self._taking_up.discard)

    def _load(self, server: AgentServer) -> float:
        return FULL_LOAD * len(server.active_jobs) / self._most

    def _ask_to_stop(self) -> None:
        self._asked[1 if self._asked[0].is_set() else 0].set()

    async def _first(self, task: asyncio.Task[None], asked: object) -> bool:
        """Whether the task ended before we were asked."""
        waiting = asyncio.ensure_future(asked)  # type: ignore[call-overload]
        await asyncio.wait({task, waiting}, return_when=asyncio.FIRST_COMPLETED)
        waiting.cancel()
        return task.done()

    async def _stop(self) -> None:
        try:
            async with asyncio.timeout(self._stop_seconds):
                await self._server.aclose()
        except TimeoutError:
            log.warning("what was left of a lecture took too long")
            for process in multiprocessing.active_children():
                process.kill()


def _prepared(prepare: Callable[[JobProcess], None], process: JobProcess) -> None:
    stream.start_in_child()
    prepare(process)


def log_without(secrets: Iterable[str]) -> None:
    """Log to the error output, without these."""
    stream.start(secrets=secrets)
    logging.getLogger("livekit").setLevel(logging.WARNING)
    logging.getLogger("httpx").setLevel(logging.WARNING)
