"""Settings that admins change while the app runs, and their history."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "setting",
        *(sa.Column(name, sa.Text(), nullable=False) for name in ("scope", "name")),
        sa.Column("value", postgresql.JSONB(), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("changed_by_id", sa.BigInteger(), nullable=True),
        sa.Column("changed_by", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("scope", "name", name=op.f("pk_setting")),
        _person("setting", "changed_by_id"),
    )
    op.create_index(op.f("ix_setting_changed_by_id"), "setting", ["changed_by_id"])
    op.create_table(
        "setting_change",
        sa.Column("id", sa.BigInteger(), nullable=False),
        *(sa.Column(name, sa.Text(), nullable=False) for name in ("public_id", "scope", "name")),
        *(sa.Column(name, postgresql.JSONB(), nullable=True) for name in ("before", "after")),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("actor_id", sa.BigInteger(), nullable=True),
        sa.Column("actor_name", sa.Text(), nullable=False),
        sa.Column("undone_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_setting_change")),
        sa.UniqueConstraint("public_id", name=op.f("uq_setting_change_public_id")),
        _person("setting_change", "actor_id"),
    )
    op.create_index(op.f("ix_setting_change_actor_id"), "setting_change", ["actor_id"])
    op.create_index("ix_setting_change_at_id", "setting_change", ["at", "id"])


def _person(table: str, column: str) -> sa.ForeignKeyConstraint:
    name = op.f(f"fk_{table}_{column}")
    return sa.ForeignKeyConstraint([column], ["user.id"], name=name, ondelete="SET NULL")


def downgrade() -> None:
    op.drop_table("setting_change")
    op.drop_table("setting")
