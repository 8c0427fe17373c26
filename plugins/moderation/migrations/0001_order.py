"""Bans, standings, who was let in, and how rooms stand."""

import sqlalchemy as sa
from alembic import op

from core.api import AboutPerson, Erasure, forget_personal_columns, register_personal_columns

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

BAN, STANDING, LET_IN, ROOM = (f"moderation__{n}" for n in ("ban", "standing", "let_in", "room"))


def _key(name: str, table: str, ondelete: str = "CASCADE", **more: bool) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger(), sa.ForeignKey(f"{table}.id", ondelete=ondelete), **more)


def _moment(name: str, nullable: bool = True) -> sa.Column[sa.DateTime]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable)


def _texts(*names: str) -> list[sa.Column[str]]:
    return [sa.Column(name, sa.Text(), nullable=False) for name in names]


def _flags(*names: str) -> list[sa.Column[bool]]:
    return [sa.Column(name, sa.Boolean(), nullable=False) for name in names]


def upgrade() -> None:
    op.create_table(
        BAN,
        sa.Column("id", sa.BigInteger(), primary_key=True),
        *_texts("public_id"),
        _key("room_id", "room", nullable=False),
        _key("lecture_id", "lecture", "SET NULL"),
        _key("guest_session_id", "guest_session", "SET NULL"),
        _key("user_id", "user", "SET NULL"),
        *_texts("fingerprint_key", "address_key", "name", "reason"),
        _key("by_id", "user", "SET NULL"),
        _moment("at", nullable=False),
        _moment("lifted_at"),
        _key("lifted_by_id", "user", "SET NULL"),
        sa.UniqueConstraint("public_id"),
    )
    op.create_table(
        STANDING,
        sa.Column("id", sa.BigInteger(), primary_key=True),
        _key("lecture_id", "lecture", nullable=False),
        _key("guest_session_id", "guest_session"),
        _key("user_id", "user"),
        *_flags("microphone", "camera", "screen", "has_floor"),
    )
    op.create_table(
        LET_IN,
        _key("lecture_id", "lecture", primary_key=True),
        _key("guest_session_id", "guest_session", primary_key=True),
    )
    op.create_table(
        ROOM,
        _key("room_id", "room", primary_key=True),
        *_flags("needs_code", "freezes_chat"),
        _key("locked_in", "lecture", "SET NULL"),
        _key("panic_in", "lecture", "SET NULL"),
    )
    for table, columns in _indexes().items():
        for column in columns:
            op.create_index(op.f(f"ix_{table}_{column}"), table, [column])
    register_personal_columns(op, "moderation", _about_people())


def _indexes() -> dict[str, tuple[str, ...]]:
    people = ("guest_session_id", "user_id")
    return {
        BAN: ("room_id", "lecture_id", *people, "by_id", "lifted_by_id"),
        STANDING: ("lecture_id", *people),
        LET_IN: ("guest_session_id",),
        ROOM: ("locked_in", "panic_in"),
    }


def _about_people() -> list[AboutPerson]:
    return [
        AboutPerson(BAN, "name", "guest_session_id", "guest_session", Erasure.ANONYMISE_NAME),
        AboutPerson(BAN, "reason", "user_id", "user", Erasure.BLANK),
        AboutPerson(BAN, "by_id", "by_id", "user", Erasure.BLANK),
        AboutPerson(BAN, "lifted_by_id", "lifted_by_id", "user", Erasure.BLANK),
        AboutPerson(STANDING, "guest_session_id", "guest_session_id", "guest_session", Erasure.DELETE_ROW),
        AboutPerson(STANDING, "user_id", "user_id", "user", Erasure.DELETE_ROW),
        AboutPerson(LET_IN, "guest_session_id", "guest_session_id", "guest_session", Erasure.DELETE_ROW),
    ]


def downgrade() -> None:
    for table in (ROOM, LET_IN, STANDING, BAN):
        forget_personal_columns(op, "moderation", table)
        op.drop_table(table)
