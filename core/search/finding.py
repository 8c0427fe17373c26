"""What somebody finds: the lectures that have all the words, the newest first, with their best lines."""

from __future__ import annotations

import html
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache, lru_cache
from typing import Any
from urllib.parse import quote

import sqlalchemy as sa
from flask_babel import gettext as _
from markupsafe import Markup
from sqlalchemy.dialects.postgresql import REGCONFIG
from sqlalchemy.orm import contains_eager

from core.contracts import Audience
from core.db import db
from core.lectures.access import Reader, readable_by
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
    called = db.session.scalars(_CALLED, {"grams": sought})
    alike = {name: how for name in called if (how := likeness(wanted, name)) >= LIKENESS}
    if not alike:
        return []
    rows = db.session.execute(_heard(user.is_admin), {"reader": user.id, "names": list(alike)})
    good = sorted(((alike[name], count, name) for name, count in rows), reverse=True)
    exact = [one for one in good if folded(typed) in folded(one[2])]
    return [name for _likeness, _count, name in (exact or good)[:MOST_SPEAKERS]]


_CALLED = sa.select(SearchSpeaker.name).where(SearchSpeaker.grams.overlap(sa.bindparam("grams"))).distinct()


@cache
def _heard(is_admin: bool) -> sa.Select[str, int]:
    # Built once: that takes longer than the answer.
    reader = Reader(sa.bindparam("reader", type_=sa.BigInteger), is_admin)
    for_all = SearchSpeaker.audience == Audience.EVERYONE.value
    return (
        sa.select(SearchSpeaker.name, sa.func.count())
        .join(Lecture, Lecture.id == SearchSpeaker.lecture_id)
        .join(Lecture.room)
        .where(SearchSpeaker.name.in_(sa.bindparam("names", expanding=True)))
        .where(readable_by(reader), sa.or_(_sees_hosts_part(reader), for_all))
        .group_by(SearchSpeaker.name)
    )


def likeness(wanted: Sequence[str], name: str) -> float:
    """From 0 to 1: how much of what was typed is in one or more words of the name."""
    typed, there = set(wanted), set(grams(name))
    return len(typed & there) / len(typed) if typed else 0.0


# --- which lectures -------------------------------------------------------------------


@dataclass(frozen=True)
class Shape:
    """All of a question that its SQL depends on. ``sets``: by configuration, how many sets of pairs
    are looked for; ``within``: which bounds are set."""

    is_admin: bool
    has_query: bool
    has_words: bool
    phrases: int
    has_speakers: bool
    sets: tuple[tuple[str, int], ...]
    within: frozenset[str]

    @property
    def has_lines(self) -> bool:
        return self.has_speakers or self.phrases > 0


def _lectures(user: User, asked: Asked, speakers: Sequence[str]) -> Sequence[tuple[Lecture, bool]]:
    """With each, whether the user sees its hosts' part."""
    query, within = asked.query, _within(asked)
    values: dict[str, Any] = {"reader": user.id, "speakers": list(speakers), **within}
    sets: list[tuple[str, int]] = []
    if query is not None:
        values |= _values(query)
        for n, (config, one) in enumerate(sorted(pairs.wanted(query.words, query.phrases).items())):
            needed = _pairs(one, speakers)
            values |= {f"pairs_{n}_{k}": some for k, some in enumerate(needed)} | {f"config_{n}": config}
            sets.append((config, len(needed)))
    shape = Shape(
        is_admin=user.is_admin,
        has_query=query is not None,
        has_words=bool(query and query.words),
        phrases=len(query.phrases) if query else 0,
        has_speakers=bool(speakers),
        sets=tuple(sets),
        within=frozenset(within),
    )
    rows = db.session.execute(_statement(shape), values)
    return [(lecture, sees) for lecture, sees in rows]


def _within(asked: Asked) -> dict[str, Any]:
    """The bounds that are set, by the names of their parameters."""
    started_at, public_id = asked.before or (None, None)
    found = {
        "room": asked.room.id if asked.room else None,
        "since": asked.since,
        "until": asked.until,
        "before": started_at,
        "before_id": public_id,
    }
    return {name: value for name, value in found.items() if value is not None}


def _pairs(one: Wanted, speakers: Sequence[str]) -> list[list[int]]:
    """Phrases, or words in somebody's mouth, may be in one line of lectures that have all of one of these."""
    needed = [one.by(name) for name in speakers] or [sorted(one.phrases)]
    return needed if all(needed) else []


