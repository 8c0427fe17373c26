"""Lines of the transcript: taken from the agent, read by pages, corrected by hosts."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from core.api import (
    Cue,
    Lecture,
    Participant,
    clean_prose,
    db,
    now,
    passages_of,
    remains_uncut,
    web_vtt,
)
from plugins.ai_assistant.consent import Hearing, Kept
from plugins.ai_assistant.models import TranscriptLine

LONGEST_LINE = timedelta(minutes=2)
# Clocks of two machines differ, and the first words may come before the commit of the start is seen.
LEEWAY = timedelta(seconds=5)
LONGEST_TEXT = 2000


@dataclass(frozen=True)
class Said:
    """A final line as the agent hands it over; times in unix seconds."""

    key: str
    identity: str
    started_at: float
    ended_at: float
    text: str
    language: str = ""

    @property
    def since(self) -> datetime:
        return datetime.fromtimestamp(self.started_at, UTC)

    @property
    def until(self) -> datetime:
        return datetime.fromtimestamp(self.ended_at, UTC)


@dataclass(frozen=True)
class Taken:
    """How many lines are kept now, and how many may not be or make no sense."""

    kept: int
    dropped: int


def take(lecture: Lecture, said: Sequence[Said]) -> Taken:
    """Keep what may be kept, each line once by its key; nobody who doesn't want to, nothing out of time."""
    if not said:
        return Taken(0, 0)
    kept, hearing = Kept.of(lecture), Hearing.of(lecture, sorted({one.identity for one in said}))
    rows = []
    for one in said:
        speaker = hearing.people.get(one.identity)
        text = cleaned(one.text)
        if speaker is None or not text or not _makes_sense(lecture, one):
            continue
        since, until = max(one.since, lecture.started_at), one.until
        if kept.covers(since, until) and speaker.is_heard_all_through(since, until):
            rows.append(_row(lecture, one, speaker.participant_id, speaker.name, text))
    if rows:
        db.session.execute(insert(TranscriptLine).values(rows).on_conflict_do_nothing())
    return Taken(len(rows), len(said) - len(rows))


def cleaned(text: str) -> str:
    """A line as it is kept: one line of plain text, possibly none."""
    # Cut first: composed letters never need more room than what they are made of.
    return clean_prose(text[:LONGEST_TEXT], LONGEST_TEXT * 2).replace("\n", " ")[:LONGEST_TEXT]


def _makes_sense(lecture: Lecture, said: Said) -> bool:
    begun = lecture.started_at - LEEWAY
    over = min(now(), lecture.ended_at or now()) + LEEWAY
    return begun <= said.since <= said.until <= over and said.until - said.since <= LONGEST_LINE


def _row(lecture: Lecture, said: Said, participant_id: int, name: str, text: str) -> dict[str, Any]:
    return {
        "lecture_id": lecture.id,
        "key": said.key,
        "participant_id": participant_id,
        "name": name,
        "at": _milliseconds(lecture, said.since),
        "until": _milliseconds(lecture, said.until),
        "text": text,
        "language": said.language,
        "is_gap": False,
        "is_edited": False,
    }


def _milliseconds(lecture: Lecture, moment: datetime) -> int:
    return max(0, round((moment - lecture.started_at).total_seconds() * 1000))


def mark_gap(lecture: Lecture, key: str, since: datetime, until: datetime) -> None:
    """Nobody listened in that time, though the transcript was to be kept; once by its key."""
    kept = Kept.of(lecture)
    if not kept.covers(until, until):
        return
    at, over = _milliseconds(lecture, since), _milliseconds(lecture, until)
    row = {"lecture_id": lecture.id, "key": key, "name": "", "at": at, "until": over, "text": ""}
    row |= {"language": "", "is_gap": True, "is_edited": False}
    db.session.execute(insert(TranscriptLine).values(row).on_conflict_do_nothing())


# --- reading --------------------------------------------------------------------------


def lines(lecture: Lecture) -> Any:
    """All lines in order, with the speakers' names of now; ``is_cut``: nobody is shown it any more."""
    line = TranscriptLine
    name = sa.func.coalesce(Participant.name, line.name).label("name")
    return (
        sa.select(
            line.id,
            line.key,
            Participant.identity,
            name,
            line.at,
            line.until,
            line.text,
            line.language,
            line.is_gap,
            line.is_edited,
            (~remains(lecture)).label("is_cut"),
        )
        .outerjoin(Participant, Participant.id == line.participant_id)
        .where(line.lecture_id == lecture.id)
        .order_by(line.at, line.id)
    )


def remains(lecture: Lecture) -> sa.ColumnElement[bool]:
    """Lines that were not cut out of the lecture."""
    return remains_uncut(lecture, TranscriptLine.at, TranscriptLine.until)


def cut_numbers(lecture: Lecture) -> set[int]:
    """The numbers, as citations have them, of the lines that were cut out of the lecture."""
    return numbers(lecture, lambda row: bool(row.is_cut))


