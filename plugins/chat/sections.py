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
MOST_QUESTIONS, MOST_ANSWERS = 300, 50
# Ready files by the public ids of their messages, in the order of these.
Attached = Mapping[str, Sequence[StoredFile]]


class Said(NamedTuple):
    """A message as the sections need it."""

    id: int
    public_id: str
    audience: str
    at: int
    author: str
    is_host: bool
    text: str
    has_files: bool
    removed_by: str
    is_question: bool
    answered: bool
    votes: int
    reply_to: int | None
    replied_to: str | None
    of_all: int

    @property
    def is_there(self) -> bool:
        return bool(self.text or self.has_files)


def of(lecture: Lecture, viewer: Viewer) -> list[Section]:
    """The sections that have something in them; those for hosts are only made for those who see them.

    Two looks at the database: a page shows more than the chat.
    """
    audiences = [Audience.EVERYONE, Audience.HOSTS] if viewer.sees_hosts_part else [Audience.EVERYONE]
    rows = _said(lecture, audiences)
    attached = _attached(lecture, audiences) if any(row.has_files for row in rows) else {}
    found: list[Section] = [_questions(rows, attached.get(Audience.EVERYONE, {}))]
    for audience in audiences:
        mine, files_of = [row for row in rows if row.audience == audience], attached.get(audience, {})
        found += [_timeline(lecture, audience, mine, files_of), _files(audience, files_of)]
    return [section for section in found if _is_filled(section)]


def _is_filled(section: Section) -> bool:
    return any(getattr(section, parts, ()) for parts in ("rows", "lines", "files"))


# --- files ----------------------------------------------------------------------------


def _attached(lecture: Lecture, audiences: Sequence[Audience]) -> dict[str, dict[str, list[StoredFile]]]:
    """By audience."""
    query = (
        sa.select(Message.audience, Message.public_id, StoredFile)
        .join(Attachment, Attachment.message_id == Message.id)
        .join(StoredFile, StoredFile.id == Attachment.stored_file_id)
        .where(Message.lecture_id == lecture.id, Message.audience.in_(audiences))
        .where(StoredFile.state == files.State.READY)
        .order_by(Message.at, Attachment.place)
    )
    found: dict[str, dict[str, list[StoredFile]]] = {}
    for audience, message_id, stored in db.session.execute(query):
        found.setdefault(audience, {}).setdefault(message_id, []).append(stored)
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


def _timeline(lecture: Lecture, audience: Audience, rows: Sequence[Said], attached: Attached) -> Timeline:
    is_public = audience is Audience.EVERYONE
    return Timeline(
        id="messages" if is_public else "private",
        title=_("Chat") if is_public else _("Chat: to the hosts only"),
        audience=audience,
        order=300 if is_public else 310,
        lines=tuple(_lines(lecture, rows, attached)),
    )


def _said(lecture: Lecture, audiences: Sequence[Audience]) -> Sequence[Said]:
    """Of each audience from the beginning, as far as a section can hold it."""
    quoted = aliased(Message)
    of_audience = {"partition_by": Message.audience}
    query = (
        sa.select(
            Message.id,
            Message.public_id,
            Message.audience,
            Message.at,
            Message.author_name,
            Message.author_is_host,
            Message.text,
            Message.has_files,
            Message.removed_by,
            Message.is_question,
            Message.answered,
            sa.func.coalesce(Message.marks[VOTE].as_integer(), 0).label("votes"),
            Message.reply_to_id,
            quoted.author_name.label("replied_to"),
            sa.func.count().over(**of_audience).label("of_all"),
            sa.func.row_number().over(order_by=Message.at, **of_audience).label("nth"),
            sa.func.sum(sa.func.length(Message.text)).over(order_by=Message.at, **of_audience).label("so_far"),
        )
        .outerjoin(quoted, quoted.id == Message.reply_to_id)
        .where(Message.lecture_id == lecture.id, Message.audience.in_(audiences))
        .subquery()
    )
    columns = [column for column in query.c if column.name not in ("nth", "so_far")]
    fitting = sa.select(*columns).where(query.c.nth <= MOST_LINES, query.c.so_far <= MOST_CHARACTERS)
    return [Said._make(row) for row in db.session.execute(fitting.order_by(query.c.at))]


def _lines(lecture: Lecture, rows: Sequence[Said], attached: Attached) -> Iterable[Line]:
    began = lecture.started_at.timestamp()
    names = {author: str(_("%(name)s (host)", name=author)) for author in {r.author for r in rows if r.is_host}}
    at = 0.0
    for row in rows:
        at = max(0.0, row.at / 1e6 - began)
        name = names[row.author] if row.is_host else row.author
        yield Line(at, name, _text(row, attached.get(row.public_id, ())), row.public_id)
    if rows and rows[0].of_all > len(rows):
        yield Line(at=at, speaker="", text=_("More was written than can be shown here."))


def _text(row: Said, attached: Sequence[StoredFile]) -> str:
    text = _with_names(row.text, attached)
    if not text:
        return str(_("removed by a host") if row.removed_by == "host" else _("removed"))
    return f"↪ {row.replied_to}: {text}" if row.replied_to else text


# --- questions ------------------------------------------------------------------------


def _questions(rows: Sequence[Said], attached: Attached) -> Table:
    """By votes. Answers are what hosts have replied to everybody."""
    public = [row for row in rows if row.audience == Audience.EVERYONE and row.is_there]
    asked = sorted((row for row in public if row.is_question), key=lambda row: -row.votes)[:MOST_QUESTIONS]
    answers: dict[int, list[str]] = {row.id: [] for row in asked}
    for row in public:
        if row.is_host and row.reply_to in answers:
            answers[row.reply_to].append(_with_names(row.text, attached.get(row.public_id, ())))
    return Table(
        id="questions",
        title=_("Questions"),
        order=290,
        columns=(_("Question"), _("Asked by"), _("Votes"), _("Answer")),
        rows=tuple(_row(row, answers[row.id], attached) for row in asked),
    )


def _row(question: Said, answers: list[str], attached: Attached) -> tuple[str, ...]:
    answer = "\n".join(answers[:MOST_ANSWERS]) or (_("answered in the lecture") if question.answered else "")
    asked = _with_names(question.text, attached.get(question.public_id, ()))
    return (asked, question.author, str(question.votes), answer)