@lru_cache(maxsize=256)
def _statement(shape: Shape) -> sa.Select[Lecture, bool]:
    """The lectures of a page and one more; ``_lectures`` gives the parameters.

    Built once for all questions of the same shape: that takes nearly as long as the answer.
    """
    reader = Reader(sa.bindparam("reader", type_=sa.BigInteger), shape.is_admin)
    hosted = _sees_hosts_part(reader)
    fresh = SearchedLecture.built_for == SearchedLecture.changed_at
    query = (
        sa.select(Lecture, hosted.label("sees_hosts_part"))
        .join(Lecture.room)
        .join(SearchedLecture, SearchedLecture.lecture_id == Lecture.id)
        .where(readable_by(reader), SearchedLecture.built_for.is_not(None))
    )
    for_all = fresh
    if shape.has_query:
        query = query.where(Lecture.id.in_(sa.select(_matching("hosts", shape))))
        if not shape.has_lines:
            # A line that is looked for tells by itself who may read it.
            for_all = sa.and_(fresh, Lecture.id.in_(sa.select(_matching("everyone", shape))))
    query = query.where(sa.or_(hosted, for_all))
    given: dict[str, Any] = {name: sa.bindparam(name) for name in shape.within}
    query = query.where(*bounds(given.get("room"), given.get("since"), given.get("until")))
    if "before" in given:
        query = query.where(place() < place_of((given["before"], given["before_id"])))
    if shape.has_lines:
        query = _with_lines(query, hosted, shape)
    query = query.order_by(Lecture.started_at.desc(), Lecture.id.desc())
    return query.options(contains_eager(Lecture.room)).limit(PAGE_SIZE + 1)


def _with_lines(
    query: sa.Select[Lecture, bool], hosted: sa.ColumnElement[bool], shape: Shape
) -> sa.Select[Lecture, bool]:
    """Those that have such a line; they are gone through from the newest on, until there are enough."""
    wanted = Lecture.id, Lecture.started_at, SearchedLecture.config, hosted.label("sees_hosts_part")
    query = query.order_by(Lecture.started_at.desc(), Lecture.id.desc())
    # Without OFFSET the lines of all of them are looked through first, and sorted afterwards.
    candidates = query.with_only_columns(*wanted).offset(0).subquery("lecture")
    chosen = (
        sa.select(candidates.c.id, candidates.c.sees_hosts_part)
        .where(_has_line(shape, candidates.c.config, candidates.c.sees_hosts_part))
        .order_by(candidates.c.started_at.desc(), candidates.c.id.desc())
        .limit(PAGE_SIZE + 1)
        .cte("chosen")
    )
    # The few that are chosen, as they are shown.
    query = sa.select(Lecture, chosen.c.sees_hosts_part).join(Lecture.room)
    return query.join(chosen, chosen.c.id == Lecture.id)


def _sees_hosts_part(reader: User | Reader) -> sa.ColumnElement[bool]:
    """Of the lectures that they may read, those with the hosts' part."""
    return sa.true() if reader.is_admin else hosted_by(reader.id)


def _matching(column: str, shape: Shape) -> sa.CTE:
    """Lectures in which each word is somewhere, as their language has it, and all pairs that are needed.

    One look into the index for each configuration, and done before anything else: a lecture's words are a
    large value, which takes longer to fetch and unpack than the index to tell who has them.
    """
    found: list[sa.Select[int] | sa.CompoundSelect[int]] = []
    for n, (config, sets) in enumerate(shape.sets):
        words = sa.func.plainto_tsquery(sa.cast(config, REGCONFIG), sa.bindparam("all_words"))
        mine = sa.select(SearchedLecture.lecture_id).where(SearchedLecture.config == config)
        has_words = mine.where(getattr(SearchedLecture, column).op("@@")(words))
        if not sets:
            found.append(has_words)
            continue
        # Each by its own index: no index answers two of them, and the rest would be looked up row by row.
        # A lecture that was read before there were pairs is looked through.
        needed = [SearchedLecture.pairs.contains(sa.bindparam(f"pairs_{n}_{k}")) for k in range(sets)]
        has_pairs = sa.union_all(*(mine.where(some) for some in (*needed, SearchedLecture.pairs.is_(None))))
        # Who has the pairs has their words.
        is_all = shape.has_speakers or not shape.has_words
        found.append(has_pairs if is_all else has_words.intersect(has_pairs))
    nothing = sa.select(SearchedLecture.lecture_id).where(sa.false())
    return sa.union_all(*(found or [nothing])).cte(column).prefix_with("MATERIALIZED")


