"""A host cuts passages out of a lecture, takes that back, or it becomes so for good. Nothing here commits."""

from __future__ import annotations

import math
from collections.abc import Sequence

import sqlalchemy as sa

from core import events
from core.contracts import LectureCut
from core.db import db
from core.exports import exports
from core.exports.models import Export
from core.exports.models import State as ExportState
from core.lectures.cuts import Passage
from core.lectures.models import Lecture
from core.search.changes import lecture_changed
from core.search.models import SearchedLecture

# Of one lecture, together.
MOST = 500


def cut(lecture: Lecture, passages: Sequence[Passage]) -> None:
    """These passages are cut out of the lecture from the commit on, and no others but those for good.

    Nobody is shown what was said in them: on the page, in search, in new exports; what was exported before
    is removed. Plugins hear ``LectureCut``. ``ValueError`` for a passage that makes no sense.
    """
    wanted = [_milliseconds(*one) for one in passages]
    _lock(lecture)
    for_good = [one for one in lecture.cuts if one[2]]
    if len(wanted) + len(for_good) > MOST:
        raise ValueError(f"a lecture can have {MOST} passages cut out")
    _become(lecture, [*for_good, *([since, until, 0] for since, until in wanted)], for_good=False)


def make_cuts_final(lecture: Lecture) -> None:
    """What is cut out can't be taken back any more: plugins delete what was said in it."""
    _lock(lecture)
    if any(not one[2] for one in lecture.cuts):
        _become(lecture, [[since, until, 1] for since, until, _for_good in lecture.cuts], for_good=True)


def _milliseconds(since: float, until: float) -> tuple[int, int]:
    if not (math.isfinite(since) and math.isfinite(until) and 0 <= since < until):
        raise ValueError(f"a passage from second {since} to {until} makes no sense")
    return round(since * 1000), round(until * 1000)


def _lock(lecture: Lecture) -> None:
    db.session.refresh(lecture, ["cuts"], with_for_update=True)


def _become(lecture: Lecture, cuts: list[list[int]], *, for_good: bool) -> None:
    lecture.cuts = sorted(cuts)
    _forget_exports(lecture)
    lecture_changed(lecture.id)
    # Not even its hosts find it until it has been read anew.
    mine = SearchedLecture.lecture_id == lecture.id
    db.session.execute(sa.update(SearchedLecture).where(mine).values(built_for=None))
    events.publish(LectureCut(room_id=lecture.room_id, lecture_id=lecture.id, for_good=for_good))


def _forget_exports(lecture: Lecture) -> None:
    for export in db.session.scalars(sa.select(Export).where(Export.lecture_id == lecture.id)).all():
        if not export.is_over:
            exports.call_off(export)
            exports.again(export)
        elif export.state == ExportState.DONE and export.file_id is not None:
            exports.remove(export)
