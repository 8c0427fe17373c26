"""What was cut out of a lecture, and so is in none of its parts any more.

A passage is a time of the lecture, in seconds from its start. What was said in it stays in the tables for
as long as the cut can be taken back; nobody is shown it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import sqlalchemy as sa

from core.contracts import Section, Timeline
from core.lectures.models import Lecture

# From when to when.
Passage = tuple[float, float]
# Words are taken to their time by a machine: who only touches a passage with so many seconds isn't in it.
TOUCH = 0.3


def passages_of(lecture: Lecture) -> tuple[Passage, ...]:
    """The passages that are cut out, in order and apart from one another."""
    merged: list[Passage] = []
    for since, until, _for_good in sorted(lecture.cuts):
        if merged and since / 1000 <= merged[-1][1]:
            merged[-1] = merged[-1][0], max(merged[-1][1], until / 1000)
        else:
            merged.append((since / 1000, until / 1000))
    return tuple(merged)


def is_cut(passages: Sequence[Passage], since: float, until: float) -> bool:
    """Whether something that was said from second ``since`` to ``until`` is in one of these."""
    return any(since < over - TOUCH and max(until, since + 2 * TOUCH) > begun + TOUCH
               for begun, over in passages)  # fmt: skip


def remains(lecture: Lecture, since: Any, until: Any) -> sa.ColumnElement[bool]:
    """The same as SQL, the other way round: rows that are still shown. Both columns in milliseconds."""
    touch = round(TOUCH * 1000)
    long_enough = sa.func.greatest(until, since + 2 * touch)
    return sa.and_(
        sa.true(),
        *(
            sa.or_(since >= round(over * 1000) - touch, long_enough <= round(begun * 1000) + touch)
            for begun, over in passages_of(lecture)
        ),
    )


def without_cuts(lecture: Lecture, sections: Sequence[Section]) -> list[Section]:
    """The sections, without what was said in a passage that is cut out, whoever gives it.

    Plugins do that themselves, with better times and numbers; no other one shall bring it back.
    """
    passages = passages_of(lecture)
    if not passages:
        return list(sections)
    return [_without(one, passages) if isinstance(one, Timeline) and one.spoken else one for one in sections]


def _without(section: Timeline, passages: Sequence[Passage]) -> Timeline:
    kept = tuple(line for line in section.lines if not is_cut(passages, line.at, line.until))
    gone = len(section.lines) - len(kept)
    if not gone:
        return section
    return replace(section, lines=kept, total=max(0, section.total - gone),
                   version=f"{section.version} {passages}" if section.version else "")  # fmt: skip
