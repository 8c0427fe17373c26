"""Who took part in a lecture, from when to when, for how long: one row for each person."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from core.db import db, now
from core.lectures.models import Lecture, Participant

MOST_SHOWN = 2_000


@dataclass(frozen=True)
class Presence:
    """One person in one lecture; ``left_at`` is empty while they are inside."""

    name: str
    is_host: bool
    joined_at: datetime
    left_at: datetime | None
    seconds: int


def of_lecture(lecture: Lecture) -> list[Presence]:
    """Everybody who was ever connected, hosts first, then as they came; one query."""
    query = (
        sa.select(Participant)
        .where(Participant.lecture_id == lecture.id, Participant.first_joined_at.is_not(None))
        .order_by(Participant.first_joined_at, Participant.id)
        .limit(MOST_SHOWN)
    )
    people: dict[tuple[str, int], list[Participant]] = {}
    for row in db.session.scalars(query):
        people.setdefault(_person(row), []).append(row)
    found = [_merged(rows, lecture.ended_at or now()) for rows in people.values()]
    return sorted(found, key=lambda one: (not one.is_host, one.joined_at))


def _person(row: Participant) -> tuple[str, int]:
    """A return after a removal is a new row of the same person."""
    if row.user_id is not None:
        return ("user", row.user_id)
    return ("guest", row.guest_session_id) if row.guest_session_id is not None else ("row", row.id)


def _merged(rows: list[Participant], until: datetime) -> Presence:
    inside = any(row.present_since is not None for row in rows)
    return Presence(
        name=rows[-1].name,
        is_host=any(row.is_host for row in rows),
        joined_at=min(row.first_joined_at for row in rows if row.first_joined_at is not None),
        left_at=None if inside else max((row.left_at for row in rows if row.left_at), default=until),
        seconds=sum(_seconds(row, until) for row in rows),
    )


def _seconds(row: Participant, until: datetime) -> int:
    running = (until - row.present_since).total_seconds() if row.present_since else 0
    return row.seconds_present + max(0, int(running))


def count(lectures: Iterable[Lecture]) -> dict[int, int]:
    """How many people each lecture had; one query for all."""
    ids = [lecture.id for lecture in lectures]
    if not ids:
        return {}
    person = sa.func.coalesce(
        sa.literal("u") + sa.cast(Participant.user_id, sa.Text),
        sa.literal("g") + sa.cast(Participant.guest_session_id, sa.Text),
        sa.literal("r") + sa.cast(Participant.id, sa.Text),
    )
    query = (
        sa.select(Participant.lecture_id, sa.func.count(sa.distinct(person)).label("people"))
        .where(Participant.lecture_id.in_(ids), Participant.first_joined_at.is_not(None))
        .group_by(Participant.lecture_id)
    )
    return {row.lecture_id: row.people for row in db.session.execute(query)}
