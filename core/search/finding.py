"""What somebody finds: the lectures that have all the words, the newest first, with their best lines."""

from __future__ import annotations

import html
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from urllib.parse import quote

import sqlalchemy as sa
from flask_babel import gettext as _
from markupsafe import Markup
from sqlalchemy.dialects.postgresql import REGCONFIG
from sqlalchemy.orm import contains_eager

from core.contracts import Audience
from core.db import db
from core.lectures.access import readable_by
from core.lectures.listing import bounds, cursor, place, place_of
from core.lectures.models import Lecture
from core.people.models import User
from core.rooms.hosts import hosted_by
from core.rooms.models import Room
from core.search import pairs
from core.search.models import SearchedLecture, SearchSpeaker
from core.search.pairs import Wanted
from core.search.words import BEGIN, END, Query, folded, grams, marked, spaced
from core.text import clock

PAGE_SIZE = 10
HITS = 4
MOST_SPEAKERS = 8
# As pg_trgm's similarity threshold.
LIKENESS = 0.3
# Longer ones are shown in part.
LONG = 400
MOST_MARKED = 5
_MARKED = re.compile("<mark>(.*?)</mark>")


@dataclass(frozen=True)
class Asked:
    """What is looked for, and where. ``before`` is the lecture after which the page goes on."""

    query: Query | None
    speaker: str = ""
    room: Room | None = None
    since: datetime | None = None
    until: datetime | None = None
    before: tuple[datetime, str] | None = None


@dataclass(frozen=True)
class Hit:
    """A line that was found."""

    section: str
    title: str
    speaker: str
    at: float | None
    text: Markup
    address: str


@dataclass(frozen=True)
class Found:
    """A lecture with its best lines; ``count`` is how many there are, 0 where only its title was found."""

    lecture: Lecture
    count: int
    hits: tuple[Hit, ...]


@dataclass(frozen=True)
class Answer:
    """One page of what was found; ``more`` is where the next one begins. ``speakers``: who was meant."""

    found: Sequence[Found] = ()
    more: str = ""
    speakers: tuple[str, ...] = ()
    meant: tuple[str, ...] = field(default=())


def search(user: User, asked: Asked) -> Answer:
    """What the user finds: a handful of queries, however much there is."""
    _by_index()
    speakers = tuple(names_like(user, asked.speaker)) if asked.speaker else ()
    if asked.speaker and not speakers:
        return Answer()
    lectures = _lectures(user, asked, speakers)
    shown = lectures[:PAGE_SIZE]
    more = cursor(shown[-1][0]) if len(lectures) > PAGE_SIZE else ""
    meant = tuple(names_like(user, asked.query.text, sure=True)) if asked.query and not asked.speaker else ()
    return Answer(_with_hits(asked, shown, speakers), more, speakers, meant)


# --- who ------------------------------------------------------------------------------


def names_like(user: User, typed: str, *, sure: bool = False) -> list[str]:
    """Speakers in the user's lectures who are called like that; typing errors are forgiven.

    ``sure``: but for those in the first letter of every word, which makes it quicker.
    """
    wanted = grams(typed[:100])
    sought = [one for one in wanted if one.startswith("  ")] if sure else wanted
    if not sought:
        return []
    # Whoever is called otherwise, in whatever lectures, is left out first: they are the most.
    called = db.session.scalars(
        sa.select(SearchSpeaker.name).where(SearchSpeaker.grams.overlap(sought)).distinct()
    )
    alike = {name: how for name in called if (how := likeness(wanted, name)) >= LIKENESS}
    if not alike:
        return []
    query = (
        sa.select(SearchSpeaker.name, sa.func.count())
        .join(Lecture, Lecture.id == SearchSpeaker.lecture_id)
        .join(Lecture.room)
        .where(SearchSpeaker.name.in_(alike), readable_by(user))
        .where(sa.or_(_sees_hosts_part(user), SearchSpeaker.audience == Audience.EVERYONE.value))
        .group_by(SearchSpeaker.name)
    )
    rows = db.session.execute(query)
    good = sorted(((alike[name], count, name) for name, count in rows), reverse=True)
    exact = [one for one in good if folded(typed) in folded(one[2])]
    return [name for _likeness, _count, name in (exact or good)[:MOST_SPEAKERS]]


def likeness(wanted: Sequence[str], name: str) -> float:
    """From 0 to 1: how much of what was typed is in one or more words of the name."""
    typed, there = set(wanted), set(grams(name))
    return len(typed & there) / len(typed) if typed else 0.0


