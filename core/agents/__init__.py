"""Beside ``core.api`` for programs that LiveKit calls into lectures: a worker, its errand, the web's clock.

It needs ``livekit-agents``, which the web does without.
"""

from core.agents.clock import Clock
from core.agents.errand import Errand, read_errand
from core.agents.worker import READY, Job, Worker, log_without

__all__ = ["READY", "Clock", "Errand", "Job", "Worker", "log_without", "read_errand"]
