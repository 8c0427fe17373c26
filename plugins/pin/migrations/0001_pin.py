"""PINs, tries, and who is held."""

import sqlalchemy as sa
from alembic import op

from core.api import AboutPerson, Erasure, forget_personal_columns, register_personal_columns

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

PIN, TRY, HELD = "pin__room", "pin__try", "pin__held"


def _key(name: str, table: str, ondelete: str = "CASCADE", **more: bool) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger(), sa.ForeignKey(f"{table}.id", ondelete=ondelete), **more)


def upgrade() -> None:
    op.create_table(
        PIN,
        _key("room_id", "room", primary_key=True),
        sa.Column("hash", sa.Text(), nullable=False),
        sa.Column("version", sa.Text(), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        _key("changed_by_id", "user", "SET NULL"),
        sa.Column("told_at", sa.DateTime(timezone=True)),
    )
    op.create_table(
        TRY,
        sa.Column("id", sa.BigInteger(), primary_key=True),
        _key("room_id", "room", nullable=False),
        sa.Column("address_key", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), server_default=sa.func.clock_timestamp(), nullable=False),
    )
    op.create_table(
        HELD,
        _key("room_id", "room", primary_key=True),
        _key("guest_session_id", "guest_session", primary_key=True),
        sa.Column("was_right", sa.Boolean()),
    )
    op.create_index(op.f("ix_pin__room_changed_by_id"), PIN, ["changed_by_id"])
    op.create_index("ix_pin__try_room_id_at", TRY, ["room_id", "at"])
    op.create_index(op.f("ix_pin__held_guest_session_id"), HELD, ["guest_session_id"])
    register_personal_columns(op, "pin", _about_people())


def _about_people() -> list[AboutPerson]:
    return [
        AboutPerson(PIN, "changed_by_id", "changed_by_id", "user", Erasure.BLANK),
        AboutPerson(HELD, "was_right", "guest_session_id", "guest_session", Erasure.DELETE_ROW),
    ]


def downgrade() -> None:
    for table in (HELD, TRY, PIN):
        forget_personal_columns(op, "pin", table)
        op.drop_table(table)
