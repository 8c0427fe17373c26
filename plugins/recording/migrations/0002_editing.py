"""Passages are cut out of recordings, chapters are set by hand, the sound is had alone."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

RECORDING = "recording__recording"


def _file(name: str) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger(), sa.ForeignKey("stored_file.id", ondelete="SET NULL"))


def upgrade() -> None:
    for column in (
        _file("sound_id"),
        sa.Column("cuts", JSONB(), nullable=False, server_default="[]"),
        sa.Column("edit", sa.Text(), nullable=False, server_default=""),
        sa.Column("cut_at", sa.DateTime(timezone=True)),
        _file("original_id"),
        sa.Column("original_facts", JSONB()),
        sa.Column("audience", sa.Text(), nullable=False, server_default=""),
        sa.Column("chapters", JSONB()),
    ):
        op.add_column(RECORDING, column)


def downgrade() -> None:
    for name in (
        "chapters",
        "audience",
        "original_facts",
        "original_id",
        "cut_at",
        "edit",
        "cuts",
        "sound_id",
    ):
        op.drop_column(RECORDING, name)
