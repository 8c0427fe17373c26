"""Raised hands, and who has the floor. Both hang on a participant: they end with lecture or removal."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import aggregate_order_by, insert
from sqlalchemy.orm import Mapped, mapped_column

from core.api import Lecture, Participant, db, now

MOST_HANDS, MOST_FLOORS = 100, 50
# Who reloads or loses the connection keeps their place for so long.
BACK_WITHIN = timedelta(minutes=2)


def _to_participant() -> sa.ForeignKey:
    return sa.ForeignKey("participant.id", ondelete="CASCADE")


class Hand(db.Model):
    """A raised hand; ``id`` is the order of raising."""

    __tablename__ = "webinar__hand"

    id: Mapped[int] = mapped_column(primary_key=True)
    participant_id: Mapped[int] = mapped_column(_to_participant(), unique=True)
    raised_at: Mapped[datetime] = mapped_column(default=now)


class Floor(db.Model):
    """Who may speak in a webinar, and whether camera and screen go with the microphone."""

    __tablename__ = "webinar__floor"

    participant_id: Mapped[int] = mapped_column(_to_participant(), primary_key=True)
    camera_and_screen: Mapped[bool] = mapped_column(default=False)
    given_at: Mapped[datetime] = mapped_column(default=now)


@dataclass(frozen=True)
class Queue:
    """The first hands in order and the first who have the floor, and how many there are; of one moment."""

    at: float
    hands: list[dict[str, Any]]
    count: int
    floors: list[dict[str, Any]]
    floors_count: int


def read_queue(lecture: Lecture) -> Queue:
    """One statement: pages tell by its moment which of two packets is the newer one."""
    held = Floor.camera_and_screen
    row = db.session.execute(
        sa.select(
            sa.extract("epoch", sa.func.statement_timestamp()),
            _first(lecture, Hand, Hand.id, MOST_HANDS, since=_epoch(Hand.raised_at)),
            _how_many(lecture, Hand),
            _first(lecture, Floor, Floor.given_at, MOST_FLOORS, camera_and_screen=held),
            _how_many(lecture, Floor),
        )
    ).one()
    return Queue(float(row[0]), *row[1:])


def _epoch(moment: Any) -> Any:
    return sa.cast(sa.extract("epoch", moment), sa.BigInteger)


def _first(lecture: Lecture, model: Any, by: Any, most: int, **more: Any) -> Any:
    facts = {"identity": Participant.identity, "name": Participant.name, **more}
    pairs = [part for name, column in facts.items() for part in (sa.literal(name), column)]
    first = (
        sa.select(sa.func.json_build_object(*pairs).label("one"), by.label("by"))
        .join_from(model, Participant, Participant.id == model.participant_id)
        .where(*_inside(lecture))
        .order_by(by)
        .limit(most)
        .subquery()
    )
    listed = sa.func.json_agg(aggregate_order_by(first.c.one, first.c.by), type_=sa.JSON)
    return sa.select(sa.func.coalesce(listed, sa.text("'[]'::json"), type_=sa.JSON)).scalar_subquery()


def _how_many(lecture: Lecture, model: Any) -> Any:
    inside = sa.select(sa.func.count()).join_from(model, Participant, Participant.id == model.participant_id)
    return inside.where(*_inside(lecture)).scalar_subquery()


def _inside(lecture: Lecture) -> tuple[Any, ...]:
    """Who is admitted and hasn't been away for long."""
    away = sa.and_(Participant.present_since.is_(None), Participant.left_at < now() - BACK_WITHIN)
    return Participant.lecture_id == lecture.id, Participant.removed_at.is_(None), away.is_not(sa.true())


def first_who_is_here(lecture: Lecture) -> Participant | None:
    """Whose turn it is: the first in the queue who hasn't left."""
    left = sa.and_(Participant.present_since.is_(None), Participant.left_at.is_not(None))
    query = (
        sa.select(Participant)
        .join(Hand, Hand.participant_id == Participant.id)
        .where(*_inside(lecture), sa.not_(left))
        .order_by(Hand.id)
        .limit(1)
    )
    return db.session.scalar(query.execution_options(populate_existing=True))


def raise_hand(person: Participant) -> None:
    """Queue up; who has raised a hand already keeps their place."""
    row = {"participant_id": person.id, "raised_at": now()}
    db.session.execute(insert(Hand).values(row).on_conflict_do_nothing(index_elements=["participant_id"]))


def lower_hands(people: Any) -> None:
    """``people``: ids of participants, or a query for them."""
    _drop(sa.delete(Hand).where(Hand.participant_id.in_(people)))


def place_of(person: Participant) -> int | None:
    """The place in the queue, from 1; None for who hasn't raised a hand."""
    mine = sa.select(Hand.id).where(Hand.participant_id == person.id).scalar_subquery()
    before = (
        sa.select(sa.func.count())
        .join_from(Hand, Participant, Participant.id == Hand.participant_id)
        .where(*_inside(person.lecture), Hand.id <= mine)
    )
    return db.session.scalar(before) or None


def give_floor(person: Participant, camera_and_screen: bool) -> None:
    """Let somebody speak; a second time changes what goes with it."""
    row = {"participant_id": person.id, "camera_and_screen": camera_and_screen, "given_at": now()}
    wanted = {"camera_and_screen": camera_and_screen}
    made = insert(Floor).values(row)
    db.session.execute(made.on_conflict_do_update(index_elements=["participant_id"], set_=wanted))


def end_floors(people: Any) -> None:
    """``people``: ids of participants, or a query for them."""
    _drop(sa.delete(Floor).where(Floor.participant_id.in_(people)))


def floors_of(people: Iterable[Participant]) -> dict[int, Floor]:
    """Who of them has the floor, by ``participant.id``."""
    query = sa.select(Floor).where(Floor.participant_id.in_([person.id for person in people]))
    rows = db.session.scalars(query.execution_options(populate_existing=True))
    return {row.participant_id: row for row in rows}


def everybody_in(lecture: Lecture) -> Any:
    """Ids of all who take part, or took part."""
    return sa.select(Participant.id).where(Participant.lecture_id == lecture.id)


def _drop(statement: sa.Delete) -> None:
    db.session.execute(statement.execution_options(synchronize_session=False))
