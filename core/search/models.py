"""What can be found: a lecture's lines, its speakers, and which words it has at all."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY, TSVECTOR
from sqlalchemy.orm import Mapped, mapped_column

from core.db import Model


class SearchedLecture(Model):
    """A lecture as search knows it.

    ``changed_at`` is the moment of the last change of its page, ``built_for`` the one that the entries
    were made for: where they differ, only hosts find it, for something may have been hidden since.
    ``built_with`` names what made the entries. ``hosts`` has all the words of the lecture, ``everyone``
    those that participants may read; both without places. ``pairs``: see ``core.search.pairs``.
    """

    __tablename__ = "search_lecture"

    lecture_id: Mapped[int] = mapped_column(sa.ForeignKey("lecture.id", ondelete="CASCADE"), primary_key=True)
    config: Mapped[str]
    changed_at: Mapped[datetime]
    built_for: Mapped[datetime | None]
    built_with: Mapped[str] = mapped_column(default="")
    everyone: Mapped[str | None] = mapped_column(TSVECTOR)
    hosts: Mapped[str | None] = mapped_column(TSVECTOR)
    pairs: Mapped[list[int] | None] = mapped_column(ARRAY(sa.Integer))

    __table_args__ = (
        sa.Index("ix_search_lecture_pairs", "pairs", postgresql_using="gin"),
        sa.Index("ix_search_lecture_everyone", "everyone", postgresql_using="gin"),
        sa.Index("ix_search_lecture_hosts", "hosts", postgresql_using="gin"),
        sa.Index(
            "ix_search_lecture_changed",
            "changed_at",
            postgresql_where=sa.text("built_for IS DISTINCT FROM changed_at"),
        ),
    )


class SearchEntry(Model):
    """One line of a section. ``at``: seconds from the lecture's start, where it has a moment.

    ``section`` and ``title`` are the section's; both are empty for the lecture's own title. ``search_keys``,
    a function in the database, gives the numbers by which a lecture's lines with a word are found.
    """

    __tablename__ = "search_entry"

    id: Mapped[int] = mapped_column(primary_key=True)
    lecture_id: Mapped[int] = mapped_column(sa.ForeignKey("lecture.id", ondelete="CASCADE"))
    position: Mapped[int]
    audience: Mapped[str]
    section: Mapped[str]
    title: Mapped[str]
    at: Mapped[float | None]
    speaker: Mapped[str]
    text: Mapped[str]
    words: Mapped[str] = mapped_column(TSVECTOR)

    __table_args__ = (
        sa.Index("ix_search_entry_lecture_id_position", "lecture_id", "position"),
        sa.Index(
            "ix_search_entry_keys",
            sa.text("search_keys(lecture_id, words)"),
            postgresql_using="gin",
            postgresql_with={"fastupdate": "off"},
        ),
    )


class SearchSpeaker(Model):
    """Who speaks in a lecture's lines; ``grams``: each three letters of the name, for names typed wrong."""

    __tablename__ = "search_speaker"

    lecture_id: Mapped[int] = mapped_column(sa.ForeignKey("lecture.id", ondelete="CASCADE"), primary_key=True)
    name: Mapped[str] = mapped_column(primary_key=True)
    audience: Mapped[str]
    grams: Mapped[list[str]] = mapped_column(ARRAY(sa.Text))

    __table_args__ = (sa.Index("ix_search_speaker_grams", "grams", postgresql_using="gin"),)
