"""For how many days each kind of content is kept: by the institution, in a room, and which lectures are due.

A room may keep for a shorter time, never for a longer one; 0 is without limit.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa
from flask_babel import lazy_gettext as _l

from core.config import MOST_KEPT_DAYS, config
from core.contracts import RetentionKind
from core.db import now
from core.lectures.models import Lecture
from core.rooms.models import Room
from core.rooms.settings import settings_of

LOGS = "logs"
# In the order in which they are removed and shown.
ROOMS = tuple(RetentionKind)
TITLES: Mapping[str, Any] = {
    RetentionKind.TRANSCRIPTS: _l("Transcripts and summaries"),
    RetentionKind.CHAT: _l("Chat"),
    RetentionKind.FILES: _l("Files"),
    RetentionKind.RECORDINGS: _l("Recordings"),
    RetentionKind.PARTICIPANTS: _l("Names of participants"),
    RetentionKind.LECTURES: _l("Whole lectures"),
    LOGS: _l("Logs"),
}


def days_of(kind: str) -> int:
    """The institution's days; 0 without limit."""
    found: int = getattr(config(), f"keep_{kind}_days")
    return found


def days_in(room: Room, kind: RetentionKind) -> tuple[int, bool]:
    """The days that hold in a room, and whether it is the room that says so."""
    house, own = days_of(kind), getattr(settings_of(room), f"keep_{kind}_days")
    return (own, True) if own and (not house or own < house) else (house, False)


def due(kind: RetentionKind) -> sa.Select[int]:
    """The keys of all lectures whose time is over for this kind, those in the trash too."""
    moment = sa.literal(now(), sa.DateTime(timezone=True))
    # In hours: a day of an interval is longer or shorter when the clocks change.
    over = Lecture.ended_at + sa.func.make_interval(0, 0, 0, 0, _days(kind) * 24)
    return sa.select(Lecture.id).join(Room, Room.id == Lecture.room_id).where(over <= moment)


def own_days(kind: RetentionKind) -> sa.ColumnElement[int]:
    """What a room says, in queries of ``Room``; NULL where that is no number of days."""
    said = Room.settings[f"keep_{kind}_days"]
    is_number = sa.func.jsonb_typeof(said) == "number"
    number = sa.case((is_number, said.astext.cast(sa.Numeric)))
    is_days = sa.and_(number.between(1, MOST_KEPT_DAYS), number == sa.func.floor(number))
    return sa.case((is_days, sa.cast(number, sa.Integer)))


def _days(kind: RetentionKind) -> sa.ColumnElement[int]:
    """As ``days_in``, for the database; NULL without limit."""
    house = sa.cast(days_of(kind) or None, sa.Integer)
    return sa.func.least(own_days(kind), house, type_=sa.Integer)
