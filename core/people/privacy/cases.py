"""What whoever runs the server does about one person: found by an address, or by where they took part."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import sqlalchemy as sa
from flask_babel import force_locale

from core import audit, order
from core.contracts import Person
from core.db import db
from core.engine.plugins import PluginsFailed
from core.errors import AudimaxError
from core.lectures.models import Lecture, Participant
from core.people import accounts
from core.people.models import User
from core.people.privacy import erasing, exporting, persons


class NotDone(AudimaxError):
    """It can't be done; the text says why, and what to do."""


def people_of(lecture: str) -> Sequence[Participant]:
    """Who took part in a lecture, in the order of their coming."""
    query = sa.select(Participant).join(Lecture).where(Lecture.public_id == lecture)
    return db.session.scalars(query.order_by(Participant.id)).all()


def find(email: str, participant: str) -> Person:
    """Whoever is meant by one of the two."""
    if bool(email) == bool(participant):
        raise NotDone("say who: --email for an account, or --participant for somebody who took part")
    return _by_email(email) if email else _by_participant(participant)


def _by_email(email: str) -> Person:
    user = accounts.by_email(email.strip().lower())
    if user is None:
        raise NotDone("there is no account with this address")
    return persons.person_of_user(user)


def _by_participant(public_id: str) -> Person:
    found = persons.find_participant(public_id)
    if found is None:
        raise NotDone("nobody took part under this id; `audimax person list LECTURE` has them")
    person = persons.person_of(found)
    if person is None:
        raise NotDone("nothing leads to anybody from there any more")
    return person


def export(person: Person, target: Path) -> None:
    """Write the ZIP; half of one is removed."""
    try:
        body = target.open("xb")
    except FileExistsError:
        raise NotDone(f"{target} exists already; name another file") from None
    try:
        target.chmod(0o600)
        with body, force_locale("en"):
            exporting.write(person, body)
    except BaseException:
        target.unlink(missing_ok=True)
        raise
    user = db.session.get(User, person.user_id) if person.user_id is not None else None
    audit.record("user.export", target=user.email if user else "", guest=user is None)
    db.session.commit()


def erase(person: Person, keeps_files: bool, fate: str, heir_email: str) -> str:
    """Delete at once; in words what has failed. It is tried again, for accounts by a job too."""
    try:
        if person.user_id is None:
            erasing.erase_guest(person, keeps_files=keeps_files)
        else:
            _erase_account(db.session.get_one(User, person.user_id), keeps_files, fate, heir_email)
    except PluginsFailed as failed:
        return str(failed)
    return ""


def _erase_account(user: User, keeps_files: bool, fate: str, heir_email: str) -> None:
    if erasing.erasure_of(user) is None:
        lectures = erasing.begin(user, None, keeps_files=keeps_files, fate=fate, heir_email=heir_email)
        db.session.commit()
        for lecture in lectures:
            order.keep(lecture)
    erasure = erasing.erasure_of(user)
    if erasure is not None:
        erasing.work_off(erasure.id)