# --- which lectures -------------------------------------------------------------------


def _lectures(user: User, asked: Asked, speakers: Sequence[str]) -> Sequence[tuple[Lecture, bool]]:
    """With each, whether the user sees its hosts' part."""
    hosted = _sees_hosts_part(user)
    fresh = SearchedLecture.built_for == SearchedLecture.changed_at
    query = (
        sa.select(Lecture, hosted.label("sees_hosts_part"))
        .join(Lecture.room)
        .join(SearchedLecture, SearchedLecture.lecture_id == Lecture.id)
        .where(readable_by(user), SearchedLecture.built_for.is_not(None))
    )
    wanted: Mapping[str, Wanted] = {}
    has_lines = bool(speakers or (asked.query and asked.query.phrases))
    for_all = fresh
    if asked.query is not None:
        wanted = pairs.wanted(asked.query.words, asked.query.phrases)
        query = query.where(Lecture.id.in_(sa.select(_matching("hosts", asked.query, wanted, speakers))))
        if not has_lines:
            # A line that is looked for tells by itself who may read it.
            everyone = _matching("everyone", asked.query, wanted, speakers)
            for_all = sa.and_(fresh, Lecture.id.in_(sa.select(everyone)))
    query = query.where(sa.or_(hosted, for_all))
    query = query.where(*bounds(asked.room, asked.since, asked.until))
    if asked.before is not None:
        query = query.where(place() < place_of(asked.before))
    query = query.order_by(Lecture.started_at.desc(), Lecture.id.desc())
    if has_lines:
        return _with_lines(query, hosted, asked, sorted(wanted), speakers)
    query = query.options(contains_eager(Lecture.room)).limit(PAGE_SIZE + 1)
    return [(lecture, sees) for lecture, sees in db.session.execute(query)]


def _with_lines(
    query: sa.Select[*tuple[Any, ...]],
    hosted: sa.ColumnElement[bool],
    asked: Asked,
    configs: Sequence[str],
    speakers: Sequence[str],
) -> Sequence[tuple[Lecture, bool]]:
    """Those that have such a line; they are gone through from the newest on, until there are enough."""
    wanted = Lecture.id, Lecture.started_at, SearchedLecture.config, hosted.label("sees_hosts_part")
    # Without OFFSET the lines of all of them are looked through first, and sorted afterwards.
    candidates = query.with_only_columns(*wanted).offset(0).subquery("lecture")
    chosen = (
        sa.select(candidates.c.id, candidates.c.sees_hosts_part)
        .where(_has_line(asked, configs, speakers, candidates.c.config, candidates.c.sees_hosts_part))
        .order_by(candidates.c.started_at.desc(), candidates.c.id.desc())
        .limit(PAGE_SIZE + 1)
    )
    sees = {row.id: row.sees_hosts_part for row in db.session.execute(chosen)}
    lectures = db.session.scalars(
        sa.select(Lecture)
        .join(Lecture.room)
        .options(contains_eager(Lecture.room))
        .where(Lecture.id.in_(sees))
    )
    found = {lecture.id: lecture for lecture in lectures}
    return [(found[key], is_host) for key, is_host in sees.items()]


def _sees_hosts_part(user: User) -> sa.ColumnElement[bool]:
    """Of the lectures that the user may read, those with the hosts' part."""
    return sa.true() if user.is_admin else hosted_by(user.id)


def _matching(column: str, query: Query, wanted: Mapping[str, Wanted], speakers: Sequence[str]) -> sa.CTE:
    """Lectures in which each word is somewhere, as their language has it, and all pairs that are needed.

    One look into the index for each configuration, and done before anything else: a lecture's words are a
    large value, which takes longer to fetch and unpack than the index to tell who has them.
    """
    found: list[sa.Select[int] | sa.CompoundSelect[int]] = []
    for config, one in sorted(wanted.items()):
        words = sa.func.plainto_tsquery(sa.cast(config, REGCONFIG), query.text)
        mine = sa.select(SearchedLecture.lecture_id).where(SearchedLecture.config == config)
        has_words = mine.where(getattr(SearchedLecture, column).op("@@")(words))
        # Each by its own index: no index answers two of them, and the rest would be looked up row by row.
        needed = _pairs(one, query, speakers)
        if not needed:
            found.append(has_words)
            continue
        has_pairs = sa.union_all(*(mine.where(some) for some in needed))
        # Who has the pairs has their words.
        is_all = speakers or not query.words
        found.append(has_pairs if is_all else has_words.intersect(has_pairs))
    nothing = sa.select(SearchedLecture.lecture_id).where(sa.false())
    return sa.union_all(*(found or [nothing])).cte(column).prefix_with("MATERIALIZED")


