"""A lecture's page has changed: its readers look again, and search reads it anew."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from core.bus import notify
from core.db import db
from core.jobs import defer
from core.lectures.models import Lecture
from core.search.models import SearchedLecture
from core.search.words import ANY_LANGUAGE


def lecture_changed(lecture_id: int) -> None:
    """The page of a lecture has changed in this transaction: its readers look again, search reads it anew.

    Until that is done, search shows the lecture to hosts only. Call it for everything that a section of yours
    says. Costs little, and nothing more while the lecture is live: it is read after its end.
    """
    notify(f"lecture:{lecture_id}")
    mark(Lecture.id == lecture_id)


def room_changed(room_id: int) -> None:
    """What sections show may depend on the room's settings: all its lectures are read anew."""
    mark(Lecture.room_id == room_id)


def mark(which: sa.ColumnElement[bool]) -> None:
    """Note that these lectures have changed, as far as they are over, and let a job read them."""
    over = sa.select(Lecture.id, sa.literal(ANY_LANGUAGE), sa.func.clock_timestamp()).where(
        which, Lecture.ended_at.is_not(None)
    )
    made = insert(SearchedLecture).from_select(["lecture_id", "config", "changed_at"], over)
    statement = made.on_conflict_do_update(
        index_elements=["lecture_id"], set_={"changed_at": made.excluded.changed_at}
    )
    if db.session.scalars(statement.returning(SearchedLecture.lecture_id)).all():
        # One after the other: reading costs a core for a moment. Which ones, the table says: nothing in the
        # queue tells of a lecture that is deleted meanwhile.
        defer("core:search_lectures", lock="core:search")
