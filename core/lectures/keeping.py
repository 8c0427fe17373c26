"""A lecture that somebody took part in as a guest comes into their account, when they say so.

Only what this browser's own guest session has done, and never by itself: who signs in at a shared
computer may be somebody else.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from core.db import db, quietly
from core.exports.models import Export
from core.files.models import StoredFile
from core.lectures.models import Lecture, Participant
from core.people.models import GuestSession, User


def offered_name(lecture: Lecture, user: User | None, guest: GuestSession | None) -> str:
    """The name under which this browser took part, where it may be kept in an account; empty where not."""
    if guest is None or lecture.is_live or not _is_free_for(guest, user) or _has_own(lecture, user):
        return ""
    query = sa.select(Participant.name).where(*_rows(lecture, guest), Participant.removed_at.is_(None))
    return db.session.scalar(query.order_by(Participant.id.desc()).limit(1)) or ""


def keep(lecture: Lecture, user: User, guest: GuestSession) -> bool:
    """What the guest session did in the lecture is the account's from now on; whether there was anything.

    A return after a removal stays one. The caller commits.
    """
    if not offered_name(lecture, user, guest):
        return False
    rows = db.session.scalars(sa.select(Participant.id).where(*_rows(lecture, guest))).all()
    try:
        with db.session.begin_nested():
            _give(Participant, user, Participant.id.in_(rows))
    except IntegrityError:
        # The same person, in another window, a moment earlier.
        return False
    _give(StoredFile, user, StoredFile.participant_id.in_(rows), StoredFile.user_id.is_(None))
    own = (Export.lecture_id == lecture.id, Export.guest_session_id == guest.id, Export.user_id.is_(None))
    _give(Export, user, *own, guest_session_id=None)
    guest.user_id = user.id
    return True


def _rows(lecture: Lecture, guest: GuestSession) -> tuple[sa.ColumnElement[bool], ...]:
    return (
        Participant.lecture_id == lecture.id,
        Participant.guest_session_id == guest.id,
        Participant.user_id.is_(None),
    )


def _is_free_for(guest: GuestSession, user: User | None) -> bool:
    """A session that belongs to another account is that account's."""
    return guest.user_id is None or (user is not None and guest.user_id == user.id)


def _has_own(lecture: Lecture, user: User | None) -> bool:
    if user is None:
        return False
    query = sa.select(Participant.id).where(
        Participant.lecture_id == lecture.id,
        Participant.user_id == user.id,
        Participant.removed_at.is_(None),
    )
    return db.session.scalar(query.limit(1)) is not None


def _give(model: Any, user: User, *where: Any, **more: Any) -> None:
    quietly(sa.update(model).where(*where).values(user_id=user.id, **more))
