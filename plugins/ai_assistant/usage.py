"""What speech and summaries cost, by day, room and lecture."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from core.api import Lecture, Room, db, now, settings
from plugins.ai_assistant.models import LectureArtifact, Usage
from plugins.ai_assistant.settings import Settings


@dataclass(frozen=True)
class Month:
    """One room's use in one month; without a title the room is gone. ``month`` is its first day."""

    month: date
    room: str
    lectures: int
    minutes: float
    tokens_in: int
    tokens_out: int
    cost: float


def add(
    artifact: LectureArtifact,
    lecture: Lecture,
    *,
    seconds: float = 0.0,
    tokens_in: int = 0,
    tokens_out: int = 0,
) -> None:
    """Count it to the lecture and to today."""
    if not (seconds or tokens_in or tokens_out):
        return
    cost = _price(seconds, tokens_in, tokens_out)
    artifact.seconds += seconds
    artifact.tokens_in += tokens_in
    artifact.tokens_out += tokens_out
    artifact.cost += cost
    more = {"seconds": seconds, "tokens_in": tokens_in, "tokens_out": tokens_out, "cost": cost}
    row = {"lecture_id": lecture.id, "room_id": lecture.room_id, "day": now().date(), **more}
    added = {name: getattr(Usage, name) + value for name, value in more.items()}
    db.session.execute(
        insert(Usage).values(row).on_conflict_do_update(index_elements=["lecture_id", "day"], set_=added)
    )


def _price(seconds: float, tokens_in: int, tokens_out: int) -> float:
    house = settings(Settings)
    summed_up = tokens_in * house.price_million_in + tokens_out * house.price_million_out
    return seconds / 60 * house.price_minute + summed_up / 1e6


def seconds_today() -> float:
    """Seconds of speech that all lectures of today have had."""
    query = sa.select(sa.func.coalesce(sa.func.sum(Usage.seconds), 0.0)).where(Usage.day == now().date())
    return db.session.scalar(query) or 0.0


def by_month(most: int = 200) -> Sequence[Month]:
    """Each room's use, the newest month and the dearest room first."""
    month = sa.cast(sa.func.date_trunc("month", Usage.day), sa.Date).label("month")
    query = (
        sa.select(
            month,
            sa.func.coalesce(Room.title, ""),
            sa.func.count(sa.distinct(Usage.lecture_id)),
            sa.func.sum(Usage.seconds) / 60,
            sa.func.sum(Usage.tokens_in),
            sa.func.sum(Usage.tokens_out),
            sa.func.sum(Usage.cost).label("cost"),
        )
        .outerjoin(Room, Room.id == Usage.room_id)
        .group_by(month, Usage.room_id, Room.title)
        .order_by(month.desc(), sa.desc("cost"), sa.func.sum(Usage.seconds).desc())
        .limit(most)
    )
    return [Month(*row) for row in db.session.execute(query)]
