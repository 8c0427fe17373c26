"""The film as the lecture's page shows it."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import accumulate
from typing import Any

from flask_babel import gettext as _

from core.api import (
    Audience,
    FileEntry,
    Film,
    FilmGap,
    FilmSpan,
    Lecture,
    Link,
    Thumbnails,
    Viewer,
    files,
    film_chapters,
    room_settings,
)
from plugins.recording.models import LectureRecording
from plugins.recording.settings import RoomSettings


def of(lecture: Lecture, recording: LectureRecording, viewer: Viewer) -> Film:
    """A finished recording: ``video`` and ``facts`` are there."""
    assert recording.video is not None and recording.facts is not None
    facts, shown = recording.facts, spans(lecture, recording.facts)
    chapters = [(float(at), str(title)) for at, title in recording.chapters or ()]
    return Film(
        "film",
        _("Recording"),
        # Page and file say the same, whatever the room decides later.
        Audience(recording.video.audience),
        1,
        link=link(lecture, viewer),
        files=tuple(_downloads(lecture, recording, viewer)),
        plays=files.entry(recording.video),
        spans=shown,
        gaps=tuple(FilmGap(one["at"], one["seconds"]) for one in facts["gaps"]),
        chapters=film_chapters(shown, chapters),
        unheard=tuple(_unheard(recording, facts)),
        thumbnails=_thumbnails(recording),
        length=facts["duration"],
        language=lecture.language,
    )


def spans(lecture: Lecture, facts: dict[str, Any]) -> tuple[FilmSpan, ...]:
    """Which part of the film shows which of the lecture."""
    begun = lecture.started_at.timestamp()
    moments = (one["began_at"] - begun for one in facts["spans"])
    # Clocks may differ by more than lies between two recorders.
    in_order = accumulate(moments, max, initial=0.0)
    return tuple(
        FilmSpan(one["start"], one["end"], at)
        for one, at in zip(facts["spans"], list(in_order)[1:], strict=True)
    )


def link(lecture: Lecture, viewer: Viewer) -> Link | None:
    """Where hosts cut it and set chapters."""
    if not viewer.is_host:
        return None
    return Link(f"/plugins/recording/rooms/{lecture.room.public_id}/lectures/{lecture.public_id}", _("Edit"))


def _downloads(lecture: Lecture, recording: LectureRecording, viewer: Viewer) -> Iterator[FileEntry]:
    allowed = "all" if viewer.sees_hosts_part else room_settings(lecture.room, RoomSettings).downloads
    if allowed == "all" and recording.video is not None:
        yield files.entry(recording.video)
    if allowed != "none" and recording.sound is not None:
        yield files.entry(recording.sound)


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
