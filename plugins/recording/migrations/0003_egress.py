"""What recording keeps of each egress of LiveKit."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

TABLE = "recording__egress"


def _text(name: str) -> sa.Column[str]:
    return sa.Column(name, sa.Text(), nullable=False)


def upgrade() -> None:
    op.create_table(
        TABLE,
        sa.Column("id", sa.BigInteger(), primary_key=True),
        sa.Column(
            "lecture_id", sa.BigInteger(), sa.ForeignKey("lecture.id", ondelete="CASCADE"), nullable=False
        ),
        *map(_text, ("run", "egress_id")),
        sa.Column("stored_file_id", sa.BigInteger(), sa.ForeignKey("stored_file.id", ondelete="SET NULL")),
        *map(_text, ("status", "error")),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        *(sa.Column(name, sa.Double()) for name in ("began_at", "ended_at")),
        *(
            sa.Column(name, sa.DateTime(timezone=True))
            for name in ("heard_at", "stop_at", "over_at", "looked_at")
        ),
        _text("outcome"),
        sa.UniqueConstraint("lecture_id", "run"),
    )
    op.create_index(f"ix_{TABLE}_open", TABLE, ["lecture_id"], postgresql_where=sa.text("outcome = ''"))


def downgrade() -> None:
    op.drop_table(TABLE)
