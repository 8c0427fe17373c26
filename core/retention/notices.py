"""What readers are told of content that was removed by a rule, and hosts of what will be."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, NamedTuple

from flask_babel import format_date, ngettext
from flask_babel import gettext as _

from core.contracts import Facts, RetentionKind
from core.lectures.models import Lecture
from core.retention import kinds, stock

SECTION = "retention"
ORDER = 890


class Going(NamedTuple):
    """Content of a lecture and the day from which on it is deleted."""

    title: str
    day: datetime


def is_gone(lecture: Lecture, kind: RetentionKind) -> bool:
    """Whether a rule has removed this kind of content."""
    return kind.value in lecture.expired


def section(lecture: Lecture) -> Facts | None:
    """What was removed, when and why; None where nothing was."""
    gone = [kind for kind in RetentionKind if is_gone(lecture, kind)]
    if not gone:
        return None
    facts = tuple((str(kinds.TITLES[kind]), _why(lecture.expired[kind.value])) for kind in gone)
    return Facts(SECTION, _("Deleted after its time"), order=ORDER, facts=facts)


def _why(told: dict[str, Any]) -> str:
    day, days = format_date(datetime.fromisoformat(told["at"]), _("d MMMM y")), told["days"]
    if told["by_room"]:
        return ngettext(
            "Deleted on %(day)s, because this room keeps them for %(num)s day.",
            "Deleted on %(day)s, because this room keeps them for %(num)s days.",
            days,
            day=day,
        )
    return ngettext(
        "Deleted on %(day)s, because this institution keeps them for %(num)s day.",
        "Deleted on %(day)s, because this institution keeps them for %(num)s days.",
        days,
        day=day,
    )


def going(lecture: Lecture) -> list[Going]:
    """What will be removed of a lecture that is over, the first first."""
    rules = {kind: days for kind in RetentionKind if (days := kinds.days_in(lecture.room, kind)[0])}
    if lecture.ended_at is None or not rules:
        return []
    kept = stock.kept_of(lecture)
    found = [
        Going(str(kinds.TITLES[kind]), lecture.ended_at + timedelta(days=days))
        for kind, days in rules.items()
        if kind in kept
    ]
    return sorted(found, key=lambda one: one.day)
