"""Who asked to come in is forgotten with the names of those who took part; class lists are the room's."""

from __future__ import annotations

from typing import Any

from core.api import Lecture, Retained, RetentionKind, delete_rows, held_rows
from plugins.lobby.models import Entry


def _held(lectures: Any) -> Any:
    return held_rows(lectures, Entry)


def _remove(lecture: Lecture) -> None:
    delete_rows(lecture, Entry)


ENTRIES = Retained(RetentionKind.PARTICIPANTS, _held, _remove)
