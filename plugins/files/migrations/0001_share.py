"""What was shared in which lecture."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

SHARE = "files__share"


def _to(table: str, **more: bool) -> sa.Column[int]:
    key = sa.ForeignKey(f"{table}.id", ondelete="CASCADE")
    return sa.Column(f"{table}_id", sa.BigInteger(), key, nullable=False, **more)


def upgrade() -> None:
    op.create_table(
        SHARE,
        sa.Column("id", sa.BigInteger(), primary_key=True),
        sa.Column("public_id", sa.Text(), nullable=False),
        _to("lecture"),
        _to("stored_file"),
        sa.UniqueConstraint("public_id"),
        sa.UniqueConstraint("stored_file_id"),
    )
    op.create_index(f"ix_{SHARE}_lecture_id", SHARE, ["lecture_id"])


def downgrade() -> None:
    op.drop_table(SHARE)
