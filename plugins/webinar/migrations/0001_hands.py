"""Raised hands, and who has the floor."""

import sqlalchemy as sa
from alembic import op

from core.api import AboutPerson, Erasure, forget_personal_columns, register_personal_columns

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

HAND, FLOOR = "webinar__hand", "webinar__floor"


def _person(**more: bool) -> sa.Column[int]:
    key = sa.ForeignKey("participant.id", ondelete="CASCADE")
    return sa.Column("participant_id", sa.BigInteger(), key, nullable=False, **more)


def _moment(name: str) -> sa.Column[sa.DateTime]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=False)


def upgrade() -> None:
    op.create_table(
        HAND,
        sa.Column("id", sa.BigInteger(), primary_key=True),
        _person(),
        _moment("raised_at"),
        sa.UniqueConstraint("participant_id"),
    )
    op.create_table(
        FLOOR,
        _person(primary_key=True),
        sa.Column("camera_and_screen", sa.Boolean(), nullable=False),
        _moment("given_at"),
    )
    about = [
        AboutPerson(table, "participant_id", "participant_id", "participant", Erasure.DELETE_ROW)
        for table in (HAND, FLOOR)
    ]
    register_personal_columns(op, "webinar", about)


def downgrade() -> None:
    for table in (FLOOR, HAND):
        forget_personal_columns(op, "webinar", table)
        op.drop_table(table)