def _pairs(one: Wanted, query: Query, speakers: Sequence[str]) -> list[sa.ColumnElement[bool]]:
    """Phrases, or words in somebody's mouth, may be in one line of lectures for which one of these holds."""
    needed = [one.by(name) for name in speakers] or [sorted(one.phrases)]
    if not all(needed):
        return []
    # A lecture that was read before there were pairs is looked through.
    column = SearchedLecture.pairs
    return [*(column.contains(some) for some in needed), column.is_(None)]


def _by_index() -> None:
    """PostgreSQL counts rows, not the large values in them, and would rather read all of a small table.

    Until the end of the transaction.
    """
    db.session.execute(sa.text("SET LOCAL enable_seqscan = off"))


def _has_line(
    asked: Asked,
    configs: Sequence[str],
    speakers: Sequence[str],
    config: sa.ColumnElement[str],
    hosted: sa.ColumnElement[bool],
) -> sa.ColumnElement[bool]:
    """One line has the phrases, or all the words in the mouth of those who were asked for."""
    query = asked.query
    if query is None:
        return _line(["e.lecture_id = lecture.id"], {}, speakers, hosted)

    def line(n: int, one: str) -> sa.ColumnElement[bool]:
        # With the configuration as a constant the query is made once, not for every line.
        keys = f"search_keys(lecture.id, to_tsvector(CAST(:config_{n} AS regconfig), :all_words))"
        found = f"search_keys(e.lecture_id, e.words) @> {keys}"
        words = f"e.words @@ ({_query(f':config_{n}', len(query.phrases))})"
        return _line([found, words], _values(query) | {f"config_{n}": one}, speakers, hosted)

    return sa.or_(sa.false(), *(sa.and_(config == one, line(n, one)) for n, one in enumerate(configs)))


def _line(
    conditions: Sequence[str],
    values: Mapping[str, Any],
    speakers: Sequence[str],
    hosted: sa.ColumnElement[bool],
) -> sa.ColumnElement[bool]:
    conditions, values = list(conditions), dict(values)
    if speakers:
        conditions.append("e.speaker = ANY(:speakers)")
        values["speakers"] = list(speakers)
    line = f"SELECT 1 FROM search_entry AS e WHERE {' AND '.join(conditions)}"  # noqa: S608  (all are ours)
    everybodys = sa.text(f"EXISTS ({line} AND e.audience = 'everyone')").bindparams(**values)
    anybodys = sa.text(f"EXISTS ({line})").bindparams(**values)
    return sa.or_(sa.and_(hosted, anybodys), everybodys)


def _query(config: str, phrases: int) -> str:
    """SQL of a tsquery for one line: all the words, and the phrases as they stand."""
    parts = [f"plainto_tsquery(CAST({config} AS regconfig), :words)"]
    parts += [f"phraseto_tsquery(CAST({config} AS regconfig), :phrase_{n})" for n in range(phrases)]
    return " && ".join(parts)


def _values(query: Query) -> dict[str, str]:
    phrases = {f"phrase_{n}": one for n, one in enumerate(query.phrases)}
    return {"words": query.words, "all_words": query.text, **phrases}


# --- which lines ----------------------------------------------------------------------

