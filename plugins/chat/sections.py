"""What stays of the chat: questions with their answers, what everybody read, what only hosts read."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import sqlalchemy as sa
from flask_babel import gettext as _
from sqlalchemy.orm import aliased

from core.api import (
    Audience,
    Files,
    Lecture,
    Line,
    Section,
    StoredFile,
    Table,
    Timeline,
    Viewer,
    db,
    files,
)
from plugins.chat.models import VOTE, Attachment, Message

# Core takes 100,000 lines and 10 million characters from a plugin.
MOST_LINES, MOST_CHARACTERS = 40_000, 3_000_000
MOST_QUESTIONS = 300
# Ready files by the public ids of their messages, in the order of these.
Attached = Mapping[str, Sequence[StoredFile]]


class Said(NamedTuple):
    """One row of a section."""

    public_id: str
    at: int
    author: str
    is_host: bool
    text: str
    removed_by: str
    replied_to: str | None
    of_all: int


def of(lecture: Lecture, viewer: Viewer) -> list[Section]:
    """The sections that have something in them; those for hosts are only made for those who see them."""
    found = _of_audience(lecture, Audience.EVERYONE)
    if viewer.sees_hosts_part:
        found += _of_audience(lecture, Audience.HOSTS)
    return [section for section in found if _is_filled(section)]


def _of_audience(lecture: Lecture, audience: Audience) -> list[Section]:
    attached = _attached(lecture, audience)
    questions = [_questions(lecture, attached)] if audience is Audience.EVERYONE else []
    return [*questions, _timeline(lecture, audience, attached), _files(audience, attached)]


def _is_filled(section: Section) -> bool:
    return any(getattr(section, parts, ()) for parts in ("rows", "lines", "files"))


# --- files ----------------------------------------------------------------------------


def _attached(lecture: Lecture, audience: Audience) -> Attached:
    query = (
        sa.select(Message.public_id, StoredFile)
        .join(Attachment, Attachment.message_id == Message.id)
        .join(StoredFile, StoredFile.id == Attachment.stored_file_id)
        .where(Message.lecture_id == lecture.id, Message.audience == audience)
        .where(StoredFile.state == files.State.READY)
        .order_by(Message.at, Attachment.place)
    )
    found: dict[str, list[StoredFile]] = {}
    for message_id, stored in db.session.execute(query):
        found.setdefault(message_id, []).append(stored)
    return found


def _files(audience: Audience, attached: Attached) -> Files:
    is_public = audience is Audience.EVERYONE
    shown = (stored for one in attached.values() for stored in one if stored.is_handed_out)
    return Files(
        id="files" if is_public else "private_files",
        title=_("Files of the chat") if is_public else _("Files of the chat: to the hosts only"),
        audience=audience,
        order=301 if is_public else 311,
        files=tuple(files.entry(stored) for stored in shown),
    )


def _with_names(text: str, attached: Sequence[StoredFile]) -> str:
    if not attached:
        return text
    names = _("Attached: %(names)s", names=", ".join(stored.name for stored in attached))
    return f"{text}\n{names}" if text else names


# --- lines ----------------------------------------------------------------------------


def _timeline(lecture: Lecture, audience: Audience, attached: Attached) -> Timeline:
    rows = _said(lecture, audience)
    is_public = audience is Audience.EVERYONE
    return Timeline(
        id="messages" if is_public else "private",
        title=_("Chat") if is_public else _("Chat: to the hosts only"),
        audience=audience,
        order=300 if is_public else 310,
        lines=tuple(_lines(lecture, rows, attached)),
    )


def _said(lecture: Lecture, audience: Audience) -> Sequence[Said]:
    """From the beginning, as far as a section can hold it."""
    quoted = aliased(Message)
    so_far = sa.func.sum(sa.func.length(Message.text)).over(order_by=Message.at)
    query = (
        sa.select(
            Message.public_id,
            Message.at,
            Message.author_name,
            Message.author_is_host,
            Message.text,
            Message.removed_by,
            quoted.author_name.label("replied_to"),
            sa.func.count().over().label("of_all"),
            so_far.label("so_far"),
        )
        .outerjoin(quoted, quoted.id == Message.reply_to_id)
        .where(Message.lecture_id == lecture.id, Message.audience == audience)
        .order_by(Message.at)
        .limit(MOST_LINES)
        .subquery()
    )
    columns = [column for column in query.c if column.name != "so_far"]
    fitting = sa.select(*columns).where(query.c.so_far <= MOST_CHARACTERS).order_by(query.c.at)
    return [Said(*row) for row in db.session.execute(fitting)]


def _lines(lecture: Lecture, rows: Sequence[Said], attached: Attached) -> Iterable[Line]:
    began = lecture.started_at.timestamp()
    at = 0.0
    for row in rows:
        at = max(0.0, row.at / 1e6 - began)
        yield Line(
            at=at, speaker=_name(row), text=_text(row, attached.get(row.public_id, ())), id=row.public_id
        )
    if rows and rows[0].of_all > len(rows):
        yield Line(at=at, speaker="", text=_("More was written than can be shown here."))


def _name(row: Said) -> str:
    return str(_("%(name)s (host)", name=row.author)) if row.is_host else row.author


def _text(row: Said, attached: Sequence[StoredFile]) -> str:
    text = _with_names(row.text, attached)
    if not text:
        return str(_("removed by a host") if row.removed_by == "host" else _("removed"))
    return f"↪ {row.replied_to}: {text}" if row.replied_to else text


# --- questions ------------------------------------------------------------------------


def _questions(lecture: Lecture, attached: Attached) -> Table:
    """By votes. Answers are what hosts have replied to everybody."""
    votes = sa.func.coalesce(Message.marks[VOTE].as_integer(), 0)
    asked = sa.select(Message).where(
        Message.lecture_id == lecture.id,
        Message.audience == Audience.EVERYONE,
        Message.is_question,
        Message.is_there(),
    )
    rows = db.session.scalars(asked.order_by(votes.desc(), Message.at).limit(MOST_QUESTIONS)).all()
    answers = _answers([row.id for row in rows], attached)
    return Table(
        id="questions",
        title=_("Questions"),
        order=290,
        columns=(_("Question"), _("Asked by"), _("Votes"), _("Answer")),
        rows=tuple(_row(row, answers.get(row.id, []), attached) for row in rows),
    )


def _answers(questions: Sequence[int], attached: Attached) -> dict[int, list[str]]:
    query = sa.select(Message.reply_to_id, Message.public_id, Message.text).where(
        Message.reply_to_id.in_(questions),
        Message.audience == Audience.EVERYONE,
        Message.author_is_host,
        Message.is_there(),
    )
    found: dict[int, list[str]] = {}
    for question, answer, text in db.session.execute(query.order_by(Message.at).limit(MOST_QUESTIONS)):
        found.setdefault(int(question or 0), []).append(_with_names(text, attached.get(answer, ())))
    return found


def _row(question: Message, answers: list[str], attached: Attached) -> tuple[str, ...]:
    answer = "\n".join(answers) or (_("answered in the lecture") if question.answered else "")
    asked = _with_names(question.text, attached.get(question.public_id, ()))
    return (asked, question.author_name, str(question.marks.get(VOTE, 0)), answer)
