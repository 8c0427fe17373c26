"""Exports: who wants a lecture taken out, as what, and what has become of it."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

OWNERS = {"lecture": "CASCADE", "user": "CASCADE", "guest_session": "CASCADE", "file": "SET NULL"}
TABLES = {"file": "stored_file"}
TEXTS = ("public_id", "exporter", "locale", "digest", "state", "why", "link", "link_title")


def upgrade() -> None:
    op.create_table(
        "export",
        sa.Column("id", sa.BigInteger(), nullable=False),
        *(sa.Column(name, sa.Text(), nullable=False) for name in TEXTS),
        *(sa.Column(name, postgresql.JSONB(), nullable=False) for name in ("options", "sections")),
        sa.Column("for_hosts", sa.Boolean(), nullable=False),
        sa.Column("run", sa.BigInteger(), nullable=False),
        *(sa.Column(f"{one}_id", sa.BigInteger(), nullable=one != "lecture") for one in OWNERS),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("began_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("over_at", sa.DateTime(timezone=True), nullable=True),
        *(
            sa.ForeignKeyConstraint(
                [f"{one}_id"],
                [f"{TABLES.get(one, one)}.id"],
                name=op.f(f"fk_export_{one}_id"),
                ondelete=rule,
            )
            for one, rule in OWNERS.items()
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_export")),
        sa.UniqueConstraint("public_id", name=op.f("uq_export_public_id")),
    )
    for one in OWNERS:
        op.create_index(op.f(f"ix_export_{one}_id"), "export", [f"{one}_id"])
    op.create_index(op.f("ix_export_digest"), "export", ["digest"])


def downgrade() -> None:
    op.drop_table("export")
