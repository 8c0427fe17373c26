"""Search across lectures."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "search_lecture",
        _lecture("search_lecture"),
        sa.Column("config", sa.Text(), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("built_for", sa.DateTime(timezone=True), nullable=True),
        sa.Column("built_with", sa.Text(), nullable=False, server_default=""),
        sa.Column("everyone", postgresql.TSVECTOR(), nullable=True),
        sa.Column("hosts", postgresql.TSVECTOR(), nullable=True),
        _to_lecture("search_lecture"),
        sa.PrimaryKeyConstraint("lecture_id", name=op.f("pk_search_lecture")),
    )
    for name in ("everyone", "hosts"):
        op.create_index(op.f(f"ix_search_lecture_{name}"), "search_lecture", [name], postgresql_using="gin")
    op.create_index(
        "ix_search_lecture_changed",
        "search_lecture",
        ["changed_at"],
        postgresql_where=sa.text("built_for IS DISTINCT FROM changed_at"),
    )
    op.create_table(
        "search_entry",
        sa.Column("id", sa.BigInteger(), nullable=False),
        _lecture("search_entry"),
        sa.Column("position", sa.BigInteger(), nullable=False),
        *(sa.Column(name, sa.Text(), nullable=False) for name in ("audience", "section", "title")),
        sa.Column("at", sa.Float(), nullable=True),
        *(sa.Column(name, sa.Text(), nullable=False) for name in ("speaker", "text")),
        sa.Column("words", postgresql.TSVECTOR(), nullable=False),
        _to_lecture("search_entry"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_search_entry")),
    )
    op.create_index("ix_search_entry_lecture_id_position", "search_entry", ["lecture_id", "position"])
    op.create_table(
        "search_speaker",
        _lecture("search_speaker"),
        *(sa.Column(name, sa.Text(), nullable=False) for name in ("name", "audience")),
        sa.Column("grams", postgresql.ARRAY(sa.Text()), nullable=False),
        _to_lecture("search_speaker"),
        sa.PrimaryKeyConstraint("lecture_id", "name", name=op.f("pk_search_speaker")),
    )
    op.create_index("ix_search_speaker_grams", "search_speaker", ["grams"], postgresql_using="gin")


def _lecture(_table: str) -> sa.Column[int]:
    return sa.Column("lecture_id", sa.BigInteger(), nullable=False)


def _to_lecture(table: str) -> sa.ForeignKeyConstraint:
    name = op.f(f"fk_{table}_lecture_id")
    return sa.ForeignKeyConstraint(["lecture_id"], ["lecture.id"], name=name, ondelete="CASCADE")


def downgrade() -> None:
    for table in ("search_speaker", "search_entry", "search_lecture"):
        op.drop_table(table)
