"""Who was connected when. Worked out from everything LiveKit has said about a person, each time anew.

So it doesn't matter in which order, how late or how often LiveKit says it.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import sqlalchemy as sa
from livekit.protocol import models
from sqlalchemy.dialects.postgresql import insert

from core import events
from core.bus import LIVE, notify
from core.contracts import ParticipantJoined, ParticipantLeft
from core.db import db, now
from core.lectures.models import Lecture, Participant
from core.models import WebhookEvent
from core.rooms.hosts import tell_hosts

log = logging.getLogger(__name__)

JOINED, LEFT = "participant_joined", "participant_left"
PEOPLE = models.ParticipantInfo.Kind.STANDARD
AGENTS = models.ParticipantInfo.Kind.AGENT
ACTIVE = models.ParticipantInfo.State.ACTIVE
# What is said longer after a lecture's end isn't worked any more: its events may be pruned by then.
TOO_LATE = timedelta(days=1)


@dataclass(frozen=True)
class Said:
    """One thing that LiveKit said about one connection (``sid``) of a person."""

    kind: str
    sid: str
    at: datetime
    joined_at: datetime


@dataclass(frozen=True)
class Stay:
    """One connection from its beginning to its end; ``until`` is empty while it lasts."""

    sid: str
    since: datetime
    until: datetime | None


# --- writing down ---------------------------------------------------------------------


def note(
    event_id: str, kind: str, lecture_public_id: str, at: datetime, who: models.ParticipantInfo | None
) -> bool:
    """Store what LiveKit said of a person, once by its id; tells whether it was new."""
    return store(event_id, kind, lecture_public_id, at, _payload(who, at) if who is not None else {})


def store(event_id: str, kind: str, lecture_public_id: str, at: datetime, payload: dict[str, Any]) -> bool:
    """Store what LiveKit said, once by its id; tells whether it was new."""
    row = {
        "id": event_id,
        "kind": kind,
        "lecture_public_id": lecture_public_id,
        "happened_at": at,
        "payload": payload,
    }
    stored = insert(WebhookEvent).values(row).on_conflict_do_nothing().returning(WebhookEvent.id)
    return db.session.scalar(stored) is not None


def _payload(who: models.ParticipantInfo, at: datetime) -> dict[str, Any]:
    return {
        "identity": who.identity,
        "sid": who.sid,
        "kind": int(who.kind),
        "joined_at_ms": who.joined_at_ms or who.joined_at * 1000 or int(at.timestamp() * 1000),
    }


# --- working out ----------------------------------------------------------------------


def stays_of(said: Iterable[Said], lecture_ended_at: datetime | None = None) -> list[Stay]:
    """A person's connections in order; each begins when the one before has ended, if not later."""
    begun: dict[str, datetime] = {}
    ended: dict[str, datetime] = {}
    for one in said:
        begun[one.sid] = min(one.joined_at, begun.get(one.sid, one.joined_at))
        if one.kind == LEFT:
            ended[one.sid] = min(one.at, ended.get(one.sid, one.at))
    order = sorted(begun, key=lambda sid: (begun[sid], sid))
    return [
        _stay(sid, begun[sid], [ended.get(sid), begun[after] if after else None, lecture_ended_at])
        for sid, after in zip(order, [*order[1:], ""], strict=True)
    ]


def _stay(sid: str, since: datetime, ends: Sequence[datetime | None]) -> Stay:
    # One identity has one connection: the next one, or the lecture's end, ends it at the latest.
    until = min((end for end in ends if end is not None), default=None)
    return Stay(sid, since, None if until is None else max(since, until))


def settle(lecture_public_id: str, identity: str) -> None:
    """Set a participant's presence from all that LiveKit has said; publishes what changed."""
    row = _locked(lecture_public_id, identity)
    if row is None:
        log.warning("LiveKit names %r in lecture %s, whom nobody admitted", identity, lecture_public_id)
        return
    if row.lecture.ended_at and row.lecture.ended_at < now() - TOO_LATE:
        return
    before = (row.present_since is not None, row.livekit_sid)
    _write(row, stays_of(_said(lecture_public_id, identity), row.lecture.ended_at))
    _publish(row, *before)
    db.session.flush()
    _note_absence(row.lecture_id)


