"""Who asked to come in is forgotten with the names of those who took part; class lists are the room's."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from core.api import Lecture, Retained, RetentionKind, db
from plugins.lobby.models import Entry


def _held(lectures: Any) -> Any:
    query = sa.select(Entry.lecture_id, sa.func.count()).where(Entry.lecture_id.in_(lectures))
    return query.group_by(Entry.lecture_id)


def _remove(lecture: Lecture) -> None:
    db.session.execute(sa.delete(Entry).where(Entry.lecture_id == lecture.id))


ENTRIES = Retained(RetentionKind.PARTICIPANTS, _held, _remove)
