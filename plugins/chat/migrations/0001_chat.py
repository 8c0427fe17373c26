"""Messages, their files, what people mark in them, and how the chat of a lecture stands."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

from core.api import AboutPerson, Erasure, forget_personal_columns, register_personal_columns

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

CHAT, MESSAGE, MARK, ATTACHMENT = "chat__lecture", "chat__message", "chat__mark", "chat__attachment"


def _key(name: str, table: str, ondelete: str = "CASCADE", **more: bool) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger(), sa.ForeignKey(f"{table}.id", ondelete=ondelete), **more)


def _number(name: str) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger(), nullable=False)


def _text(name: str) -> sa.Column[str]:
    return sa.Column(name, sa.Text(), nullable=False)


def _flag(name: str) -> sa.Column[bool]:
    return sa.Column(name, sa.Boolean(), nullable=False)


def upgrade() -> None:
    op.create_table(
        CHAT,
        _key("lecture_id", "lecture", primary_key=True),
        sa.Column("mode", sa.Text()),
        sa.Column("slow_seconds", sa.BigInteger()),
        _number("everyone_at"),
        _number("hosts_at"),
    )
    op.create_table(
        MESSAGE,
        sa.Column("id", sa.BigInteger(), primary_key=True),
        _text("public_id"),
        _key("lecture_id", "lecture", nullable=False),
        _text("audience"),
        _number("at"),
        _number("changed"),
        _text("client_id"),
        _key("participant_id", "participant", "SET NULL"),
        _key("recipient_id", "participant", "SET NULL"),
        _text("author_name"),
        _flag("author_is_host"),
        _text("text"),
        _key("reply_to_id", MESSAGE, "SET NULL"),
        *map(_flag, ("has_files", "is_question", "answered", "pinned", "edited")),
        _text("removed_by"),
        sa.Column("marks", JSONB(), nullable=False),
        sa.UniqueConstraint("public_id"),
        sa.UniqueConstraint("lecture_id", "at"),
        sa.UniqueConstraint("participant_id", "client_id"),
    )
    op.create_index(f"ix_{MESSAGE}_lecture_id_changed", MESSAGE, ["lecture_id", "changed"])
    for column in ("recipient_id", "reply_to_id"):
        op.create_index(f"ix_{MESSAGE}_{column}", MESSAGE, [column])
    questions = sa.text("is_question OR pinned")
    op.create_index(f"ix_{MESSAGE}_questions", MESSAGE, ["lecture_id", "at"], postgresql_where=questions)
    op.create_table(
        MARK,
        _key("message_id", MESSAGE, primary_key=True),
        _key("participant_id", "participant", primary_key=True),
        sa.Column("kind", sa.Text(), primary_key=True),
    )
    op.create_index(f"ix_{MARK}_participant_id", MARK, ["participant_id"])
    op.create_table(
        ATTACHMENT,
        _key("stored_file_id", "stored_file", primary_key=True),
        _key("message_id", MESSAGE, nullable=False),
        _number("place"),
    )
    op.create_index(f"ix_{ATTACHMENT}_message_id", ATTACHMENT, ["message_id"])
    register_personal_columns(op, "chat", _about_people())


def _about_people() -> list[AboutPerson]:
    """What somebody wrote goes with their name; that they wrote stays, so that replies have their place."""
    mine = "participant_id"
    return [
        AboutPerson(MESSAGE, "author_name", mine, "participant", Erasure.ANONYMISE_NAME),
        AboutPerson(MESSAGE, "text", mine, "participant", Erasure.BLANK),
        AboutPerson(MESSAGE, "recipient_id", "recipient_id", "participant", Erasure.BLANK),
        AboutPerson(MARK, mine, mine, "participant", Erasure.DELETE_ROW),
    ]


def downgrade() -> None:
    for table in (ATTACHMENT, MARK, MESSAGE, CHAT):
        forget_personal_columns(op, "chat", table)
        op.drop_table(table)
