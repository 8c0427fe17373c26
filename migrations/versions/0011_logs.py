"""Errors grouped for admins; the audit log is read newest first, by who, what and where."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

# One filter at a time is answered by its index, newest first; `at` says nothing that the id doesn't.
READ_BY = ("action", "actor_id", "room_id", "lecture_id")


def upgrade() -> None:
    op.create_table(
        "system_error",
        sa.Column("id", sa.BigInteger(), primary_key=True),
        *(sa.Column(name, sa.Text(), nullable=False) for name in ("fingerprint", "kind", "message")),
        *(sa.Column(name, sa.Text(), nullable=False) for name in ("logger", "plugin", "hook")),
        *(sa.Column(name, sa.Text(), nullable=False) for name in ("place", "trace", "request_id")),
        sa.Column("count", sa.BigInteger(), nullable=False),
        sa.Column("first_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_at", sa.DateTime(timezone=True), nullable=False),
        sa.UniqueConstraint("fingerprint", name="uq_system_error_fingerprint"),
    )
    op.create_index("ix_system_error_last_at", "system_error", ["last_at", "id"])
    op.create_index("ix_audit_log_newest", "audit_log", ["at", "id"])
    op.drop_index("ix_audit_log_at", "audit_log")
    for column in READ_BY:
        op.create_index(f"ix_audit_log_{column}_newest", "audit_log", [column, "at", "id"])
        op.drop_index(f"ix_audit_log_{column}", "audit_log")


def downgrade() -> None:
    for column in READ_BY:
        op.create_index(f"ix_audit_log_{column}", "audit_log", [column])
        op.drop_index(f"ix_audit_log_{column}_newest", "audit_log")
    op.create_index("ix_audit_log_at", "audit_log", ["at"])
    op.drop_index("ix_audit_log_newest", "audit_log")
    op.drop_table("system_error")
