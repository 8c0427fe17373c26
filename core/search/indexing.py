"""Reads lectures, so that they can be found: a job after each change of their sections."""

from __future__ import annotations

import hashlib
import itertools
import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import sqlalchemy as sa
from flask_babel import force_locale

from core.config import config
from core.contracts import (
    Audience,
    Facts,
    Files,
    Prose,
    Role,
    Section,
    Table,
    Timeline,
    Viewer,
)
from core.db import db, quietly
from core.engine.plugins import plugins
from core.http.i18n import locales
from core.jobs import periodic, task
from core.lectures.models import Lecture
from core.lectures.sections import givers, sections_for
from core.search import pairs
from core.search.changes import mark
from core.search.models import SearchedLecture, SearchEntry, SearchSpeaker
from core.search.words import ANY_LANGUAGE, config_of, grams, spaced

log = logging.getLogger(__name__)
# Raised when entries are made in another way than before: all lectures are read anew then.
WAY = "3"
LONGEST_ENTRY = 20_000
# A tsvector holds a megabyte (https://www.postgresql.org/docs/current/textsearch-limitations.html).
MOST_WORDS = 40_000
# Whoever reads what participants and hosts read, and is neither.
PARTICIPANT, HOST = Viewer(Role.PARTICIPANT), Viewer(Role.HOST)
# Of lectures that no job has read, by so many at once: after an update, or where a job was lost.
AT_ONCE = 20
LOST_MINUTES = 5


@dataclass(frozen=True)
class Entry:
    """One line that can be found."""

    section: str
    title: str
    text: str
    at: float | None = None
    speaker: str = ""


# --- the jobs -------------------------------------------------------------------------


@task(name="search_lectures")
def search_lectures() -> None:
    """Read the sections of all lectures that have changed since they were read."""
    marked = sa.select(SearchedLecture.lecture_id).where(_is_marked())
    for lecture_id in db.session.scalars(marked.order_by(SearchedLecture.changed_at)).all():
        try:
            _read(lecture_id)
        except Exception:
            # The others needn't wait for it; it is tried again by and by.
            db.session.rollback()
            log.exception("lecture %d can't be read for search", lecture_id)


def _read(lecture_id: int) -> None:
    db.session.expire_all()
    found = db.session.get(SearchedLecture, lecture_id)
    lecture = db.session.get(Lecture, lecture_id)
    if found and lecture and found.built_for != found.changed_at:
        build(lecture, found.changed_at)
    db.session.commit()


def _is_marked() -> sa.ColumnElement[bool]:
    return SearchedLecture.built_for.is_distinct_from(SearchedLecture.changed_at)


@periodic(cron="* * * * *")
@task(name="search_all", queueing_lock="search_all")
def search_all(timestamp: int) -> None:
    """Some of the lectures that nobody has read: from before there was search, or with their job lost."""
    lost = sa.func.now() - sa.text(f"interval '{LOST_MINUTES} minutes'")
    unread = sa.or_(
        SearchedLecture.lecture_id.is_(None),
        sa.and_(_is_marked(), SearchedLecture.changed_at < lost),
        sa.and_(SearchedLecture.built_with != built_with(), SearchedLecture.built_for.is_not(None)),
    )
    query = (
        sa.select(Lecture.id)
        .outerjoin(SearchedLecture, SearchedLecture.lecture_id == Lecture.id)
        .where(Lecture.ended_at.is_not(None), Lecture.closed_at.is_not(None), unread)
        .order_by(Lecture.id.desc())
        .limit(AT_ONCE)
    )
    mark(Lecture.id.in_(db.session.scalars(query).all()))
    db.session.commit()


def built_with() -> str:
    """Names what makes the entries: this way of making them, and the plugins that give sections."""
    names = [f"{name} {plugins.loaded[name].manifest.version}" for name in sorted(givers())]
    return f"{WAY}:{hashlib.sha256(' '.join(names).encode()).hexdigest()[:16]}"


def build(lecture: Lecture, changed_at: Any) -> None:
    """Replace a lecture's entries by what its sections say now; in the caller's transaction."""
    language = lecture.language.replace("-", "_")
    with force_locale(language if language in locales() else config().default_locale):
        shared = list(entries(lecture, sections_for(lecture, PARTICIPANT)))
        everything = list(entries(lecture, sections_for(lecture, HOST)))
    known = set(shared)
    rows = [(entry, Audience.EVERYONE if entry in known else Audience.HOSTS) for entry in everything]
    # What only participants see would be strange, but is theirs.
    rows += [(entry, Audience.EVERYONE) for entry in known.difference(everything)]
    for model in (SearchEntry, SearchSpeaker):
        db.session.execute(sa.delete(model).where(model.lecture_id == lecture.id))
    named = _config(config_of(lecture.language))
    _insert(lecture.id, named, rows)
    _insert_speakers(lecture.id, rows)
    quietly(
        sa.update(SearchedLecture)
        .where(SearchedLecture.lecture_id == lecture.id)
        .values(
            config=named,
            built_for=changed_at,
            built_with=built_with(),
            hosts=_words(lecture.id, (Audience.EVERYONE, Audience.HOSTS)),
            everyone=_words(lecture.id, (Audience.EVERYONE,)),
            pairs=pairs.of_lecture(lecture.id),
        )
    )


