"""What stays of a recording with the lecture: the film, and what there is to know about it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from flask_babel import gettext as _
from flask_babel import ngettext

from core.api import Audience, Facts, Lecture, Prose, Section, clock
from plugins.recording import film, joining
from plugins.recording.models import LectureRecording, Outcome, recording_of


def of(lecture: Lecture) -> list[Section]:
    """The parts of this lecture's page."""
    recording = recording_of(lecture)
    return list(_parts(lecture, recording)) if recording is not None else []


def _parts(lecture: Lecture, recording: LectureRecording) -> Iterator[Section]:
    if recording.outcome == Outcome.DONE and recording.video is not None and recording.facts is not None:
        # Page and file say the same, whatever the room decides later.
        audience = Audience(recording.video.audience)
        yield film.of(lecture, recording, audience)
        yield Facts("facts", _("About the recording"), audience, 3, facts=tuple(_facts(recording.facts)))
        return
    told = _told(lecture, recording)
    if told is not None:
        words, busy = told
        yield Prose("state", _("Recording"), joining.audience_of(lecture), 2, busy=busy, paragraphs=(words,))


def _told(lecture: Lecture, recording: LectureRecording) -> tuple[str, str] | None:
    """What is said in place of a film, and what is still being made; None where there was no recording."""
    if lecture.is_live:
        return None
    if recording.outcome in (Outcome.WAITING, Outcome.JOINING):
        return _("It appears here by itself."), _("The recording is being made …")
    if recording.outcome == Outcome.FAILED:
        return _("The recording could not be put together. Its parts are kept; an admin can help."), ""
    return None


def _facts(facts: dict[str, Any]) -> Iterator[tuple[str, str]]:
    yield _("Length"), clock(facts["duration"])
    yield _("Picture"), f"{facts['width']} × {facts['height']}"
    if gaps := facts["gaps"]:
        missing = sum(gap["seconds"] for gap in gaps)
        for_long = clock(missing)
        yield (
            _("Gaps"),
            ngettext("%(num)s, for %(time)s", "%(num)s, for %(time)s together", len(gaps), time=for_long),
        )
