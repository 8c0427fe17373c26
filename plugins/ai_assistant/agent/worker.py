"""The program: waits at LiveKit for lectures, and runs a process for each."""

from __future__ import annotations

import asyncio
import sys
from functools import partial

from core.agents import Job, Worker, log_without
from core.api import ConfigError, program_settings
from plugins.ai_assistant.agent import job, trial
from plugins.ai_assistant.agent.speech import Keys
from plugins.ai_assistant.settings import Settings

PRELOADED = ("plugins.ai_assistant.agent.job", "numpy")


def main() -> None:
    """Work until asked to stop; twice when lectures shall not be waited for. ``try``: take a sample only."""
    try:
        core, own = program_settings("ai_assistant", Settings)
    except ConfigError as error:
        raise SystemExit(f"captions: {error}") from None
    log_without([core.livekit_secret, own.deepgram_key, own.speech_key, own.summary_key])
    if sys.argv[1:] == ["try"]:
        trial.run(own)
        return
    worker = Worker(
        core.livekit_api_url,
        core.livekit_key,
        core.livekit_secret,
        _in_each_lecture(own),
        most=own.lectures_per_worker,
        idle=own.idle_workers,
        at_once=core.mode == "embedded",
    )
    asyncio.run(worker.run())


def _in_each_lecture(own: Settings) -> Job:
    prepare = partial(job.prepare, Keys(own.deepgram_key, own.speech_key))
    return Job(job.NAME, "ai_assistant", prepare, job.accept, job.attend, job.finish, PRELOADED)
