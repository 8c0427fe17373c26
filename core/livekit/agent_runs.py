"""Which run of an agent counts in a lecture, and whether one is to be asked for: of a plugin's own row."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from core.db import now
from core.lectures.each import for_each_lecture
from core.lectures.models import Lecture

# An agent reports every three seconds at least.
SILENT = timedelta(seconds=7)
# A free worker is there two to three seconds after it was asked for.
COMES_WITHIN = timedelta(seconds=7)
# Of several workers that come at once the first one's word counts.
JUST_ASKED = timedelta(seconds=1)
# One that was cut off from us tries again every second; a new one that waits reports every 1.5 seconds.
FIRST_CHANCE = 1.4
OVER = "over"


class AgentRuns:
    """Mixed into the model that says how a plugin's agent stands in a lecture: six columns of it.

    ``run`` is the agent's job that counts, ``runs`` all that have counted, the last one last; ``heard_at``
    its last report, ``asked_at`` when one was last asked to come. ``status`` and ``code`` are what it said
    of itself; ``over``: it has gone.
    """

    run: Mapped[str] = mapped_column(default="")
    runs: Mapped[list[str]] = mapped_column(JSONB, default=list)
    heard_at: Mapped[datetime | None]
    asked_at: Mapped[datetime | None]
    status: Mapped[str] = mapped_column(default="")
    code: Mapped[str] = mapped_column(default="")

    @property
    def has_agent(self) -> bool:
        """Whether one has been heard of a moment ago."""
        is_fresh = self.heard_at is not None and self.heard_at > now() - SILENT
        return bool(self.run) and is_fresh and self.status != OVER

    def may_still_come(self, within: timedelta = COMES_WITHIN) -> bool:
        """Whether one was asked so short ago."""
        return self.asked_at is not None and self.asked_at >= now() - within

    def must_wait(self, run: str, waited: float) -> bool:
        """Whether a new run lets the one before it report first: we were away ourselves, perhaps.

        ``waited``: for so many seconds that run has had our answers.
        """
        return run not in self.runs and bool(self.run) and self.status != OVER and waited < FIRST_CHANCE

    def is_new(self, run: str) -> bool:
        """Whether that run may take over: it never counted before, and nobody else is there."""
        return run not in self.runs and not self.has_agent

    @classmethod
    def is_silent(cls) -> sa.ColumnElement[bool]:
        """A query's condition: nobody is there."""
        return sa.or_(cls.heard_at.is_(None), cls.heard_at < now() - SILENT, cls.status == OVER)

    @classmethod
    def is_due(cls) -> sa.ColumnElement[bool]:
        """A query's condition: nobody was asked a moment ago."""
        return sa.or_(cls.asked_at.is_(None), cls.asked_at < now() - COMES_WITHIN)


def for_each_live(lecture_ids: Iterable[int], look_after: Callable[[Lecture], object]) -> None:
    """``for_each_lecture`` for those that are on."""

    def look(lecture: Lecture) -> None:
        if lecture.is_live:
            look_after(lecture)

    for_each_lecture(lecture_ids, look, "no agent can be asked for now")
