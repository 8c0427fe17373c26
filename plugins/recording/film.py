"""The film as the lecture's page shows it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from flask_babel import gettext as _

from core.api import Audience, Film, FilmGap, FilmSpan, Lecture, Thumbnails, files
from plugins.recording.models import LectureRecording


def of(lecture: Lecture, recording: LectureRecording, audience: Audience) -> Film:
    """A finished recording: ``video`` and ``facts`` are there."""
    assert recording.video is not None and recording.facts is not None
    facts, begun = recording.facts, lecture.started_at.timestamp()
    return Film(
        "film",
        _("Recording"),
        audience,
        1,
        files=(files.entry(recording.video),),
        spans=tuple(
            FilmSpan(one["start"], one["end"], max(0.0, one["began_at"] - begun)) for one in facts["spans"]
        ),
        gaps=tuple(FilmGap(one["at"], one["seconds"]) for one in facts["gaps"]),
        unheard=tuple(_unheard(recording, facts)),
        thumbnails=_thumbnails(recording),
        length=facts["duration"],
        language=lecture.language,
    )


def _thumbnails(recording: LectureRecording) -> Thumbnails | None:
    if recording.sprite is None or recording.thumbnails is None:
        return None
    return Thumbnails(url=files.entry(recording.sprite).url, **recording.thumbnails)


def _unheard(recording: LectureRecording, facts: dict[str, Any]) -> Iterator[tuple[float, float]]:
    """Seconds of the file in which somebody may have spoken who isn't in it."""
    for _run, began, over in recording.unheard:
        for span in facts["spans"]:
            shift = span["start"] - span["began_at"]
            start, end = max(span["start"], began + shift), min(span["end"], over + shift)
            if end - start >= 0.5:
                yield round(start, 3), round(end, 3)
