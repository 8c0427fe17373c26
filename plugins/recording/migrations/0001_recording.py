"""What recording keeps: how it stands, pieces, times in which it was wanted, who is in it."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

from core.api import AboutPerson, Erasure, forget_personal_columns, register_personal_columns

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

RECORDING, PIECE = "recording__recording", "recording__piece"
SPAN, CHOICE = "recording__span", "recording__choice"


def _id() -> sa.Column[int]:
    return sa.Column("id", sa.BigInteger(), primary_key=True)


def _key(name: str, table: str, ondelete: str = "CASCADE", **more: bool) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger(), sa.ForeignKey(f"{table}.id", ondelete=ondelete), **more)


def _text(name: str) -> sa.Column[str]:
    return sa.Column(name, sa.Text(), nullable=False)


def _when(name: str, **more: bool) -> sa.Column[object]:
    return sa.Column(name, sa.DateTime(timezone=True), **more)


def upgrade() -> None:
    op.create_table(
        RECORDING,
        _key("lecture_id", "lecture", primary_key=True),
        sa.Column("at", sa.BigInteger(), nullable=False),
        _text("wish"),
        *map(_when, ("begins_at", "queued_at")),
        _text("run"),
        sa.Column("runs", JSONB(), nullable=False),
        *map(_when, ("heard_at", "asked_at")),
        *map(_text, ("status", "code")),
        *(sa.Column(name, sa.Double(), nullable=False) for name in ("seconds", "earlier")),
        sa.Column("unheard", JSONB(), nullable=False),
        *map(_text, ("outcome", "why")),
        sa.Column("facts", JSONB()),
        sa.Column("thumbnails", JSONB()),
        _key("video_id", "stored_file", "SET NULL"),
        _key("sprite_id", "stored_file", "SET NULL"),
    )
    op.create_table(
        PIECE,
        _id(),
        _key("lecture_id", "lecture", nullable=False),
        _text("run"),
        sa.Column("number", sa.BigInteger(), nullable=False),
        _key("stored_file_id", "stored_file", nullable=False),
        sa.UniqueConstraint("stored_file_id"),
        sa.UniqueConstraint("lecture_id", "run", "number"),
    )
    op.create_table(
        SPAN,
        _id(),
        _key("lecture_id", "lecture", nullable=False),
        _when("since", nullable=False),
        _when("until"),
    )
    op.create_index(f"ix_{SPAN}_lecture_id", SPAN, ["lecture_id"])
    op.create_table(
        CHOICE,
        _id(),
        _key("lecture_id", "lecture", nullable=False),
        _key("participant_id", "participant", nullable=False),
        *(sa.Column(name, sa.Boolean(), nullable=False) for name in ("recorded", "camera")),
        _when("since", nullable=False),
    )
    for column in ("lecture_id", "participant_id"):
        op.create_index(f"ix_{CHOICE}_{column}", CHOICE, [column])
    mine = "participant_id"
    about = [AboutPerson(CHOICE, mine, mine, "participant", Erasure.DELETE_ROW)]
    register_personal_columns(op, "recording", about)


def downgrade() -> None:
    for table in (CHOICE, SPAN, PIECE, RECORDING):
        forget_personal_columns(op, "recording", table)
        op.drop_table(table)
