"""Class lists name people by their address: core finds them by it, also while the lobby is off."""

from alembic import op

from core.api import AboutPerson, Erasure, forget_personal_columns, register_personal_columns

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

LISTED = "lobby__listed"


def upgrade() -> None:
    columns = ("email", "name", "name_key")
    about = [AboutPerson(LISTED, column, "email", "email", Erasure.DELETE_ROW) for column in columns]
    register_personal_columns(op, "lobby", about)


def downgrade() -> None:
    forget_personal_columns(op, "lobby", LISTED)
