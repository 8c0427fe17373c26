"""Messages of a lecture, in one order for everybody.

Every change takes the next *moment* of its lecture (microseconds since 1970, strictly rising) while
it holds the row of ``chat__lecture``. So moments are in the order of commits, and whoever has read up
to one of them has missed nothing before it. ``everyone_at`` and ``hosts_at`` are the last ones of what
everybody, and of what only hosts may see: what is private never shows in the numbers of the others.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY, insert
from sqlalchemy.orm import Mapped, aliased, mapped_column

from core.api import Audience, Lecture, Participant, StoredFile, Viewer, db, files, microseconds, random_id

VOTE = "vote"
# Characters of a message that are shown where it is answered.
QUOTED = 140


def _to(table: str, ondelete: str = "CASCADE") -> sa.ForeignKey:
    return sa.ForeignKey(f"{table}.id", ondelete=ondelete)


class Chat(db.Model):
    """How the chat of one lecture stands; what hosts haven't changed is as the room's settings say."""

    __tablename__ = "chat__lecture"

    lecture_id: Mapped[int] = mapped_column(_to("lecture"), primary_key=True)
    mode: Mapped[str | None]
    slow_seconds: Mapped[int | None]
    everyone_at: Mapped[int] = mapped_column(default=0)
    hosts_at: Mapped[int] = mapped_column(default=0)

    @property
    def last(self) -> int:
        return max(self.everyone_at, self.hosts_at)

    def next(self, audience: str) -> int:
        """The moment of a change; the row must be locked."""
        # Clocks of several servers differ, and one may be set back.
        moment = max(microseconds(), self.last + 1)
        if audience == Audience.EVERYONE:
            self.everyone_at = moment
        else:
            self.hosts_at = moment
        return moment


class Message(db.Model):
    """What somebody wrote. ``at`` is its place, ``changed`` the moment of its last change.

    ``audience`` is everyone or hosts; of the latter, author and ``recipient`` (whom a host has
    answered) see it too. ``marks`` counts votes and reactions by kind. ``removed_by`` is author or
    host; a message that has neither text nor files was removed, by whatever.
    """

    __tablename__ = "chat__message"

    id: Mapped[int] = mapped_column(primary_key=True)
    public_id: Mapped[str] = random_id()
    lecture_id: Mapped[int] = mapped_column(_to("lecture"))
    audience: Mapped[str]
    at: Mapped[int]
    changed: Mapped[int]
    client_id: Mapped[str]
    participant_id: Mapped[int | None] = mapped_column(_to("participant", "SET NULL"))
    recipient_id: Mapped[int | None] = mapped_column(_to("participant", "SET NULL"), index=True)
    author_name: Mapped[str]
    author_is_host: Mapped[bool] = mapped_column(default=False)
    text: Mapped[str]
    has_files: Mapped[bool] = mapped_column(default=False)
    reply_to_id: Mapped[int | None] = mapped_column(_to("chat__message", "SET NULL"), index=True)
    is_question: Mapped[bool] = mapped_column(default=False)
    answered: Mapped[bool] = mapped_column(default=False)
    pinned: Mapped[bool] = mapped_column(default=False)
    edited: Mapped[bool] = mapped_column(default=False)
    removed_by: Mapped[str] = mapped_column(default="")
    marks: Mapped[dict[str, Any]] = mapped_column(default=dict)

    __table_args__ = (
        sa.UniqueConstraint("lecture_id", "at"),
        sa.UniqueConstraint("participant_id", "client_id"),
        sa.Index("ix_chat__message_lecture_id_changed", "lecture_id", "changed"),
        sa.Index(
            "ix_chat__message_questions",
            "lecture_id",
            "at",
            postgresql_where=sa.text("is_question OR pinned"),
        ),
    )

    @property
    def is_removed(self) -> bool:
        return not (self.text or self.has_files)

    @classmethod
    def is_there(cls) -> sa.ColumnElement[bool]:
        """The contrary, for the database."""
        return sa.or_(cls.text != "", cls.has_files)


class Mark(db.Model):
    """A vote or a reaction: once for each person, message and kind."""

    __tablename__ = "chat__mark"

    message_id: Mapped[int] = mapped_column(_to("chat__message"), primary_key=True)
    participant_id: Mapped[int] = mapped_column(_to("participant"), primary_key=True, index=True)
    kind: Mapped[str] = mapped_column(primary_key=True)


class Attachment(db.Model):
    """A file of a message, at its place among them; it goes with the file's row."""

    __tablename__ = "chat__attachment"

    stored_file_id: Mapped[int] = mapped_column(_to("stored_file"), primary_key=True)
    message_id: Mapped[int] = mapped_column(_to("chat__message"), index=True)
    place: Mapped[int]


def attached_to(message_ids: Sequence[int]) -> dict[int, list[StoredFile]]:
    """The files of these messages, in their places; one look for all of them, none for none."""
    found: dict[int, list[StoredFile]] = {}
    if message_ids:
        query = (
            sa.select(Attachment.message_id, StoredFile)
            .join(StoredFile, StoredFile.id == Attachment.stored_file_id)
            .where(Attachment.message_id.in_(message_ids), StoredFile.state != files.State.GONE)
            .order_by(Attachment.message_id, Attachment.place)
        )
        for message_id, stored in db.session.execute(query):
            found.setdefault(message_id, []).append(stored)
    return found


