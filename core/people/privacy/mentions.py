"""Where the audit log, the queue and LiveKit's messages speak of somebody."""

from __future__ import annotations

import json
from collections.abc import Collection
from typing import Any

import sqlalchemy as sa

from core.contracts import Person
from core.db import db, quietly
from core.engine.personal_columns import NOBODY
from core.lectures.models import Lecture, Participant, rows_of
from core.lectures.trash import JOBS, OVER, STATUS, WAITING
from core.models import AuditEntry, WebhookEvent
from core.people.models import OneTimeLink
from core.people.privacy.persons import lectures_of

BATCH = 500


def entries(person: Person, email: str, names: Collection[str]) -> sa.ColumnElement[bool]:
    """Entries of the log by them or about them: by account, by address, and by name where they took part."""
    by_them = AuditEntry.actor_id == person.user_id if person.user_id is not None else sa.false()
    details = sa.cast(AuditEntry.details, sa.Text)
    by_address = (
        sa.or_(AuditEntry.target == email, details.icontains(email, autoescape=True)) if email else sa.false()
    )
    named = sa.or_(
        AuditEntry.target.in_(names),
        AuditEntry.actor_name.in_(names),
        *(details.contains(_as_json(name), autoescape=True) for name in names),
    )
    return sa.or_(by_them, by_address, sa.and_(_where_they_were(person), named))


def _where_they_were(person: Person) -> sa.ColumnElement[bool]:
    lectures = lectures_of(person)
    rooms = sa.select(Lecture.room_id).where(Lecture.id.in_(lectures))
    of_rooms = sa.and_(AuditEntry.lecture_id.is_(None), AuditEntry.room_id.in_(rooms))
    return sa.or_(AuditEntry.lecture_id.in_(lectures), of_rooms)


def anonymise_entries(person: Person, email: str, names: Collection[str]) -> None:
    """What was done, and when, stays in the log; who did it, or to whom, goes where it was they."""
    last, words = 0, {email, *names} - {""}
    while True:
        query = sa.select(AuditEntry).where(AuditEntry.id > last, entries(person, email, names))
        found = db.session.scalars(query.order_by(AuditEntry.id).limit(BATCH)).all()
        for entry in found:
            _anonymise(entry, person, words)
        db.session.flush()
        if len(found) < BATCH:
            return
        last = found[-1].id


def _anonymise(entry: AuditEntry, person: Person, words: Collection[str]) -> None:
    if entry.actor_name in words or (person.user_id is not None and entry.actor_id == person.user_id):
        entry.actor_name = NOBODY
    entry.target = _without(entry.target, words)
    entry.details = _without(entry.details, words)


def _without(value: Any, words: Collection[str]) -> Any:
    if isinstance(value, str):
        return NOBODY if value in words else _cut(value, words)
    if isinstance(value, dict):
        return {key: _without(one, words) for key, one in value.items()}
    return [_without(one, words) for one in value] if isinstance(value, list) else value


def _cut(text: str, words: Collection[str]) -> str:
    # A name inside other words may be anything; an address is an address.
    for address in (word for word in words if "@" in word and word in text):
        text = text.replace(address, NOBODY)
    return text


def _as_json(name: str) -> str:
    return json.dumps(name, ensure_ascii=False)


def forget_messages(person: Person) -> None:
    """What LiveKit has told of them; it is worked off, or comes too late."""
    names = sa.select(Lecture.public_id).where(Lecture.id.in_(lectures_of(person)))
    theirs = sa.select(Participant.identity).where(rows_of(person))
    identity = WebhookEvent.payload["participant"]["identity"].astext
    where = (WebhookEvent.lecture_public_id.in_(names), identity.in_(theirs))
    quietly(sa.delete(WebhookEvent).where(*where))


def forget_jobs(person: Person, email: str) -> None:
    """Jobs that wait or have failed for them: mails to them, and what names them."""
    said = JOBS.c.args
    about = [said["guest_session_id"].astext.in_([str(one) for one in person.guest_session_ids])]
    if person.user_id is not None:
        about.append(said["user_id"].astext == str(person.user_id))
    if email:
        about.append(sa.cast(said, sa.Text).contains(email, autoescape=True))
    quietly(sa.delete(JOBS).where(STATUS.in_((WAITING, *OVER)), sa.or_(*about)))


def forget_links(person: Person, email: str) -> None:
    """One-time links that were sent to them."""
    theirs = [OneTimeLink.user_id == person.user_id] if person.user_id is not None else []
    if email:
        theirs.append(OneTimeLink.email == email)
    if theirs:
        quietly(sa.delete(OneTimeLink).where(sa.or_(*theirs)))
