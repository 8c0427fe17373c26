"""The film is made anew, without what hosts want out of it or with everything in it again. A job's work."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from core.api import Audience, Lecture, StoredFile, db, files, now, settings
from plugins.recording import editing, joining, models, state
from plugins.recording.made import MP4, Made
from plugins.recording.models import Edit, LectureRecording
from plugins.recording.passages import Kept, Passage, new_time
from plugins.recording.settings import Settings

# Shorter than a frame.
NOTHING = 0.05


def make(lecture: Lecture) -> bool:
    """Make, keep and show the film that hosts wish for; may run again. Raises ``StorageDown``.

    False where they wish for something else meanwhile: it must be done again.
    """
    recording = models.recording_of(lecture)
    assert recording is not None
    wanted = _passages(recording)
    source, facts = editing.base(recording), editing.base_facts(recording)
    assert source is not None
    mime, audience = source.mime, Audience(recording.audience)
    with tempfile.TemporaryDirectory(prefix="audimax-recording-") as folder:
        path = joining.fetched(source, Path(folder))
        made = _cut(path, wanted, facts, mime) if wanted else Made(path, facts, mime)
        video = joining.keep_video(lecture, made, audience) if wanted else None
        about = joining.keep_what_belongs(lecture, made, audience)
    return _show(lecture, wanted, made, video, about)


def _passages(recording: LectureRecording) -> list[Passage]:
    return [(start, end) for start, end in recording.cuts]


def _cut(path: Path, passages: Sequence[Passage], facts: dict[str, Any], mime: str) -> Made:
    from plugins.recording.egress.cutting import cut as cut_mp4
    from plugins.recording.recorder.cutting import cut

    target = path.with_name("cut")
    if mime == MP4:
        done = cut_mp4(path, target, passages, facts["keys"], facts["duration"])
    else:
        done = cut(path, target, passages)
    changed = {"duration": done.duration, "size": done.size, "keys": list(done.keys)}
    return Made(target, {**moved(facts, done.kept), **changed}, mime)


def moved(facts: dict[str, Any], parts: Sequence[Kept]) -> dict[str, Any]:
    """Facts with their spans and gaps where they are in a film of these parts."""
    spans = []
    for span in facts["spans"]:
        for part in parts:
            start, end = max(span["start"], part.start), min(span["end"], part.end)
            if end - start > NOTHING:
                at = part.at + start - part.start
                began = span["began_at"] + start - span["start"]
                spans.append({"start": round(at, 3), "end": round(at + end - start, 3), "began_at": began})
    gaps = [
        {"at": round(at, 3), "seconds": gap["seconds"]}
        for gap in facts["gaps"]
        if (at := _where(parts, gap["at"])) is not None
    ]
    return {**facts, "spans": spans, "gaps": gaps}


def _where(parts: Sequence[Kept], old: float) -> float | None:
    """As ``new_time``, which knows no end: there is what is missing there."""
    last = parts[-1]
    if abs(old - last.end) <= NOTHING:
        return last.at + last.end - last.start
    return new_time(parts, old)


def _show(
    lecture: Lecture,
    wanted: Sequence[Passage],
    made: Made,
    video: StoredFile | None,
    about: joining.About,
) -> bool:
    recording = models.locked(lecture)
    if recording.edit != Edit.WAITING or _passages(recording) != list(wanted):
        joining.drop(video, about.sprite, about.sound)
        db.session.commit()
        return recording.edit != Edit.WAITING
    _replace(recording, made, video)
    joining.drop(recording.sprite, recording.sound)
    joining.note(recording, about)
    recording.edit = Edit.NONE.value
    if recording.original_id is not None and settings(Settings).keep_original_days == 0:
        editing.make_final(lecture, recording)
    state.touch(recording)
    db.session.commit()
    return True


def _replace(recording: LectureRecording, made: Made, video: StoredFile | None) -> None:
    """The film that was shown before goes, unless it is the one to go back to."""
    original = editing.base(recording)
    if recording.video is not None and recording.video is not original:
        files.delete(recording.video)
    if video is None:
        assert original is not None
        original.audience = recording.audience
        recording.video_id, recording.facts = original.id, made.facts
        recording.original_id, recording.original_facts, recording.cut_at = None, None, None
        return
    if recording.original_id is None:
        recording.original_id, recording.original_facts = recording.video_id, recording.facts
    recording.video_id, recording.facts, recording.cut_at = video.id, made.facts, now()


def give_up(lecture: Lecture) -> None:
    """It can't be made: nobody sees the film until a host tries again or takes the cut back."""
    recording = models.locked(lecture)
    if recording.edit == Edit.WAITING:
        recording.edit = Edit.FAILED.value
        state.touch(recording)
    db.session.commit()