# --- who reads ------------------------------------------------------------------------


@dataclass(frozen=True)
class Reader:
    """Somebody who looks at a lecture's chat; a person may have several participant rows there."""

    lecture: Lecture
    viewer: Viewer

    @cached_property
    def rows(self) -> tuple[int, ...]:
        """Everything that this person is, or was, in the lecture."""
        mine: list[Any] = [sa.false()]
        if self.viewer.user_id is not None:
            mine.append(Participant.user_id == self.viewer.user_id)
        if self.viewer.guest_session_id is not None:
            session = Participant.guest_session_id == self.viewer.guest_session_id
            mine.append(sa.and_(Participant.user_id.is_(None), session))
        query = sa.select(Participant.id).where(Participant.lecture_id == self.lecture.id, sa.or_(*mine))
        return tuple(db.session.scalars(query))

    @property
    def values(self) -> dict[str, Any]:
        """What goes with ``messages()`` to the database."""
        return {"lecture": self.lecture.id, "rows": self.rows}

    def may_see(self) -> sa.ColumnElement[bool]:
        """What of this lecture: hosts see everything, others what is for everyone, from or for them."""
        return _may_see(self.viewer.is_host, self.lecture.id, self.rows)

    def messages(self) -> sa.Select[Any]:
        """All that this person may see, with what they have marked in it; to be asked with ``values``."""
        return _messages(self.viewer.is_host)


def _may_see(is_host: bool, lecture: Any, rows: Any) -> sa.ColumnElement[bool]:
    here: sa.ColumnElement[bool] = Message.lecture_id == lecture
    if is_host:
        return here
    mine = Message.participant_id.in_(rows), Message.recipient_id.in_(rows)
    return sa.and_(here, sa.or_(Message.audience == Audience.EVERYONE, *mine))


@cache
def _messages(is_host: bool) -> sa.Select[Any]:
    rows = sa.bindparam("rows", expanding=True, type_=sa.Integer)
    mine = sa.func.coalesce(Message.participant_id.in_(rows), sa.false())
    marks = sa.select(Mark.kind).where(Mark.message_id == Message.id, Mark.participant_id.in_(rows))
    own = sa.func.array(marks.order_by(Mark.kind).scalar_subquery(), type_=ARRAY(sa.Text))
    found: sa.Select[Any] = _shown().add_columns(mine.label("mine"), own.label("own"))
    return found.where(_may_see(is_host, sa.bindparam("lecture", type_=sa.Integer), rows))


def of_everybody(lecture: Lecture) -> sa.Select[Any]:
    """What everyone in the lecture may see."""
    where = Message.lecture_id == lecture.id, Message.audience == Audience.EVERYONE
    found: sa.Select[Any] = _shown().where(*where)
    return found


@cache
def _shown() -> Any:
    """What is shown of messages, in one statement and without objects; made once, for that costs most."""
    author, recipient, quoted = aliased(Participant), aliased(Participant), aliased(Message)
    return (
        sa.select(
            Message.id,
            Message.public_id,
            Message.at,
            Message.changed,
            Message.audience,
            author.identity,
            Message.author_name,
            Message.author_is_host,
            recipient.name.label("recipient"),
            Message.text,
            Message.has_files,
            quoted.public_id.label("quoted_id"),
            quoted.author_name.label("quoted_name"),
            sa.func.left(quoted.text, QUOTED + 1).label("quoted_text"),
            quoted.has_files.label("quoted_has_files"),
            Message.is_question,
            Message.answered,
            Message.pinned,
            Message.edited,
            Message.removed_by,
            Message.marks,
            Message.client_id,
        )
        .outerjoin(author, author.id == Message.participant_id)
        .outerjoin(recipient, recipient.id == Message.recipient_id)
        .outerjoin(quoted, quoted.id == Message.reply_to_id)
    )


# --- how it stands --------------------------------------------------------------------


def chat_of(lecture: Lecture) -> Chat:
    """How the chat stands now; one that nobody has used yet isn't in the database."""
    query = sa.select(Chat).where(Chat.lecture_id == lecture.id)
    found = db.session.scalar(query.execution_options(populate_existing=True))
    return found or Chat(lecture_id=lecture.id, everyone_at=0, hosts_at=0)


def locked(lecture: Lecture) -> Chat:
    """The same, and nobody else changes anything in this chat until the commit."""
    query = sa.select(Chat).where(Chat.lecture_id == lecture.id).with_for_update()
    query = query.execution_options(populate_existing=True)
    found = db.session.scalar(query)
    if found is None:
        values = {"lecture_id": lecture.id, "everyone_at": 0, "hosts_at": 0}
        db.session.execute(insert(Chat).values(values).on_conflict_do_nothing())
        found = db.session.scalars(query).one()
    return found
