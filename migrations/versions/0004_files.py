"""Files that people send"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

OWNERS = ("room", "lecture", "participant", "user")
TEXTS = (
    "public_id",
    "plugin",
    "storage",
    "key",
    "incoming_key",
    "parts_id",
    "etag",
    "name",
    "extension",
    "mime",
    "audience",
    "state",
    "refused_because",
    "scan",
    "preview_key",
    "uploader_name",
)


def upgrade() -> None:
    op.create_table(
        "stored_file",
        sa.Column("id", sa.BigInteger(), nullable=False),
        *(sa.Column(name, sa.Text(), nullable=False) for name in TEXTS),
        sa.Column("size", sa.BigInteger(), nullable=False),
        *(sa.Column(f"{one}_id", sa.BigInteger(), nullable=True) for one in OWNERS),
        sa.Column("in_use", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("touched_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ready_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("gone_at", sa.DateTime(timezone=True), nullable=True),
        *(
            sa.ForeignKeyConstraint(
                [f"{one}_id"], [f"{one}.id"], name=op.f(f"fk_stored_file_{one}_id"), ondelete="SET NULL"
            )
            for one in OWNERS
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_stored_file")),
        *(
            sa.UniqueConstraint(name, name=op.f(f"uq_stored_file_{name}"))
            for name in ("public_id", "key", "incoming_key")
        ),
    )
    for one in OWNERS:
        op.create_index(op.f(f"ix_stored_file_{one}_id"), "stored_file", [f"{one}_id"])
    op.create_index(
        "ix_stored_file_unsettled",
        "stored_file",
        ["touched_at"],
        postgresql_where=sa.text("state <> 'ready' OR NOT in_use OR scan = 'waiting' OR lecture_id IS NULL"),
    )


def downgrade() -> None:
    op.drop_table("stored_file")
