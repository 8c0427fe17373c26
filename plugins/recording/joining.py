"""After the end: all pieces become one file that is kept with the lecture. It is shown at once; small
pictures for the time bar and the sound alone follow.
"""

from __future__ import annotations

import logging
import math
import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from datetime import datetime
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import sqlalchemy as sa

from core.api import Audience, Lecture, StoredFile, db, defer, file_name_of, files, now, room_settings
from plugins.recording import models, state
from plugins.recording.egress import joining as of_egress
from plugins.recording.engines import is_egress
from plugins.recording.made import Made
from plugins.recording.models import LectureRecording, Outcome, Span
from plugins.recording.settings import RoomSettings

log = logging.getLogger(__name__)
PLUGIN = "recording"
SHORTEST_GAP = 0.5
# A recorder hears of a stop a moment late, and what was in its encoder is lost with it.
SHORTEST_END = 5.0
OF_SPRITES = ("width", "height", "across", "every", "count")


class Unplayable(Exception):
    """Of all pieces none can be read."""


class About(NamedTuple):
    """What belongs to a film in the storage."""

    sprite: StoredFile
    geometry: dict[str, Any]
    sound: StoredFile | None


class _Source(NamedTuple):
    id: int
    take: str
    number: int
    opened: Callable[[], BinaryIO]


def join(lecture: Lecture) -> bool:
    """Join, keep, and note what came of it; may run again. Raises ``StorageDown`` and ``Unplayable``.

    False where more pieces have come meanwhile: it must be done again.
    """
    make = of_egress.make if is_egress(models.recording_of(lecture)) else _make
    with tempfile.TemporaryDirectory(prefix="audimax-recording-") as folder:
        try:
            made, joined = make(lecture, Path(folder))
        except ValueError as error:
            raise Unplayable(str(error)) from error
        return _keep(lecture, made, joined)


def _make(lecture: Lecture, folder: Path) -> tuple[Made, set[int]]:
    """The film, and of which pieces it is made; ``ValueError`` where none can be read. Commits."""
    # Needs PyAV, which only those who record have.
    from plugins.recording.recorder.finishing import finish

    sources = _sources(lecture)
    db.session.commit()
    path = folder / "recording.webm"
    facts = finish(_pieces(sources), path)
    return Made(path, facts.as_json(), "video/webm"), {one.id for one in sources}


def _sources(lecture: Lecture) -> list[_Source]:
    recording = models.recording_of(lecture)
    runs = recording.runs if recording is not None else []
    return [
        _Source(one.id, f"{runs.index(one.run):06d}", one.number, files.opener(one.stored))
        for one in models.pieces_of(lecture, runs)
    ]


def _pieces(sources: Sequence[_Source]) -> Iterator[Any]:
    from plugins.recording.recorder.finishing import Piece

    for source in sources:
        try:
            with closing(source.opened()) as body:
                yield Piece(source.take, source.number, body.read())
        except FileNotFoundError:
            log.error("piece %d of run %s is missing in the storage", source.number, source.take)


def keep_video(lecture: Lecture, made: Made, audience: Audience) -> StoredFile:
    """The film in the storage; ``StorageDown``."""
    ending = "mp4" if made.is_mp4 else "webm"
    with made.path.open("rb") as body:
        return files.keep(
            lecture, PLUGIN, name=_name_of(lecture, ending), body=body, mime=made.mime,
            size=made.path.stat().st_size, audience=audience,
        )  # fmt: skip


def keep_what_belongs(lecture: Lecture, made: Made, audience: Audience) -> About:
    """The small pictures for the time bar, and the sound alone; ``StorageDown``."""
    from plugins.recording.recorder.sound import sound_of
    from plugins.recording.recorder.thumbnails import thumbnails

    made_of = thumbnails(made.path, format="mp4" if made.is_mp4 else "matroska")
    sprite = files.keep(
        lecture, PLUGIN, name="recording-thumbnails.webp", body=made_of.body, mime=made_of.mime,
        audience=audience,
    )  # fmt: skip
    geometry = {name: getattr(made_of, name) for name in OF_SPRITES}
    sound = sound_of(made.path, made.path.with_name("sound"))
    if sound is None:
        return About(sprite, geometry, None)
    with sound.path.open("rb") as body:
        kept = files.keep(
            lecture, PLUGIN, name=_name_of(lecture, sound.ending), body=body, mime=sound.mime,
            size=sound.path.stat().st_size, audience=audience,
        )  # fmt: skip
    return About(sprite, geometry, kept)


def drop(*kept: StoredFile | None) -> None:
    """Delete those that there are."""
    for stored in kept:
        if stored is not None:
            files.delete(stored)


def note(recording: LectureRecording, about: About) -> None:
    """Write down what belongs to the film."""
    recording.sprite_id, recording.thumbnails = about.sprite.id, about.geometry
    recording.sound_id = about.sound.id if about.sound is not None else None


