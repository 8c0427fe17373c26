"""What the assistant keeps: how it stands, lines, times of keeping, who is written along, what it cost."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

from core.api import AboutPerson, Erasure, forget_personal_columns, register_personal_columns

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

ARTIFACT, LINE = "ai_assistant__artifact", "ai_assistant__line"
KEEPING, CHOICE = "ai_assistant__keeping", "ai_assistant__choice"
USAGE, TRIAL = "ai_assistant__usage", "ai_assistant__trial"


def _id() -> sa.Column[int]:
    return sa.Column("id", sa.BigInteger(), primary_key=True)


def _key(name: str, table: str, ondelete: str = "CASCADE", **more: bool) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger(), sa.ForeignKey(f"{table}.id", ondelete=ondelete), **more)


def _number(name: str) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger(), nullable=False)


def _float(name: str) -> sa.Column[float]:
    return sa.Column(name, sa.Double(), nullable=False)


def _text(name: str) -> sa.Column[str]:
    return sa.Column(name, sa.Text(), nullable=False)


def _flag(name: str) -> sa.Column[bool]:
    return sa.Column(name, sa.Boolean(), nullable=False)


def _when(name: str, **more: bool) -> sa.Column[object]:
    return sa.Column(name, sa.DateTime(timezone=True), **more)


def upgrade() -> None:
    op.create_table(
        ARTIFACT,
        _key("lecture_id", "lecture", primary_key=True),
        _number("at"),
        *map(_flag, ("captions", "keep")),
        _text("run"),
        sa.Column("runs", JSONB(), nullable=False),
        *map(_when, ("heard_at", "asked_at", "paused_at")),
        *map(_text, ("status", "code", "detail", "refused")),
        sa.Column("terms", JSONB(), nullable=False),
        *map(_text, ("provider", "model", "language")),
        _float("seconds"),
        *map(_number, ("tokens_in", "tokens_out")),
        _float("cost"),
        *map(_text, ("state", "why")),
        _number("version"),
        sa.Column("summary", JSONB()),
        sa.Column("edited", JSONB()),
        _text("summary_model"),
        *map(_flag, ("approved", "hidden")),
        _number("lines"),
        _key("lines_file_id", "stored_file", "SET NULL"),
        _key("subtitles_file_id", "stored_file", "SET NULL"),
    )
    op.create_table(
        LINE,
        _id(),
        _key("lecture_id", "lecture", nullable=False),
        _text("key"),
        _key("participant_id", "participant", "SET NULL"),
        _text("name"),
        *map(_number, ("at", "until")),
        *map(_text, ("text", "language")),
        *map(_flag, ("is_gap", "is_edited")),
        sa.UniqueConstraint("lecture_id", "key"),
    )
    op.create_index(f"ix_{LINE}_lecture_id_at", LINE, ["lecture_id", "at", "id"])
    op.create_index(f"ix_{LINE}_participant_id", LINE, ["participant_id"])
    op.create_table(
        KEEPING,
        _id(),
        _key("lecture_id", "lecture", nullable=False),
        _when("since", nullable=False),
        _when("until"),
    )
    op.create_index(f"ix_{KEEPING}_lecture_id", KEEPING, ["lecture_id"])
    op.create_table(
        CHOICE,
        _id(),
        _key("lecture_id", "lecture", nullable=False),
        _key("participant_id", "participant", nullable=False),
        _flag("heard"),
        _when("since", nullable=False),
    )
    for column in ("lecture_id", "participant_id"):
        op.create_index(f"ix_{CHOICE}_{column}", CHOICE, [column])
    op.create_table(
        USAGE,
        _id(),
        _key("lecture_id", "lecture", "SET NULL"),
        _key("room_id", "room", "SET NULL"),
        sa.Column("day", sa.Date(), nullable=False),
        _float("seconds"),
        *map(_number, ("tokens_in", "tokens_out")),
        _float("cost"),
        sa.UniqueConstraint("lecture_id", "day"),
    )
    for column in ("room_id", "day"):
        op.create_index(f"ix_{USAGE}_{column}", USAGE, [column])
    op.create_table(
        TRIAL,
        _id(),
        _when("asked_at", nullable=False),
        _when("done_at"),
        *map(_text, ("provider", "model", "text")),
        _float("seconds"),
        _text("problem"),
    )
    register_personal_columns(op, "ai_assistant", _about_people())


def _about_people() -> list[AboutPerson]:
    """Whether what somebody said goes too is the institution's rule: ``erase`` of the plugin keeps it."""
    mine = "participant_id"
    return [
        AboutPerson(LINE, "name", mine, "participant", Erasure.ANONYMISE_NAME),
        AboutPerson(CHOICE, mine, mine, "participant", Erasure.DELETE_ROW),
    ]


def downgrade() -> None:
    for table in (TRIAL, USAGE, CHOICE, KEEPING, LINE, ARTIFACT):
        forget_personal_columns(op, "ai_assistant", table)
        op.drop_table(table)
