"""Shared files go with their rows when their time is over."""

from __future__ import annotations

from typing import Any

from core.api import Lecture, Retained, RetentionKind, delete_rows, files
from plugins.files.models import Share

PLUGIN = "files"


def _held(lectures: Any) -> Any:
    return files.held(PLUGIN, lectures)


def _remove(lecture: Lecture) -> None:
    files.delete_all(lecture, PLUGIN)
    delete_rows(lecture, Share)


SHARED = Retained(RetentionKind.FILES, _held, _remove)
