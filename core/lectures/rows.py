"""What rules of retention do with a plugin's own tables: count a lecture's rows, and delete them."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from core.db import db
from core.lectures.models import Lecture


def held_rows(lectures: Any, *models: Any) -> Any:
    """How many rows of these tables (by ``lecture_id``) each of the lectures has; for ``Retained.held``."""
    rows = (sa.select(model.lecture_id).where(model.lecture_id.in_(lectures)) for model in models)
    found = sa.union_all(*rows).subquery()
    return sa.select(found.c.lecture_id, sa.func.count()).group_by(found.c.lecture_id)


def delete_rows(lecture: Lecture, *models: Any) -> None:
    """Delete the lecture's rows in these tables, in their order; for ``Retained.remove``."""
    for model in models:
        db.session.execute(sa.delete(model).where(model.lecture_id == lecture.id))