def _locked(lecture_public_id: str, identity: str) -> Participant | None:
    """The participant's row; the lecture's first, as everybody has it: two would wait for each other else."""
    lecture = sa.select(Lecture.id).where(Lecture.public_id == lecture_public_id)
    db.session.execute(lecture.with_for_update(key_share=True))
    return db.session.scalar(
        sa.select(Participant)
        .join(Participant.lecture)
        .where(Participant.identity == identity, Lecture.public_id == lecture_public_id)
        .with_for_update(of=Participant, key_share=True)
        .execution_options(populate_existing=True)
    )


def _said(lecture_public_id: str, identity: str) -> list[Said]:
    payload = WebhookEvent.payload
    query = sa.select(
        WebhookEvent.kind,
        payload["sid"].astext,
        WebhookEvent.happened_at,
        payload["joined_at_ms"].astext.cast(sa.BigInteger),
    ).where(
        WebhookEvent.lecture_public_id == lecture_public_id,
        WebhookEvent.kind.in_((JOINED, LEFT)),
        payload["kind"].astext == str(int(PEOPLE)),
        payload["identity"].astext == identity,
    )
    return [Said(kind, sid, at, _moment(ms)) for kind, sid, at, ms in db.session.execute(query)]


def _moment(milliseconds: int) -> datetime:
    return datetime.fromtimestamp(milliseconds / 1000, UTC)


def _write(row: Participant, stays: list[Stay]) -> None:
    if not stays:
        return
    last = stays[-1]
    closed = [(stay.since, stay.until) for stay in stays if stay.until is not None]
    row.first_joined_at = stays[0].since
    present_since = last.since if last.until is None else None
    if present_since != row.present_since:
        # A new connection: its browser begins with a good one.
        row.quality = ""
    row.present_since = present_since
    row.left_at = None if last.until is None else last.until
    row.seconds_present = round(sum((until - since).total_seconds() for since, until in closed))
    row.livekit_sid = last.sid


def _publish(row: Participant, was_here: bool, old_sid: str) -> None:
    facts = {"room_id": row.lecture.room_id, "lecture_id": row.lecture_id, "participant_id": row.id}
    is_here = row.present_since is not None
    if is_here and (not was_here or row.livekit_sid != old_sid):
        events.publish(ParticipantJoined(**facts))
    elif was_here and not is_here:
        events.publish(ParticipantLeft(**facts))
    if is_here != was_here:
        tell_hosts(row.lecture.room_id)


def _note_absence(lecture_id: int) -> None:
    """Remember since when nobody is connected to a live lecture."""
    anybody = sa.exists().where(Participant.lecture_id == lecture_id, Participant.present_since.is_not(None))
    db.session.execute(
        sa.update(Lecture)
        .where(Lecture.id == lecture_id, Lecture.ended_at.is_(None))
        .values(absent_since=sa.case((anybody, None), else_=sa.func.coalesce(Lecture.absent_since, now())))
        .execution_options(synchronize_session=False)
    )


def everybody_leaves(lecture: Lecture) -> None:
    """Close the presence of all who are connected at the moment of the lecture's end."""
    lasted = sa.func.extract("epoch", lecture.ended_at - Participant.present_since)
    db.session.execute(
        sa.update(Participant)
        .where(Participant.lecture_id == lecture.id, Participant.present_since.is_not(None))
        .values(
            seconds_present=Participant.seconds_present + sa.func.greatest(sa.func.round(lasted), 0),
            left_at=lecture.ended_at,
            present_since=None,
        )
        .execution_options(synchronize_session=False)
    )


# --- agents ---------------------------------------------------------------------------


def with_agents() -> set[str]:
    """The live lectures in which an agent is connected, by public id; one query."""
    live = sa.select(Lecture.public_id).where(Lecture.ended_at.is_(None))
    here = _agents_here(WebhookEvent.lecture_public_id.in_(live)).subquery()
    return set(db.session.scalars(sa.select(here.c.lecture_public_id).distinct()))


