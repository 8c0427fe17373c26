"""What was shared in which lecture; the files themselves are core's."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, contains_eager, mapped_column, relationship

from core.api import Lecture, StoredFile, db, files, random_id

# More than any page shows; how many there may be is core's setting.
MOST_SHOWN = 1000


class Share(db.Model):
    """A file that belongs to a lecture, from the beginning of its upload; it goes with the file's row."""

    __tablename__ = "files__share"

    id: Mapped[int] = mapped_column(primary_key=True)
    public_id: Mapped[str] = random_id()
    lecture_id: Mapped[int] = mapped_column(sa.ForeignKey("lecture.id", ondelete="CASCADE"), index=True)
    stored_file_id: Mapped[int] = mapped_column(
        sa.ForeignKey("stored_file.id", ondelete="CASCADE"), unique=True
    )

    lecture: Mapped[Lecture] = relationship()
    stored: Mapped[StoredFile] = relationship()


def shares_of(lecture: Lecture, *states: files.State) -> Sequence[Share]:
    """The lecture's shares whose files are in one of these states, the newest first."""
    return db.session.scalars(_shares(), {"lecture": lecture.id, "states": states}).all()


@cache
def _shares() -> sa.Select[Share]:
    # Built once: that takes longer than the answer.
    is_wanted = StoredFile.state.in_(sa.bindparam("states", expanding=True))
    query = (
        sa.select(Share)
        .join(Share.stored)
        .options(contains_eager(Share.stored))
        .where(Share.lecture_id == sa.bindparam("lecture"), is_wanted)
        .order_by(sa.func.coalesce(StoredFile.ready_at, StoredFile.created_at).desc(), Share.id.desc())
        .limit(MOST_SHOWN)
    )
    return query.execution_options(populate_existing=True)


def share_of(stored_file_id: int) -> Share | None:
    """The share of that file; None when it is gone."""
    return db.session.scalar(sa.select(Share).where(Share.stored_file_id == stored_file_id))