def _config(name: str) -> str:
    """The configuration, if this PostgreSQL has it."""
    there = db.session.scalar(
        sa.text("SELECT 1 FROM pg_ts_config WHERE cfgname = :name LIMIT 1"), {"name": name}
    )
    return name if there else ANY_LANGUAGE


def _insert(lecture_id: int, named: str, rows: Sequence[tuple[Entry, Audience]]) -> None:
    values = {
        "position": list(range(len(rows))),
        "audience": [audience.value for _entry, audience in rows],
        "section": [entry.section for entry, _audience in rows],
        "title": [entry.title for entry, _audience in rows],
        "at": [entry.at for entry, _audience in rows],
        "speaker": [entry.speaker for entry, _audience in rows],
        "text": [entry.text for entry, _audience in rows],
        "spaced": [spaced(entry.text) for entry, _audience in rows],
    }
    db.session.execute(
        sa.text(
            "INSERT INTO search_entry "
            "(lecture_id, position, audience, section, title, at, speaker, text, words) "
            "SELECT :lecture, position, audience, section, title, at, speaker, text, "
            "to_tsvector(CAST(:config AS regconfig), spaced) "
            "FROM unnest(CAST(:position AS bigint[]), CAST(:audience AS text[]), CAST(:section AS text[]), "
            "CAST(:title AS text[]), CAST(:at AS float8[]), CAST(:speaker AS text[]), CAST(:text AS text[]), "
            "CAST(:spaced AS text[])) AS row (position, audience, section, title, at, speaker, text, spaced)"
        ),
        {"lecture": lecture_id, "config": named, **values},
    )


def _insert_speakers(lecture_id: int, rows: Sequence[tuple[Entry, Audience]]) -> None:
    speakers: dict[str, Audience] = {}
    for entry, audience in rows:
        if entry.speaker and speakers.get(entry.speaker) is not Audience.EVERYONE:
            speakers[entry.speaker] = audience
    if speakers:
        db.session.execute(
            sa.insert(SearchSpeaker),
            [
                {"lecture_id": lecture_id, "name": name, "audience": audience.value, "grams": grams(name)}
                for name, audience in speakers.items()
            ],
        )


def _words(lecture_id: int, audiences: Sequence[Audience]) -> sa.TextClause | Any:
    """The words of a lecture's entries as one tsvector, each once and without its places."""
    query = sa.text(
        "SELECT array_to_tsvector(array_agg(lexeme)) FROM ("
        "SELECT DISTINCT lexeme FROM search_entry AS e, unnest(e.words) "
        "WHERE e.lecture_id = :lecture_id AND e.audience = ANY(:audiences) LIMIT :most) AS found"
    )
    values = {"lecture_id": lecture_id, "audiences": [one.value for one in audiences], "most": MOST_WORDS}
    return db.session.scalar(query, values)


# --- what a section says --------------------------------------------------------------


def entries(lecture: Lecture, sections: Sequence[Section]) -> Iterator[Entry]:
    """Everything that can be found in a lecture, in the order of its page."""
    yield Entry("", "", f"{lecture.title} · {lecture.room.title}")
    for section in sections:
        for entry in _lines(section):
            if entry.text.strip():
                yield replace(entry, text=entry.text[:LONGEST_ENTRY].replace("\0", ""))


def _lines(section: Section) -> Iterator[Entry]:
    plain = Entry(section.id, str(section.title), "")
    match section:
        case Timeline():
            for line in section.lines:
                yield replace(plain, text=line.text, at=line.at, speaker=line.speaker)
        case Prose():
            for paragraph in section.paragraphs:
                yield replace(plain, text=paragraph)
        case Facts():
            for pair in section.facts:
                yield replace(plain, text=": ".join(filter(None, pair)))
        case Table():
            for row in itertools.chain([section.columns] if section.rows else [], section.rows):
                yield replace(plain, text=" · ".join(filter(None, row)))
        case Files():
            for file in section.files:
                yield replace(plain, text=file.name)
        case _:
            log.warning("search can't read sections like %s", type(section).__name__)
