"""Connections, who is on the way to one, and what was put where."""

import sqlalchemy as sa
from alembic import op

from core.api import AboutPerson, Erasure, forget_personal_columns, register_personal_columns

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

CONNECTION, CONSENT, ITEM = "export_gdrive__connection", "export_gdrive__consent", "export_gdrive__item"


def _key(name: str, table: str, **more: bool) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger(), sa.ForeignKey(f"{table}.id", ondelete="CASCADE"), **more)


def _text(name: str) -> sa.Column[str]:
    return sa.Column(name, sa.Text(), nullable=False)


def _moment(name: str, **more: bool) -> sa.Column[sa.DateTime]:
    return sa.Column(name, sa.DateTime(timezone=True), **more)


def upgrade() -> None:
    op.create_table(
        CONNECTION,
        _key("user_id", "user", primary_key=True),
        _text("token"),
        _moment("connected_at", nullable=False),
        sa.Column("is_broken", sa.Boolean(), nullable=False),
    )
    op.create_table(
        CONSENT,
        sa.Column("state", sa.Text(), primary_key=True),
        _key("user_id", "user", nullable=False),
        _text("verifier"),
        _text("lecture"),
        _moment("expires_at", nullable=False),
    )
    op.create_table(
        ITEM,
        sa.Column("id", sa.BigInteger(), primary_key=True),
        _key("user_id", "user", nullable=False),
        _key("room_id", "room", nullable=False),
        _key("lecture_id", "lecture"),
        _text("key"),
        _text("drive_id"),
        sa.Column("is_made", sa.Boolean(), nullable=False),
        _text("session"),
        _text("session_digest"),
        _moment("session_at"),
        sa.UniqueConstraint("user_id", "key", name=op.f(f"uq_{ITEM}_user_id_key")),
    )
    for table, column in (
        (CONSENT, "user_id"),
        (CONSENT, "expires_at"),
        (ITEM, "room_id"),
        (ITEM, "lecture_id"),
    ):
        op.create_index(op.f(f"ix_{table}_{column}"), table, [column])
    register_personal_columns(op, "export_gdrive", _about_people())


def _about_people() -> list[AboutPerson]:
    return [
        AboutPerson(CONNECTION, "connected_at", "user_id", "user", Erasure.DELETE_ROW),
        AboutPerson(CONSENT, "expires_at", "user_id", "user", Erasure.DELETE_ROW),
        AboutPerson(ITEM, "drive_id", "user_id", "user", Erasure.DELETE_ROW),
    ]


def downgrade() -> None:
    for table in (ITEM, CONSENT, CONNECTION):
        forget_personal_columns(op, "export_gdrive", table)
        op.drop_table(table)