def numbers(lecture: Lecture, is_wanted: Callable[[Any], bool]) -> set[int]:
    """The numbers, as citations have them, of the lines that are wanted."""
    said = lines(lecture).where(~TranscriptLine.is_gap)
    return {number for number, row in enumerate(db.session.execute(said), start=1) if is_wanted(row)}


def forget_cut(lecture: Lecture) -> None:
    """Delete what was said in passages that are cut out for good; the lines' numbers stay."""
    gone = TranscriptLine.lecture_id == lecture.id, ~remains(lecture)
    nothing = {"text": "", "name": "", "language": "", "participant_id": None}
    db.session.execute(sa.update(TranscriptLine).where(*gone).values(nothing))


def shown(lecture: Lecture, most: int | None) -> Sequence[Any]:
    """The first lines as the lecture's page needs them: key, name, times, text, whether it is a
    gap, whether a host spoke.

    In each row also how many there are in all, and a number that changes with any of them.
    """
    query = _shown(remains(lecture)) if passages_of(lecture) else _all_shown()
    return db.session.execute(query, {"lecture": lecture.id, "most": most}).all()


@cache
def _all_shown() -> Any:
    return _shown()


def _shown(*where: sa.ColumnElement[bool]) -> Any:
    line = TranscriptLine
    name = sa.func.coalesce(Participant.name, line.name)
    by_host = sa.func.coalesce(Participant.role == "host", False)
    columns = (line.key, name, line.at, line.until, line.text, line.is_gap, by_host)
    content = sa.func.hashtextextended(sa.func.concat_ws("\n", *columns), 0)
    # Not as window functions, which would carry each text along.
    in_all = _of_lecture(sa.func.count(), sa.func.sum(content)).where(*where).subquery()
    query = _of_lecture(*columns, *in_all.c).join(in_all, sa.true()).where(*where)
    return query.order_by(line.at, line.id).limit(sa.bindparam("most"))


def _of_lecture(*columns: Any) -> sa.Select[Any]:
    line = TranscriptLine
    query = sa.select(*columns).select_from(line)
    query = query.outerjoin(Participant, Participant.id == line.participant_id)
    return query.where(line.lecture_id == sa.bindparam("lecture"))


def before(lecture: Lecture, cursor: tuple[int, int] | None, most: int, text: str = "") -> list[Any]:
    """The last lines before a place (time and id), the oldest first; with ``text`` those that have it."""
    line = TranscriptLine
    query = lines(lecture).where(remains(lecture)).order_by(None).order_by(line.at.desc(), line.id.desc())
    if cursor is not None:
        query = query.where(sa.tuple_(line.at, line.id) < sa.tuple_(*map(sa.literal, cursor)))
    if text:
        query = query.where(line.text.icontains(text, autoescape=True))
    return list(reversed(db.session.execute(query.limit(most)).all()))


def after(lecture: Lecture, cursor: tuple[int, int] | None, most: int) -> Sequence[Any]:
    """The first lines after a place, those too that are cut out."""
    line = TranscriptLine
    query = lines(lecture)
    if cursor is not None:
        query = query.where(sa.tuple_(line.at, line.id) > sa.tuple_(*map(sa.literal, cursor)))
    return db.session.execute(query.limit(most)).all()


def read_cursor(given: str | None) -> tuple[int, int] | None:
    """A place as pages name it: ``<milliseconds>-<id>``; None for none, or for one that makes no sense."""
    at, dash, key = (given or "").partition("-")
    if not (dash and at.isdecimal() and key.isdecimal() and len(at) < 12 and len(key) < 19):
        return None
    return int(at), int(key)


def cursor_of(row: Any) -> str:
    """The place of a line, for ``read_cursor``."""
    return f"{row.at}-{row.id}"


def count(lecture: Lecture) -> int:
    """How many lines somebody has said."""
    mine = TranscriptLine.lecture_id == lecture.id, ~TranscriptLine.is_gap
    return db.session.scalar(sa.select(sa.func.count()).where(*mine).select_from(TranscriptLine)) or 0


def count_before(lecture: Lecture, cursor: tuple[int, int] | None) -> int:
    """How many lines somebody has said up to a place, that one too."""
    if cursor is None:
        return 0
    line = TranscriptLine
    upto = sa.tuple_(line.at, line.id) <= sa.tuple_(*map(sa.literal, cursor))
    query = (
        sa.select(sa.func.count()).select_from(line).where(line.lecture_id == lecture.id, ~line.is_gap, upto)
    )
    return db.session.scalar(query) or 0


# --- as files -------------------------------------------------------------------------


def captions_of(rows: Iterable[Any]) -> str:
    """The lines as WebVTT; gaps are silence, as is what was cut out."""
    said = (row for row in rows if not (row.is_gap or row.is_cut))
    return web_vtt(Cue(row.at / 1000, max(row.until, row.at + 1) / 1000, row.text, row.name) for row in said)
