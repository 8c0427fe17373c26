"""The program: waits at LiveKit for lectures, and runs a process for each."""

from __future__ import annotations

import asyncio
import logging
import multiprocessing
import os
import signal
import sys
from collections.abc import Iterable
from functools import partial

from core.api import ConfigError, program_settings
from plugins.ai_assistant.agent.speech import Keys
from plugins.ai_assistant.settings import Settings

# Models are loaded where a lecture needs them, not in every process. Read when livekit.agents starts.
os.environ.setdefault("LIVEKIT_AGENTS_PRELOAD_LOCAL_INFERENCE", "0")

from livekit.agents import AgentServer, WorkerPermissions, utils

from plugins.ai_assistant.agent import job, trial

log = logging.getLogger(__name__)

# Lectures that are on when the worker is asked to stop may go on for so long.
DRAIN_SECONDS = 4 * 3600
# Once asked again, this is left for the last words and lines.
STOP_SECONDS = 5.0
FULL, FULL_LOAD = 0.69, 0.7
READY = "known at LiveKit, waiting for lectures"
TRIES = 1_000_000_000
PRELOADED = ["plugins.ai_assistant.agent.job", "numpy"]


class Worker:
    """One server for many lectures; ``run`` works until signals end it."""

    def __init__(self, url: str, key: str, secret: str, own: Settings, at_once: bool = False) -> None:
        # Where LiveKit and the web stop with us there is nothing to wait for.
        self._at_once = at_once
        self._most = own.lectures_per_worker
        keys = Keys(own.deepgram_key, own.speech_key)
        self._server = AgentServer(
            ws_url=url,
            api_key=key,
            api_secret=secret,
            setup_fnc=partial(job.prepare, keys),
            # Counted in lectures: a machine that is busy with something else must not turn them away.
            load_fnc=self._load,
            load_threshold=FULL,
            num_idle_processes=own.idle_workers,
            permissions=WorkerPermissions(can_publish=False, can_update_metadata=False),
            max_retry=TRIES,
            host="127.0.0.1",
            port=0,
            drain_timeout=DRAIN_SECONDS,
            session_end_timeout=150,
            shutdown_process_timeout=160,
            initialize_process_timeout=30,
            preload_modules=PRELOADED,
        )
        self._server.rtc_session(
            job.attend, agent_name=job.NAME, on_request=job.accept, on_session_end=job.finish
        )
        self._server.on("worker_registered", lambda *_about: log.info("%s", READY))
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
            await asyncio.wait_for(self._server.aclose(), STOP_SECONDS)
        except TimeoutError:
            log.warning("a lecture's last lines took too long")
            for process in multiprocessing.active_children():
                process.kill()


class _NoSecrets(logging.Filter):
    """Whatever a library writes, our keys aren't in it."""

    def __init__(self, secrets: Iterable[str]) -> None:
        super().__init__()
        self._secrets = [secret for secret in secrets if secret]

    def filter(self, record: logging.LogRecord) -> bool:
        words = record.getMessage()
        if any(secret in words for secret in self._secrets):
            for secret in self._secrets:
                words = words.replace(secret, "…")
            record.msg, record.args = words, ()
        return True


def _log(secrets: Iterable[str]) -> None:
    handler = logging.StreamHandler(sys.stderr)
    handler.addFilter(_NoSecrets(secrets))
    logging.basicConfig(
        level=logging.INFO,
        format="%(asctime)s %(levelname)s %(name)s: %(message)s",
        handlers=[handler],
        force=True,
    )
    logging.getLogger("livekit").setLevel(logging.WARNING)
    logging.getLogger("httpx").setLevel(logging.WARNING)


def main() -> None:
    """Work until asked to stop; twice when lectures shall not be waited for. ``try``: take a sample only."""
    try:
        core, own = program_settings("ai_assistant", Settings)
    except ConfigError as error:
        raise SystemExit(f"captions: {error}") from None
    _log([core.livekit_secret, own.deepgram_key, own.speech_key, own.summary_key])
    if sys.argv[1:] == ["try"]:
        trial.run(own)
        return
    embedded = core.mode == "embedded"
    worker = Worker(core.livekit_api_url, core.livekit_key, core.livekit_secret, own, at_once=embedded)
    asyncio.run(worker.run())
