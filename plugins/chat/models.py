"""Messages of a lecture, in one order for everybody.

Every change takes the next *moment* of its lecture (microseconds since 1970, strictly rising) while
it holds the row of ``chat__lecture``. So moments are in the order of commits, and whoever has read up
to one of them has missed nothing before it. ``everyone_at`` and ``hosts_at`` are the last ones of what
everybody, and of what only hosts may see: what is private never shows in the numbers of the others.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Mapped, joinedload, mapped_column, relationship

from core.api import Audience, Lecture, Participant, Viewer, db, random_id

VOTE = "vote"


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
    host; a text that is empty was removed, by whatever.
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
    reply_to_id: Mapped[int | None] = mapped_column(_to("chat__message", "SET NULL"), index=True)
    is_question: Mapped[bool] = mapped_column(default=False)
    answered: Mapped[bool] = mapped_column(default=False)
    pinned: Mapped[bool] = mapped_column(default=False)
    edited: Mapped[bool] = mapped_column(default=False)
    removed_by: Mapped[str] = mapped_column(default="")
    marks: Mapped[dict[str, Any]] = mapped_column(default=dict)

    participant: Mapped[Participant | None] = relationship(foreign_keys=participant_id)
    recipient: Mapped[Participant | None] = relationship(foreign_keys=recipient_id)
    reply_to: Mapped[Message | None] = relationship(remote_side=id)

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
        return not self.text

    @property
    def votes(self) -> int:
        return int(self.marks.get(VOTE, 0))

    @property
    def reactions(self) -> dict[str, int]:
        return {kind: count for kind, count in self.marks.items() if kind != VOTE}


class Mark(db.Model):
    """A vote or a reaction: once for each person, message and kind."""

    __tablename__ = "chat__mark"

    message_id: Mapped[int] = mapped_column(_to("chat__message"), primary_key=True)
    participant_id: Mapped[int] = mapped_column(_to("participant"), primary_key=True, index=True)
    kind: Mapped[str] = mapped_column(primary_key=True)


def microseconds() -> int:
    return time.time_ns() // 1000


# --- who reads ------------------------------------------------------------------------


@dataclass(frozen=True)
class Reader:
    """Somebody who looks at a lecture's chat; a person may have several participant rows there."""

    lecture: Lecture
    viewer: Viewer

    @property
    def rows(self) -> sa.Select[int]:
        """Ids of everything that this person is, or was, in the lecture."""
        mine: list[Any] = [sa.false()]
        if self.viewer.user_id is not None:
            mine.append(Participant.user_id == self.viewer.user_id)
        if self.viewer.guest_session_id is not None:
            session = Participant.guest_session_id == self.viewer.guest_session_id
            mine.append(sa.and_(Participant.user_id.is_(None), session))
        return sa.select(Participant.id).where(Participant.lecture_id == self.lecture.id, sa.or_(*mine))

    def may_see(self) -> sa.ColumnElement[bool]:
        """Hosts see everything; others what is for everyone, from them, or for them."""
        if self.viewer.is_host:
            return sa.true()
        mine = self.rows
        return sa.or_(
            Message.audience == Audience.EVERYONE,
            Message.participant_id.in_(mine),
            Message.recipient_id.in_(mine),
        )

    def messages(self) -> sa.Select[Message, bool]:
        """All that this person may see, with what is shown of each, and whether it is theirs."""
        mine = sa.func.coalesce(Message.participant_id.in_(self.rows), sa.false())
        return shown().add_columns(mine).where(Message.lecture_id == self.lecture.id, self.may_see())


def shown() -> sa.Select[Message]:
    """Messages with the names and the quotes that are shown beside them, in one statement."""
    names = Participant.identity, Participant.name
    quoted = Message.public_id, Message.author_name, Message.text
    return (
        sa.select(Message)
        .options(
            joinedload(Message.participant).load_only(*names),
            joinedload(Message.recipient).load_only(*names),
            joinedload(Message.reply_to).load_only(*quoted),
        )
        .execution_options(populate_existing=True)
    )


def of_everybody(lecture: Lecture) -> sa.Select[Message]:
    """What everyone in the lecture may see."""
    return shown().where(Message.lecture_id == lecture.id, Message.audience == Audience.EVERYONE)


def marks_of(reader: Reader, messages: Sequence[Message]) -> dict[int, list[str]]:
    """The reader's own votes and reactions, by ``message.id``."""
    query = sa.select(Mark.message_id, Mark.kind).where(
        Mark.message_id.in_([message.id for message in messages]), Mark.participant_id.in_(reader.rows)
    )
    found: dict[int, list[str]] = {}
    for message_id, kind in db.session.execute(query.order_by(Mark.kind)):
        found.setdefault(message_id, []).append(kind)
    return found


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
