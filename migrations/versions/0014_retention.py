"""What rules of retention have removed: told on each lecture, and in a report of each run."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("lecture", sa.Column("expired", JSONB(), server_default="{}", nullable=False))
    op.create_table(
        "retention_run",
        sa.Column("id", sa.BigInteger(), primary_key=True),
        sa.Column("public_id", sa.Text(), nullable=False),
        sa.Column("asked_by_id", sa.BigInteger()),
        sa.Column("asked_by", sa.Text(), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("over_at", sa.DateTime(timezone=True)),
        sa.UniqueConstraint("public_id", name="uq_retention_run_public_id"),
        _to("retention_run", "asked_by_id", "user", "SET NULL"),
    )
    op.create_index("ix_retention_run_asked_by_id", "retention_run", ["asked_by_id"])
    op.create_index("ix_retention_run_asked_at", "retention_run", ["asked_at", "id"])
    op.create_table(
        "retention_result",
        sa.Column("id", sa.BigInteger(), primary_key=True),
        sa.Column("run_id", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("room_id", sa.BigInteger()),
        *(
            sa.Column(name, sa.BigInteger(), nullable=False)
            for name in ("lectures", "items", "files", "bytes", "failed", "waiting")
        ),
        sa.Column("problem", sa.Text(), nullable=False),
        sa.UniqueConstraint("run_id", "kind", "room_id", name="uq_retention_result_run_id_kind_room_id"),
        _to("retention_result", "run_id", "retention_run", "CASCADE"),
        _to("retention_result", "room_id", "room", "SET NULL"),
    )
    op.create_index("ix_retention_result_room_id", "retention_result", ["room_id"])


def _to(table: str, column: str, target: str, ondelete: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint([column], [f"{target}.id"], ondelete=ondelete, name=f"fk_{table}_{column}")


def downgrade() -> None:
    op.drop_table("retention_result")
    op.drop_table("retention_run")
    op.drop_column("lecture", "expired")
