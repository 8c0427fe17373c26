"""What is left of a chat when its time is over: nothing of what people wrote, and none of its files."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from core.api import Lecture, Retained, RetentionKind, db, delete_rows, files, held_rows
from plugins.chat import attachments
from plugins.chat.models import Message


def retained() -> list[Retained]:
    """The messages, and for a rule of their own the files in them."""
    return [
        Retained(RetentionKind.CHAT, _messages, _remove_messages),
        Retained(RetentionKind.FILES, _files, _remove_files),
    ]


def _messages(lectures: Any) -> Any:
    return held_rows(lectures, Message)


def _files(lectures: Any) -> Any:
    return files.held(attachments.PLUGIN, lectures)


def _remove_messages(lecture: Lecture) -> None:
    _remove_files(lecture)
    delete_rows(lecture, Message)


def _remove_files(lecture: Lecture) -> None:
    """Messages that had nothing but files are shown as removed."""
    for message in db.session.scalars(
        sa.select(Message).where(Message.lecture_id == lecture.id, Message.has_files)
    ):
        attachments.remove(message)
    files.delete_all(lecture, attachments.PLUGIN)
