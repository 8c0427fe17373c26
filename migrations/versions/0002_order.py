"""What keeping order needs: by which link somebody came, from which browser and network"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for name in ("fingerprint_key", "address_key"):
        op.add_column("participant", sa.Column(name, sa.Text(), server_default="", nullable=False))
    op.add_column("waiting", sa.Column("code", sa.Text(), server_default="", nullable=False))


def downgrade() -> None:
    op.drop_column("waiting", "code")
    for name in ("address_key", "fingerprint_key"):
        op.drop_column("participant", name)
