"""Shared files go with their rows when their time is over."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from core.api import Lecture, Retained, RetentionKind, db, files
from plugins.files.models import Share

PLUGIN = "files"


def _held(lectures: Any) -> Any:
    return files.held(PLUGIN, lectures)


def _remove(lecture: Lecture) -> None:
    for stored in files.of(lecture, PLUGIN):
        files.delete(stored)
    db.session.execute(sa.delete(Share).where(Share.lecture_id == lecture.id))


SHARED = Retained(RetentionKind.FILES, _held, _remove)