def _agents_here(which: sa.ColumnElement[bool]) -> sa.Select[Any]:
    """Connections of agents that have begun and not ended, with when they were first heard of."""
    sid = WebhookEvent.payload["sid"].astext
    return (
        sa.select(
            WebhookEvent.lecture_public_id,
            sid.label("sid"),
            sa.func.min(WebhookEvent.happened_at).label("since"),
        )
        .where(
            which,
            WebhookEvent.kind.in_((JOINED, LEFT)),
            WebhookEvent.payload["kind"].astext == str(int(AGENTS)),
        )
        .group_by(WebhookEvent.lecture_public_id, sid)
        .having(sa.func.bool_and(WebhookEvent.kind == JOINED))
    )


def _repair_agents(lecture: Lecture, here: dict[str, models.ParticipantInfo], asked_at: datetime) -> None:
    found = db.session.execute(_agents_here(WebhookEvent.lecture_public_id == lecture.public_id))
    known = {sid: since for _lecture, sid, since in found}
    gone = [sid for sid, since in known.items() if sid not in here and since < asked_at]
    for sid in gone:
        agent = models.ParticipantInfo(sid=sid, kind=AGENTS)
        note(f"seen:{sid}:{LEFT}", LEFT, lecture.public_id, asked_at, agent)
    for sid in here.keys() - known.keys():
        note(f"seen:{sid}:{JOINED}", JOINED, lecture.public_id, asked_at, here[sid])
    if gone or here.keys() - known.keys():
        notify(LIVE)


# --- repairing ------------------------------------------------------------------------


def repair(lecture: Lecture, people: Sequence[models.ParticipantInfo], asked_at: datetime) -> None:
    """Make presence agree with LiveKit's own list as it was at ``asked_at``: webhooks get lost."""
    here = {p.identity: p for p in people if is_present(p)}
    agents = {p.sid: p for p in people if p.kind == AGENTS and p.state == ACTIVE}
    _believe_the_list([*here.values(), *agents.values()])
    _repair_agents(lecture, agents, asked_at)
    known = _known(lecture, here)
    for identity, (sid, present_since) in known.items():
        seen = here.get(identity)
        if present_since is not None and present_since < asked_at and (seen is None or seen.sid != sid):
            gone = models.ParticipantInfo(identity=identity, sid=sid, joined_at_ms=_ms(present_since))
            note(f"seen:{sid}:{LEFT}", LEFT, lecture.public_id, asked_at, gone)
        if seen is not None and (present_since is None or seen.sid != sid):
            note(f"seen:{seen.sid}:{JOINED}", JOINED, lecture.public_id, asked_at, seen)
    for identity in _differing(known, here):
        settle(lecture.public_id, identity)
    _note_absence(lecture.id)


def is_present(person: models.ParticipantInfo) -> bool:
    """Whether this is a human whose media is connected; agents and the like don't count."""
    return person.kind == PEOPLE and person.state == ACTIVE


Known = dict[str, tuple[str, datetime | None]]


def _known(lecture: Lecture, here: dict[str, models.ParticipantInfo]) -> Known:
    query = sa.select(Participant.identity, Participant.livekit_sid, Participant.present_since).where(
        Participant.lecture_id == lecture.id,
        sa.or_(Participant.present_since.is_not(None), Participant.identity.in_(here)),
    )
    return {identity: (sid, since) for identity, sid, since in db.session.execute(query)}


def _differing(known: Known, here: dict[str, models.ParticipantInfo]) -> list[str]:
    listed = {identity: person.sid for identity, person in here.items()}
    return sorted(
        identity
        for identity, (sid, since) in known.items()
        if listed.get(identity) != (sid if since is not None else None)
    )


def _believe_the_list(people: Iterable[models.ParticipantInfo]) -> None:
    """Take back that we missed somebody in an earlier list who is there after all."""
    wrong = [f"seen:{person.sid}:{LEFT}" for person in people]
    db.session.execute(
        sa.delete(WebhookEvent).where(WebhookEvent.id.in_(wrong)).execution_options(synchronize_session=False)
    )


def _ms(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)
