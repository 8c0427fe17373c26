"""Who was sent out of a lecture, or silenced there, is forgotten with the names of those who took part."""

from __future__ import annotations

from typing import Any

from core.api import Lecture, Retained, RetentionKind, delete_rows, held_rows
from plugins.moderation.models import Ban, LetIn, Standing

TABLES: tuple[Any, ...] = (Ban, Standing, LetIn)


def _held(lectures: Any) -> Any:
    return held_rows(lectures, *TABLES)


def _remove(lecture: Lecture) -> None:
    delete_rows(lecture, *TABLES)


PEOPLE = Retained(RetentionKind.PARTICIPANTS, _held, _remove)
