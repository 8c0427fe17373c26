"""What LiveKit says of agents is found without reading what it says of people."""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index(
        "ix_webhook_event_agents",
        "webhook_event",
        ["lecture_public_id"],
        # 4: livekit.protocol.models.ParticipantInfo.Kind.AGENT
        postgresql_where=sa.text("payload ->> 'kind' = '4'"),
    )


def downgrade() -> None:
    op.drop_index("ix_webhook_event_agents", "webhook_event")
