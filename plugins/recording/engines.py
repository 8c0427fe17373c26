"""Which engine records a lecture."""

from __future__ import annotations

from core.api import settings
from plugins.recording.egress.models import has_runs
from plugins.recording.models import LectureRecording
from plugins.recording.settings import Engine, Settings


def engine_of(recording: LectureRecording | None) -> Engine:
    """The one that it began with: what the two make can't be put into one file."""
    if recording is None or not recording.runs:
        return settings(Settings).engine
    return "egress" if has_runs(recording) else "recorder"


def is_egress(recording: LectureRecording | None) -> bool:
    return engine_of(recording) == "egress"
