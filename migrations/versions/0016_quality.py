"""How good somebody's connection is, as their browser says."""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # PostgreSQL keeps such a default beside the table: no row is written anew.
    op.add_column("participant", sa.Column("quality", sa.Text(), nullable=False, server_default=""))


def downgrade() -> None:
    op.drop_column("participant", "quality")
