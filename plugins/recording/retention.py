"""A recording goes when its time is over: film, sound, pictures, pieces, and what is known about them."""

from __future__ import annotations

from typing import Any

from core.api import Lecture, Retained, RetentionKind, delete_rows, files
from plugins.recording import editing, models
from plugins.recording.egress.models import EgressRun
from plugins.recording.models import Choice, LectureRecording, Piece, Span

PLUGIN = "recording"


def _held(lectures: Any) -> Any:
    return files.held(PLUGIN, lectures)


def _remove(lecture: Lecture) -> None:
    recording = models.recording_of(lecture)
    if recording is not None and recording.cuts:
        # What hosts have cut out of the film stays out of the transcript: nothing is left to go back to.
        editing.make_final(lecture, models.locked(lecture))
    files.delete_all(lecture, PLUGIN)
    delete_rows(lecture, Piece, Span, Choice, EgressRun, LectureRecording)


FILMS = Retained(RetentionKind.RECORDINGS, _held, _remove)
