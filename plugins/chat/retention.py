"""What is left of a chat when its time is over: nothing of what people wrote, and none of its files."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from core.api import Lecture, Retained, RetentionKind, db, files
from plugins.chat import attachments
from plugins.chat.models import Message


def retained() -> list[Retained]:
    """The messages, and for a rule of their own the files in them."""
    return [
        Retained(RetentionKind.CHAT, _messages, _remove_messages),
        Retained(RetentionKind.FILES, _files, _remove_files),
    ]


def _messages(lectures: Any) -> Any:
    query = sa.select(Message.lecture_id, sa.func.count()).where(Message.lecture_id.in_(lectures))
    return query.group_by(Message.lecture_id)


def _files(lectures: Any) -> Any:
    return files.held(attachments.PLUGIN, lectures)


def _remove_messages(lecture: Lecture) -> None:
    _remove_files(lecture)
    db.session.execute(sa.delete(Message).where(Message.lecture_id == lecture.id))


def _remove_files(lecture: Lecture) -> None:
    """Messages that had nothing but files are shown as removed."""
    for message in db.session.scalars(
        sa.select(Message).where(Message.lecture_id == lecture.id, Message.has_files)
    ):
        attachments.remove(message)
    for stored in files.of(lecture, attachments.PLUGIN):
        files.delete(stored)
