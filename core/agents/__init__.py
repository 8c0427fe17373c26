"""Beside ``core.api`` for programs that LiveKit calls into lectures: a worker, its errand, reports home.

It needs ``livekit-agents``, which the web does without.
"""

from core.agents.clock import Clock
from core.agents.ending import end_tasks
from core.agents.errand import Errand, read_errand
from core.agents.reports import UNWANTED, Answer, Refused, Reports, Unheard, Unreachable, Unwanted
from core.agents.subscriptions import Subscriptions
from core.agents.worker import READY, Job, Worker, log_without

__all__ = [
    "READY",
    "UNWANTED",
    "Answer",
    "Clock",
    "Errand",
    "Job",
    "Refused",
    "Reports",
    "Subscriptions",
    "Unheard",
    "Unreachable",
    "Unwanted",
    "Worker",
    "end_tasks",
    "log_without",
    "read_errand",
]
