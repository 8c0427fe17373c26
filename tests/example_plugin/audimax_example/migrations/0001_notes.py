"""Notes, and which of their columns are about a person."""

import sqlalchemy as sa
from alembic import op

from core.api import AboutPerson, Erasure, forget_personal_columns, register_personal_columns

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

TABLE = "example__note"


def upgrade() -> None:
    op.create_table(
        TABLE,
        sa.Column("id", sa.BigInteger(), primary_key=True),
        sa.Column("public_id", sa.Text(), nullable=False),
        sa.Column("room_id", sa.BigInteger(), sa.ForeignKey("room.id", ondelete="CASCADE"), nullable=False),
        sa.Column("lecture_id", sa.BigInteger(), sa.ForeignKey("lecture.id", ondelete="CASCADE")),
        sa.Column("guest_session_id", sa.BigInteger(), sa.ForeignKey("guest_session.id", ondelete="CASCADE")),
        sa.Column("author", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("written_at", sa.DateTime(timezone=True), nullable=False),
        sa.UniqueConstraint("public_id"),
    )
    for column in ("room_id", "lecture_id", "guest_session_id"):
        op.create_index(op.f(f"ix_{TABLE}_{column}"), TABLE, [column])
    register_personal_columns(
        op,
        "example",
        [
            AboutPerson(TABLE, "author", "guest_session_id", "guest_session", Erasure.ANONYMISE_NAME),
            AboutPerson(TABLE, "text", "guest_session_id", "guest_session", Erasure.BLANK),
        ],
    )


def downgrade() -> None:
    forget_personal_columns(op, "example", TABLE)
    op.drop_table(TABLE)
