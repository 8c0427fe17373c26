"""Who was sent out of a lecture, or silenced there, is forgotten with the names of those who took part."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from core.api import Lecture, Retained, RetentionKind, db
from plugins.moderation.models import Ban, LetIn, Standing

TABLES: tuple[Any, ...] = (Ban, Standing, LetIn)


def _held(lectures: Any) -> Any:
    rows = (sa.select(model.lecture_id).where(model.lecture_id.in_(lectures)) for model in TABLES)
    found = sa.union_all(*rows).subquery()
    return sa.select(found.c.lecture_id, sa.func.count()).group_by(found.c.lecture_id)


def _remove(lecture: Lecture) -> None:
    for model in TABLES:
        db.session.execute(sa.delete(model).where(model.lecture_id == lecture.id))


PEOPLE = Retained(RetentionKind.PARTICIPANTS, _held, _remove)