def _keep(lecture: Lecture, made: Made, joined: set[int]) -> bool:
    video = keep_video(lecture, made, audience_of(lecture))
    recording = models.locked(lecture)
    pieces = models.pieces_of(lecture, recording.runs)
    is_whole = {piece.id for piece in pieces} <= joined
    if recording.outcome != Outcome.JOINING or not is_whole:
        # Another one was faster, or a recorder that was cut off has come back.
        drop(video)
        db.session.commit()
        return is_whole
    recording.facts = {**made.facts, "gaps": _gaps(lecture, made.facts)}
    recording.video_id = video.id
    _become(recording, Outcome.DONE)
    defer("recording:accompany", lecture_id=lecture.id)
    for piece in pieces:
        files.delete(piece.stored)
        db.session.delete(piece)
    db.session.commit()
    return True


def lacks_what_belongs(recording: LectureRecording) -> bool:
    """Whether there is a film, and nothing yet beside it."""
    return recording.video is not None and recording.sprite_id is None


def accompany(lecture: Lecture) -> bool:
    """Make and keep what belongs to the film that is shown; may run again. Raises ``StorageDown``.

    False where another film has taken its place meanwhile.
    """
    recording = models.recording_of(lecture)
    assert recording is not None and recording.video is not None and recording.facts is not None
    film, facts, audience = recording.video, recording.facts, Audience(recording.video.audience)
    with tempfile.TemporaryDirectory(prefix="audimax-recording-") as folder:
        path = fetched(film, Path(folder))
        about = keep_what_belongs(lecture, Made(path, facts, film.mime), audience)
    recording = models.locked(lecture)
    is_current = recording.video_id == film.id
    if is_current and lacks_what_belongs(recording):
        note(recording, about)
        state.touch(recording)
    else:
        drop(about.sprite, about.sound)
    is_done = is_current or not lacks_what_belongs(recording)
    db.session.commit()
    return is_done


def fetched(film: StoredFile, folder: Path) -> Path:
    """A copy of a film of the storage; ``StorageDown``. Commits before the bytes come."""
    opened = files.opener(film)
    db.session.commit()
    path = folder / "film"
    with closing(opened()) as body, path.open("wb") as copy:
        shutil.copyfileobj(body, copy, 1024 * 1024)
    return path


def give_up(lecture: Lecture, why: str) -> None:
    """It can't be joined; the pieces stay where they are."""
    recording = models.locked(lecture)
    recording.why = why
    _become(recording, Outcome.FAILED)
    db.session.commit()


def _become(recording: LectureRecording, outcome: Outcome) -> None:
    recording.outcome = outcome.value
    state.touch(recording)


def audience_of(lecture: Lecture) -> Audience:
    """Who will watch what is recorded in this room now; what is finished has its own."""
    viewers = room_settings(lecture.room, RoomSettings).viewers
    return Audience.HOSTS if viewers == "hosts" else Audience.EVERYONE


def _name_of(lecture: Lecture, ending: str) -> str:
    return file_name_of(f"{lecture.title[:80]} {lecture.started_at:%Y-%m-%d}", f".{ending}")


def _gaps(lecture: Lecture, facts: dict[str, Any]) -> list[dict[str, float]]:
    """Gaps, without the time in which nobody wanted it recorded, and what is missing at the end."""
    wanted = wanted_times(lecture)

    def missing(began: float, over: float) -> float:
        return sum(max(0.0, min(over, until) - max(began, since)) for since, until in wanted)

    last = facts["spans"][-1]
    at_the_end = missing(last["began_at"] + last["end"] - last["start"], math.inf)
    found = [(gap["at"], missing(*_wall(facts, gap)), SHORTEST_GAP) for gap in facts["gaps"]]
    found.append((facts["duration"], at_the_end, SHORTEST_END))
    return [{"at": at, "seconds": round(seconds, 3)} for at, seconds, least in found if seconds >= least]


def wanted_times(lecture: Lecture) -> list[tuple[float, float]]:
    """From when to when (unix) hosts wanted a lecture recorded that is over."""
    query = sa.select(Span.since, Span.until).where(Span.lecture_id == lecture.id)
    return [(row.since.timestamp(), _end(lecture, row.until)) for row in db.session.execute(query)]


def _wall(facts: dict[str, Any], gap: dict[str, float]) -> tuple[float, float]:
    """From when to when (unix) what is missing at this place was."""
    span = next(one for one in facts["spans"] if one["start"] >= gap["at"] - 0.001)
    over: float = span["began_at"]
    return over - gap["seconds"], over


def _end(lecture: Lecture, until: datetime | None) -> float:
    # What ends it at the lecture's end may come late.
    over = lecture.ended_at or now()
    return min(until or over, over).timestamp()
