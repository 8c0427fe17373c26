"""What stays of the chat: questions with their answers, what everybody read, what only hosts read."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from typing import Any, NamedTuple

import sqlalchemy as sa
from flask_babel import gettext as _
from sqlalchemy.orm import aliased, load_only

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
    nth: int
    fitting: int
    of_all: int
    version: str

    @property
    def is_there(self) -> bool:
        return bool(self.text or self.has_files)


COLUMNS = Said._fields
# What ``files.entry`` says of a file.
OF_FILES = (
    StoredFile.public_id,
    StoredFile.name,
    StoredFile.mime,
    StoredFile.size,
    StoredFile.state,
    StoredFile.scan,
    StoredFile.preview_key,
)


def of(lecture: Lecture, viewer: Viewer, most: int | None = None) -> list[Section]:
    """The sections that have something in them; those for hosts are only made for those who see them.

    ``most``: so many lines of each are enough, from the first on.
    """
    audiences = [Audience.EVERYONE, Audience.HOSTS] if viewer.sees_hosts_part else [Audience.EVERYONE]
    rows, attached = _said(lecture, audiences, most)
    found: list[Section] = [_questions(rows, attached)]
    for audience in audiences:
        mine = [row for row in rows if row.audience == audience]
        found += [_timeline(lecture, audience, mine, attached, most), _files(audience, mine, attached)]
    return [section for section in found if _is_filled(section)]


def _is_filled(section: Section) -> bool:
    return any(getattr(section, parts, ()) for parts in ("rows", "lines", "files"))


# --- files ----------------------------------------------------------------------------


def _files(audience: Audience, rows: Sequence[Said], attached: Attached) -> Files:
    is_public = audience is Audience.EVERYONE
    shown = (one for row in rows for one in attached.get(row.public_id, ()) if one.is_handed_out)
    return Files(
        id="files" if is_public else "private_files",
        title=_("Files of the chat") if is_public else _("Files of the chat: to the hosts only"),
        audience=audience,
        order=330 if is_public else 331,
        files=tuple(files.entry(stored) for stored in shown),
    )


def _with_names(text: str, attached: Sequence[StoredFile]) -> str:
    if not attached:
        return text
    names = _("Attached: %(names)s", names=", ".join(stored.name for stored in attached))
    return f"{text}\n{names}" if text else names


# --- lines ----------------------------------------------------------------------------


def _timeline(
    lecture: Lecture, audience: Audience, rows: Sequence[Said], attached: Attached, most: int | None
) -> Timeline:
    is_public = audience is Audience.EVERYONE
    shown = rows if most is None else [row for row in rows if row.nth <= most]
    return Timeline(
        id="messages" if is_public else "private",
        title=_("Chat") if is_public else _("Chat: to the hosts only"),
        audience=audience,
        order=300 if is_public else 310,
        lines=tuple(_lines(lecture, shown, attached)),
        total=rows[0].fitting + (rows[0].of_all > rows[0].fitting) if rows else 0,
        version=_version(rows, attached),
    )


def _version(rows: Sequence[Said], attached: Attached) -> str:
    """Of all messages, and of the names of files among them."""
    names = [(row.public_id, one.name) for row in rows for one in attached.get(row.public_id, ())]
    told = f"{rows[0].version if rows else ''} {rows[0].of_all if rows else 0} {names}"
    return hashlib.sha256(told.encode(errors="replace")).hexdigest()


def _said(lecture: Lecture, audiences: Sequence[Audience], most: int | None) -> tuple[list[Said], Attached]:
    """Of each audience from the beginning, as far as a section can hold it, and the files; one look.

    Of those behind ``most`` only what other sections need: questions, answers, files.
    """
    given = {"lecture": lecture.id, "audiences": audiences, "most": MOST_LINES if most is None else most}
    given |= {"most_lines": MOST_LINES, "most_characters": MOST_CHARACTERS}
    rows: dict[str, Said] = {}
    attached: dict[str, list[StoredFile]] = {}
    for stored, *values in db.session.execute(_query(), given):
        row = rows.setdefault(values[1], Said._make(values))
        if stored is not None:
            attached.setdefault(row.public_id, []).append(stored)
    return list(rows.values()), attached


@cache
def _query() -> sa.Select[Any]:
    # Built once: that takes longer than the answer.
    said = _fitting()
    told = [said.c[name] for name in COLUMNS]
    ready = sa.and_(StoredFile.id == Attachment.stored_file_id, StoredFile.state == files.State.READY)
    is_answer = sa.and_(said.c.is_host, said.c.reply_to.is_not(None))
    is_first = said.c.nth <= sa.bindparam("most")
    return (
        sa.select(StoredFile, *told)
        .select_from(said)
        .outerjoin(Attachment, Attachment.message_id == said.c.id)
        .outerjoin(StoredFile, ready)
        .where(sa.or_(is_first, said.c.is_question, said.c.has_files, is_answer))
        .order_by(said.c.at, Attachment.place)
        .options(load_only(*OF_FILES))
    )


def _fitting() -> sa.Subquery:
    """What a section can hold: how many are ``fitting``, and a ``version`` that changes with any of them."""
    one = _messages().c
    mine: dict[str, Any] = {"partition_by": one.audience}
    told = (one.public_id, one.at, one.author, one.is_host, one.text, one.removed_by, one.replied_to)
    content = sa.func.hashtextextended(sa.func.concat_ws("\n", *told), 0)
    return (
        sa.select(
            *one,
            sa.func.count().over(**mine).label("fitting"),
            sa.cast(sa.func.sum(content).over(**mine), sa.Text).label("version"),
        )
        .where(one.nth <= sa.bindparam("most_lines"), one.so_far <= sa.bindparam("most_characters"))
        .subquery()
    )


def _messages() -> sa.Subquery:
    """Those of the lecture: ``nth`` of their audience, with ``so_far`` characters in it."""
    quoted = aliased(Message)
    mine: dict[str, Any] = {"partition_by": Message.audience}
    return (
        sa.select(
            Message.id,
            Message.public_id,
            Message.audience,
            Message.at,
            Message.author_name.label("author"),
            Message.author_is_host.label("is_host"),
            Message.text,
            Message.has_files,
            Message.removed_by,
            Message.is_question,
            Message.answered,
            sa.func.coalesce(Message.marks[VOTE].as_integer(), 0).label("votes"),
            Message.reply_to_id.label("reply_to"),
            quoted.author_name.label("replied_to"),
            sa.func.count().over(**mine).label("of_all"),
            sa.func.row_number().over(order_by=Message.at, **mine).label("nth"),
            sa.func.sum(sa.func.length(Message.text)).over(order_by=Message.at, **mine).label("so_far"),
        )
        .outerjoin(quoted, quoted.id == Message.reply_to_id)
        .where(Message.lecture_id == sa.bindparam("lecture"))
        .where(Message.audience.in_(sa.bindparam("audiences", expanding=True)))
        .subquery()
    )


def _lines(lecture: Lecture, rows: Sequence[Said], attached: Attached) -> Iterable[Line]:
    began = lecture.started_at.timestamp()
    at = 0.0
    for row in rows:
        at = max(0.0, row.at / 1e6 - began)
        text = _text(row, attached.get(row.public_id, ()))
        yield Line(at, row.author, text, row.public_id, by_host=row.is_host)
    if rows and rows[-1].nth == rows[-1].fitting < rows[-1].of_all:
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
        order=30,
        columns=(_("Question"), _("Asked by"), _("Votes"), _("Answer")),
        rows=tuple(_row(row, answers[row.id], attached) for row in asked),
    )


def _row(question: Said, answers: list[str], attached: Attached) -> tuple[str, ...]:
    answer = "\n".join(answers[:MOST_ANSWERS]) or (_("answered in the lecture") if question.answered else "")
    asked = _with_names(question.text, attached.get(question.public_id, ()))
    return (asked, question.author, str(question.votes), answer)
