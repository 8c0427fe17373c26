"""On which of LiveKit's nodes a lecture runs, as its hosts' browsers are told."""

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # PostgreSQL keeps such a default beside the table: no row is written anew.
    op.add_column("lecture", sa.Column("node", sa.Text(), nullable=False, server_default=""))


def downgrade() -> None:
    op.drop_column("lecture", "node")
