"""The agent's key: proves that its bearer was sent into one lecture, until shortly after its end."""

from __future__ import annotations

import hashlib
import hmac
from datetime import timedelta

from core.config import config
from core.db import now
from core.lectures.models import Lecture

# The agent has ten minutes to hand over what it has; some more for its retries.
AFTER_THE_END = timedelta(minutes=15)


def agent_key(lecture: Lecture) -> str:
    """What the agent of this lecture sends as ``Authorization: Bearer …``."""
    return _key(lecture.public_id)


def is_agent_key(lecture: Lecture, given: str) -> bool:
    """Whether ``given`` is that key, and still good."""
    is_over = lecture.ended_at is not None and now() > lecture.ended_at + AFTER_THE_END
    return hmac.compare_digest(_key(lecture.public_id).encode(), given.encode()) and not is_over


def _key(public_id: str) -> str:
    return hmac.new(config().secret_key.encode(), f"agent:{public_id}".encode(), hashlib.sha256).hexdigest()
