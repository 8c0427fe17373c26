"""Work that goes through many lectures."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable

import sqlalchemy as sa

from core.db import db
from core.lectures.models import Lecture

log = logging.getLogger(__name__)


def for_each_lecture(lecture_ids: Iterable[int], work: Callable[[Lecture], object], waits: str) -> None:
    """Do it for those that are there, each for itself: what the database refuses one, the next may get.

    ``work`` commits. ``waits``: what becomes of a lecture that was refused, in words for the log.
    """
    for lecture_id in lecture_ids:
        lecture = db.session.get(Lecture, lecture_id)
        if lecture is None:
            continue
        try:
            work(lecture)
        except sa.exc.SQLAlchemyError as error:
            db.session.rollback()
            log.warning("lecture %d: %s: %s", lecture_id, waits, type(error).__name__)
