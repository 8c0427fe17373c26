"""Polls and votes; votes are about a person."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

from core.api import AboutPerson, Erasure, forget_personal_columns, register_personal_columns

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

POLL, VOTE = "poll__poll", "poll__vote"


def upgrade() -> None:
    op.create_table(
        POLL,
        sa.Column("id", sa.BigInteger(), primary_key=True),
        sa.Column("public_id", sa.Text(), nullable=False),
        sa.Column("room_id", sa.BigInteger(), sa.ForeignKey("room.id", ondelete="CASCADE"), nullable=False),
        sa.Column(
            "lecture_id", sa.BigInteger(), sa.ForeignKey("lecture.id", ondelete="CASCADE"), nullable=False
        ),
        sa.Column("question", sa.Text(), nullable=False),
        sa.Column("options", JSONB(), nullable=False),
        sa.Column("hidden", sa.Boolean(), nullable=False),
        sa.Column("counts", JSONB()),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("closed_at", sa.DateTime(timezone=True)),
        sa.UniqueConstraint("public_id"),
    )
    op.create_index(op.f("ix_poll__poll_room_id"), POLL, ["room_id"])
    op.create_index(op.f("ix_poll__poll_lecture_id"), POLL, ["lecture_id"])
    is_open = sa.text("closed_at IS NULL")
    op.create_index("poll__one_open", POLL, ["lecture_id"], unique=True, postgresql_where=is_open)
    person = sa.ForeignKey("participant.id", ondelete="CASCADE")
    op.create_table(
        VOTE,
        sa.Column("id", sa.BigInteger(), primary_key=True),
        sa.Column(
            "poll_id", sa.BigInteger(), sa.ForeignKey(f"{POLL}.id", ondelete="CASCADE"), nullable=False
        ),
        sa.Column("participant_id", sa.BigInteger(), person, nullable=False),
        sa.Column("choice", sa.BigInteger(), nullable=False),
        sa.UniqueConstraint("poll_id", "participant_id"),
    )
    op.create_index(op.f("ix_poll__vote_participant_id"), VOTE, ["participant_id"])
    about = AboutPerson(VOTE, "participant_id", "participant_id", "participant", Erasure.DELETE_ROW)
    register_personal_columns(op, "poll", [about])


def downgrade() -> None:
    forget_personal_columns(op, "poll", VOTE)
    op.drop_table(VOTE)
    op.drop_table(POLL)
