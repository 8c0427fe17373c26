"""The archive: lectures can be deleted and brought back, and read by a link."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

SHARE = "lecture_share"
TIMES = {"created_at": False, "expires_at": True, "revoked_at": True}
OWNERS = {"lecture_id": ("lecture", "CASCADE"), "created_by_id": ("user", "SET NULL")}


def upgrade() -> None:
    op.add_column("lecture", sa.Column("deleted_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("lecture", sa.Column("deleted_by_id", sa.BigInteger(), nullable=True))
    op.create_foreign_key(
        op.f("fk_lecture_deleted_by_id"), "lecture", "user", ["deleted_by_id"], ["id"], ondelete="SET NULL"
    )
    op.create_index(op.f("ix_lecture_deleted_by_id"), "lecture", ["deleted_by_id"])
    op.create_index(
        "ix_lecture_deleted_at", "lecture", ["deleted_at"], postgresql_where=sa.text("deleted_at IS NOT NULL")
    )
    op.create_index("ix_lecture_started_at", "lecture", [sa.text("started_at DESC"), sa.text("id DESC")])
    op.create_check_constraint(
        op.f("ck_lecture_live_is_not_deleted"), "lecture", "deleted_at IS NULL OR ended_at IS NOT NULL"
    )
    op.create_table(
        SHARE,
        sa.Column("id", sa.BigInteger(), nullable=False),
        *(sa.Column(name, sa.Text(), nullable=False) for name in ("public_id", "token", "label")),
        *(sa.Column(name, sa.BigInteger(), nullable=name != "lecture_id") for name in OWNERS),
        *(sa.Column(name, sa.DateTime(timezone=True), nullable=empty) for name, empty in TIMES.items()),
        *(
            sa.ForeignKeyConstraint([name], [f"{table}.id"], name=op.f(f"fk_{SHARE}_{name}"), ondelete=rule)
            for name, (table, rule) in OWNERS.items()
        ),
        sa.PrimaryKeyConstraint("id", name=op.f(f"pk_{SHARE}")),
        *(sa.UniqueConstraint(name, name=op.f(f"uq_{SHARE}_{name}")) for name in ("public_id", "token")),
    )
    for name in OWNERS:
        op.create_index(op.f(f"ix_{SHARE}_{name}"), SHARE, [name])


def downgrade() -> None:
    # What was deleted isn't shown again by an older version: it goes now.
    op.execute("DELETE FROM lecture WHERE deleted_at IS NOT NULL")
    op.drop_table(SHARE)
    op.drop_constraint(op.f("ck_lecture_live_is_not_deleted"), "lecture")
    op.drop_index("ix_lecture_started_at", "lecture")
    op.drop_column("lecture", "deleted_by_id")
    op.drop_column("lecture", "deleted_at")