def _by_index() -> None:
    """PostgreSQL counts rows, not the large values in them, and would rather read all of a small table.

    Until the end of the transaction.
    """
    db.session.execute(sa.text("SET LOCAL enable_seqscan = off"))


def _has_line(
    shape: Shape, config: sa.ColumnElement[str], hosted: sa.ColumnElement[bool]
) -> sa.ColumnElement[bool]:
    """One line has the phrases, or all the words in the mouth of those who were asked for."""
    if not shape.has_query:
        return _line(["e.lecture_id = lecture.id"], shape, hosted)

    def line(n: int) -> sa.ColumnElement[bool]:
        # With the configuration as a constant the query is made once, not for every line.
        keys = f"search_keys(lecture.id, to_tsvector(CAST(:config_{n} AS regconfig), :all_words))"
        found = f"search_keys(e.lecture_id, e.words) @> {keys}"
        words = f"e.words @@ ({_query(f':config_{n}', shape.phrases)})"
        return _line([found, words], shape, hosted)

    return sa.or_(sa.false(), *(sa.and_(config == one, line(n)) for n, (one, _sets) in enumerate(shape.sets)))


def _line(conditions: Sequence[str], shape: Shape, hosted: sa.ColumnElement[bool]) -> sa.ColumnElement[bool]:
    by_them = ["e.speaker = ANY(:speakers)"] if shape.has_speakers else []
    line = f"SELECT 1 FROM search_entry AS e WHERE {' AND '.join([*conditions, *by_them])}"  # noqa: S608  (all are ours)
    everybodys = sa.text(f"EXISTS ({line} AND e.audience = 'everyone')")
    anybodys = sa.text(f"EXISTS ({line})")
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
HEADLINES = sa.text(f"""
SELECT ts_headline(
    row.config::regconfig, row.text, row.marks::tsquery,
    'StartSel={BEGIN}, StopSel={END}, ' || CASE
        WHEN length(row.text) > {LONG} THEN 'MaxFragments=2, MaxWords=30, MinWords=12'
        ELSE 'HighlightAll=true' END)
FROM unnest(CAST(:configs AS text[]), CAST(:texts AS text[]), CAST(:marks AS text[])) WITH ORDINALITY
    AS row (config, text, marks, n) ORDER BY row.n
""")  # noqa: S608  (numbers and marks of ours)


def _with_hits(
    asked: Asked, lectures: Sequence[tuple[Lecture, bool]], speakers: Sequence[str]
) -> list[Found]:
    if not lectures:
        return []
    values: dict[str, Any] = {
        "lectures": [lecture.id for lecture, _sees in lectures],
        "hosted": [sees for _lecture, sees in lectures],
    }
    if speakers:
        values["speakers"] = list(speakers)
    if asked.query is not None:
        values |= _values(asked.query)
    phrases = len(asked.query.phrases) if asked.query is not None else None
    rows = db.session.execute(_hits(phrases, bool(speakers)), values).all()
    texts = _headlines(rows)
    hits: dict[int, list[tuple[Any, Markup]]] = {}
    for row, text in zip(rows, texts, strict=True):
        hits.setdefault(row.lecture_id, []).append((row, text))
    return [_found(lecture, hits.get(lecture.id, [])) for lecture, _sees in lectures]


@cache
def _hits(phrases: int | None, has_speakers: bool) -> sa.TextClause:
    """The best lines for so many phrases; the first ones of the speakers where nothing else is asked."""
    speaker = "AND e.speaker = ANY(:speakers)" if has_speakers else ""
    if phrases is None:
        return sa.text(SPOKEN.format(speaker=speaker, hits=HITS))
    return sa.text(LINES.format(all=_query("s.config", phrases), speaker=speaker, hits=HITS))


def _headlines(rows: Sequence[Any]) -> list[Markup]:
    texts = [spaced(row.text) for row in rows]
    values = {"configs": [row.config for row in rows], "texts": texts, "marks": [row.marks for row in rows]}
    found = db.session.scalars(HEADLINES, values).all() if rows else []
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
