"""Which words follow each other in a lecture, and who says which: phrases and speakers are found at once."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("search_lecture", sa.Column("pairs", postgresql.ARRAY(sa.Integer()), nullable=True))
    op.create_index(op.f("ix_search_lecture_pairs"), "search_lecture", ["pairs"], postgresql_using="gin")


def downgrade() -> None:
    op.drop_index(op.f("ix_search_lecture_pairs"), "search_lecture")
    op.drop_column("search_lecture", "pairs")
