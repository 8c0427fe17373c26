"""One standing for each person in a lecture; of several, what was taken in any of them stays taken."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

TABLE = "moderation__standing"
INDEXES = {
    "moderation__one_standing_per_user": ("user_id", "user_id IS NOT NULL"),
    "moderation__one_standing_per_guest": ("guest_session_id", "user_id IS NULL"),
}

MERGE = """
WITH merged AS (
    SELECT min(id) AS id, bool_and(microphone) AS microphone, bool_and(camera) AS camera,
           bool_and(screen) AS screen, bool_and(has_floor) AS has_floor
    FROM moderation__standing WHERE {where} AND {column} IS NOT NULL
    GROUP BY lecture_id, {column} HAVING count(*) > 1
)
UPDATE moderation__standing AS kept
SET microphone = merged.microphone, camera = merged.camera, screen = merged.screen,
    has_floor = merged.has_floor
FROM merged WHERE kept.id = merged.id
"""
DROP = """
DELETE FROM moderation__standing AS later USING moderation__standing AS first
WHERE later.lecture_id = first.lecture_id AND later.{column} = first.{column} AND later.id > first.id
  AND later.{where} AND first.{where}
"""


def upgrade() -> None:
    for name, (column, where) in INDEXES.items():
        for statement in (MERGE, DROP):
            op.execute(statement.format(column=column, where=where))
        op.create_index(name, TABLE, ["lecture_id", column], unique=True, postgresql_where=sa.text(where))


def downgrade() -> None:
    for name in INDEXES:
        op.drop_index(name, table_name=TABLE)
