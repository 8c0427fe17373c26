"""What somebody has of their own data, and accounts that are being deleted."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "person_export",
        sa.Column("id", sa.BigInteger(), primary_key=True),
        sa.Column("public_id", sa.Text(), nullable=False),
        sa.Column("user_id", sa.BigInteger(), nullable=False),
        sa.Column("asked_by_id", sa.BigInteger()),
        *(
            sa.Column(name, sa.Text(), nullable=False)
            for name in ("locale", "storage", "key", "state", "why")
        ),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("over_at", sa.DateTime(timezone=True)),
        sa.UniqueConstraint("public_id", name="uq_person_export_public_id"),
        sa.UniqueConstraint("key", name="uq_person_export_key"),
        _to_user("person_export", "user_id", "CASCADE"),
        _to_user("person_export", "asked_by_id", "SET NULL"),
    )
    for column in ("user_id", "asked_by_id", "asked_at"):
        op.create_index(f"ix_person_export_{column}", "person_export", [column])
    op.create_table(
        "person_erasure",
        sa.Column("id", sa.BigInteger(), primary_key=True),
        sa.Column("user_id", sa.BigInteger(), nullable=False),
        sa.Column("asked_by_id", sa.BigInteger()),
        sa.Column("heir_id", sa.BigInteger()),
        sa.Column("rooms", sa.Text(), nullable=False),
        sa.Column("keeps_files", sa.Boolean(), nullable=False),
        sa.Column("tries", sa.BigInteger(), nullable=False),
        sa.Column("problems", JSONB(), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("tried_at", sa.DateTime(timezone=True)),
        sa.UniqueConstraint("user_id", name="uq_person_erasure_user_id"),
        _to_user("person_erasure", "user_id", "CASCADE"),
        _to_user("person_erasure", "asked_by_id", "SET NULL"),
        _to_user("person_erasure", "heir_id", "SET NULL"),
    )
    for column in ("asked_by_id", "heir_id"):
        op.create_index(f"ix_person_erasure_{column}", "person_erasure", [column])


def _to_user(table: str, column: str, ondelete: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint([column], ["user.id"], ondelete=ondelete, name=f"fk_{table}_{column}")


def downgrade() -> None:
    op.drop_table("person_erasure")
    op.drop_table("person_export")
