"""The program: waits at LiveKit for lectures that are to be recorded, and runs a process for each."""

from __future__ import annotations

import asyncio

from core.agents import Job, Worker, log_without
from core.api import ConfigError, program_settings
from plugins.recording.settings import Settings
from plugins.recording.worker import job

PRELOADED = ("plugins.recording.worker.job", "numpy", "av")
# The last piece is encoded and handed over.
STOP_SECONDS = 20.0


def main() -> None:
    """Work until asked to stop; twice when lectures shall not be waited for."""
    try:
        core, own = program_settings("recording", Settings)
    except ConfigError as error:
        raise SystemExit(f"recorder: {error}") from None
    log_without([core.livekit_secret])
    worker = Worker(
        core.livekit_api_url,
        core.livekit_key,
        core.livekit_secret,
        Job(job.NAME, "recording", job.prepare, job.accept, job.attend, job.finish, PRELOADED),
        most=own.recordings_per_worker,
        idle=own.idle_workers,
        at_once=core.mode == "embedded",
        stop_seconds=STOP_SECONDS,
    )
    asyncio.run(worker.run())