LINES = """
SELECT l.lecture_id, e.section, e.title, e.speaker, e.at, e.text, s.config, a.any::text AS marks,
    best.whole, best.partly
FROM unnest(CAST(:lectures AS bigint[]), CAST(:hosted AS bool[])) WITH ORDINALITY
    AS l (lecture_id, is_host, n)
JOIN search_lecture AS s ON s.lecture_id = l.lecture_id
-- Without OFFSET the query is made anew for every line, and each line is asked several times.
CROSS JOIN LATERAL (SELECT {all} AS whole OFFSET 0) AS q
CROSS JOIN LATERAL (
    SELECT replace(q.whole::text, ' & ', ' | ')::tsquery AS any,
        search_keys(l.lecture_id, to_tsvector(s.config::regconfig, :all_words)) AS keys OFFSET 0
) AS a
CROSS JOIN LATERAL (
    SELECT line.*, sum(line.has_all::int) OVER () AS whole, count(*) OVER () AS partly FROM (
        -- Texts are fetched for the best alone.
        SELECT e.id, e.position, e.words @@ q.whole AS has_all, ts_rank(e.words, a.any) AS rank
        FROM search_entry AS e
        WHERE search_keys(e.lecture_id, e.words) && a.keys AND e.words @@ a.any
            AND e.section <> '' AND (l.is_host OR e.audience = 'everyone')
            {speaker}
        OFFSET 0
    ) AS line ORDER BY line.has_all DESC, line.rank DESC, line.position LIMIT {hits}
) AS best
JOIN search_entry AS e ON e.id = best.id
ORDER BY l.n, best.has_all DESC, best.rank DESC, best.position
"""
SPOKEN = """
SELECT l.lecture_id, best.* FROM unnest(CAST(:lectures AS bigint[]), CAST(:hosted AS bool[])) WITH ORDINALITY
    AS l (lecture_id, is_host, n)
CROSS JOIN LATERAL (
    SELECT e.section, e.title, e.speaker, e.at, e.text, 'simple' AS config, '' AS marks,
        count(*) OVER () AS whole, 0 AS partly
    FROM search_entry AS e
    WHERE e.lecture_id = l.lecture_id AND (l.is_host OR e.audience = 'everyone') {speaker}
    ORDER BY e.position LIMIT {hits}
) AS best ORDER BY l.n
"""
HEADLINES = f"""
SELECT ts_headline(
    row.config::regconfig, row.text, row.marks::tsquery,
    'StartSel={BEGIN}, StopSel={END}, ' || CASE
        WHEN length(row.text) > {LONG} THEN 'MaxFragments=2, MaxWords=30, MinWords=12'
        ELSE 'HighlightAll=true' END)
FROM unnest(CAST(:configs AS text[]), CAST(:texts AS text[]), CAST(:marks AS text[])) WITH ORDINALITY
    AS row (config, text, marks, n) ORDER BY row.n
"""  # noqa: S608  (numbers and marks of ours)


def _with_hits(
    asked: Asked, lectures: Sequence[tuple[Lecture, bool]], speakers: Sequence[str]
) -> list[Found]:
    if not lectures:
        return []
    values: dict[str, Any] = {
        "lectures": [lecture.id for lecture, _sees in lectures],
        "hosted": [sees for _lecture, sees in lectures],
    }
    speaker = ""
    if speakers:
        speaker, values["speakers"] = "AND e.speaker = ANY(:speakers)", list(speakers)
    if asked.query is None:
        sql = SPOKEN.format(speaker=speaker, hits=HITS)
    else:
        whole = _query("s.config", len(asked.query.phrases))
        sql = LINES.format(all=whole, speaker=speaker, hits=HITS)
        values |= _values(asked.query)
    rows = db.session.execute(sa.text(sql), values).all()
    texts = _headlines(rows)
    hits: dict[int, list[tuple[Any, Markup]]] = {}
    for row, text in zip(rows, texts, strict=True):
        hits.setdefault(row.lecture_id, []).append((row, text))
    return [_found(lecture, hits.get(lecture.id, [])) for lecture, _sees in lectures]


def _headlines(rows: Sequence[Any]) -> list[Markup]:
    texts = [spaced(row.text) for row in rows]
    values = {"configs": [row.config for row in rows], "texts": texts, "marks": [row.marks for row in rows]}
    found = db.session.scalars(sa.text(HEADLINES), values).all() if rows else []
    return [marked(headline, row.text) for headline, row in zip(found, rows, strict=True)]


def _found(lecture: Lecture, hits: Sequence[tuple[Any, Markup]]) -> Found:
    count = 0
    if hits:
        first = hits[0][0]
        count = int(first.whole or first.partly)
    return Found(lecture, count, tuple(_hit(lecture, row, text) for row, text in hits))


def _hit(lecture: Lecture, row: Any, text: Markup) -> Hit:
    # The page looks for words as they are written there.
    find = " ".join(dict.fromkeys(_MARKED.findall(text)[:MOST_MARKED]))
    moment = f"#t={clock(row.at)}&in={row.section}" if row.at is not None else f"#{row.section}"
    query = f"?find={quote(html.unescape(find))}" if find else ""
    address = f"/lectures/{lecture.public_id}{query}{moment}"
    # Kept as the lecture's language has it; the reader may have another.
    title = _(row.title) if row.title else ""
    return Hit(row.section, title, row.speaker, row.at, text, address)
