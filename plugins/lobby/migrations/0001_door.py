"""Entries, doors and class lists."""

import sqlalchemy as sa
from alembic import op

from core.api import AboutPerson, Erasure, forget_personal_columns, register_personal_columns

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

ENTRY, ROOM, LISTED = "lobby__entry", "lobby__room", "lobby__listed"


def _key(name: str, table: str, ondelete: str = "CASCADE", **more: bool) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger(), sa.ForeignKey(f"{table}.id", ondelete=ondelete), **more)


def _moment(name: str, nullable: bool = True) -> sa.Column[sa.DateTime]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable)


def _texts(*names: str) -> list[sa.Column[str]]:
    return [sa.Column(name, sa.Text(), nullable=False) for name in names]


def upgrade() -> None:
    op.create_table(
        ENTRY,
        sa.Column("id", sa.BigInteger(), primary_key=True),
        *_texts("public_id", "name", "name_key", "state", "words"),
        _key("room_id", "room", nullable=False),
        _key("guest_session_id", "guest_session"),
        _key("user_id", "user"),
        sa.Column("returning", sa.Boolean(), nullable=False),
        _moment("asked_at", nullable=False),
        _moment("decided_at"),
        _key("decided_by_id", "user", "SET NULL"),
        sa.Column("rejections", sa.BigInteger(), nullable=False),
        _key("lecture_id", "lecture"),
        sa.UniqueConstraint("public_id"),
    )
    op.create_table(
        ROOM,
        _key("room_id", "room", primary_key=True),
        _moment("opened_at"),
        _key("opened_in", "lecture"),
        *_texts("message"),
        _moment("said_at"),
        _key("said_in", "lecture"),
    )
    op.create_table(
        LISTED,
        sa.Column("id", sa.BigInteger(), primary_key=True),
        _key("room_id", "room", nullable=False),
        *_texts("email", "name", "name_key"),
    )
    for table, columns in _indexes().items():
        for column in columns:
            op.create_index(op.f(f"ix_{table}_{column}"), table, [column])
    op.create_index("ix_lobby__entry_line", ENTRY, ["room_id", "state", "asked_at", "id"])
    for column in ("email", "name_key"):
        op.create_index(f"ix_lobby__listed_room_id_{column}", LISTED, ["room_id", column])
    _one_each("one_lobby_entry_per_guest", "guest_session_id", "user_id IS NULL")
    _one_each("one_lobby_entry_per_user", "user_id", "user_id IS NOT NULL")
    register_personal_columns(op, "lobby", _about_people())


def _indexes() -> dict[str, tuple[str, ...]]:
    return {
        ENTRY: ("guest_session_id", "user_id", "decided_by_id", "lecture_id"),
        ROOM: ("opened_in", "said_in"),
        LISTED: ("email",),
    }


def _one_each(name: str, column: str, where: str) -> None:
    op.create_index(name, ENTRY, ["room_id", column], unique=True, postgresql_where=sa.text(where))


def _about_people() -> list[AboutPerson]:
    return [
        AboutPerson(ENTRY, "guest_session_id", "guest_session_id", "guest_session", Erasure.DELETE_ROW),
        AboutPerson(ENTRY, "user_id", "user_id", "user", Erasure.DELETE_ROW),
        AboutPerson(ENTRY, "name", "guest_session_id", "guest_session", Erasure.DELETE_ROW),
        AboutPerson(ENTRY, "name_key", "guest_session_id", "guest_session", Erasure.DELETE_ROW),
        AboutPerson(ENTRY, "words", "guest_session_id", "guest_session", Erasure.DELETE_ROW),
        AboutPerson(ENTRY, "decided_by_id", "decided_by_id", "user", Erasure.BLANK),
    ]


def downgrade() -> None:
    for table in (LISTED, ROOM, ENTRY):
        forget_personal_columns(op, "lobby", table)
        op.drop_table(table)
