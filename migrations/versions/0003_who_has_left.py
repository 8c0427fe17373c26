"""When somebody who waits has closed the page"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("waiting", sa.Column("left_at", sa.DateTime(timezone=True)))


def downgrade() -> None:
    op.drop_column("waiting", "left_at")
