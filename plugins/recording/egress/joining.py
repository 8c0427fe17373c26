"""The files of a lecture's egresses become its film."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

from core.api import Lecture, db, files
from plugins.recording import models
from plugins.recording.egress.models import runs_of
from plugins.recording.made import MP4, Made

log = logging.getLogger(__name__)


class _Source(NamedTuple):
    began_at: float
    opened: Callable[[], BinaryIO] | None


def make(lecture: Lecture, folder: Path) -> tuple[Made, set[int]]:
    """The film, and of which pieces it is made. Raises ``StorageDown``.

    ``ValueError`` where no piece can be read. One piece at a time is in ``folder``. Commits.
    """
    # Needs PyAV, which only those who record have.
    from plugins.recording.egress.finishing import finish

    sources, used = _sources(lecture)
    db.session.commit()
    path = folder / "recording.mp4"
    several = sum(one.opened is not None for one in sources) > 1
    facts = finish(_takes(sources, folder / "piece.mp4"), path, several=several)
    return Made(path, facts.as_json(), MP4), used


def _sources(lecture: Lecture) -> tuple[list[_Source], set[int]]:
    pieces = {one.run: one for one in _pieces(lecture)}
    found = []
    for run in runs_of(lecture):
        piece = pieces.get(run.run)
        began_at = run.began_at
        if began_at is None and piece is not None:
            # LiveKit has never said it: what its page heard last is near enough.
            began_at = run.asked_at.timestamp()
        if began_at is not None:
            found.append(_Source(began_at, files.opener(piece.stored) if piece is not None else None))
    return sorted(found, key=lambda one: one.began_at), {one.id for one in pieces.values()}


def _pieces(lecture: Lecture) -> list[models.Piece]:
    recording = models.recording_of(lecture)
    return models.pieces_of(lecture, recording.runs) if recording is not None else []


def _takes(sources: list[_Source], path: Path) -> Iterator[Any]:
    from plugins.recording.egress.finishing import Take

    for source in sources:
        yield Take(source.began_at, _fetched(source, path))
    path.unlink(missing_ok=True)


def _fetched(source: _Source, path: Path) -> Path | None:
    if source.opened is None:
        return None
    try:
        with closing(source.opened()) as body, path.open("wb") as kept:
            shutil.copyfileobj(body, kept, 1024 * 1024)
    except FileNotFoundError:
        log.error("a piece of %d is missing in the storage", source.began_at)
        return None
    return path
