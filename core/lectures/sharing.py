"""Links by which others read a lecture: made and revoked by hosts, asked for at every request.

A link's token leads to a reader's session, which remembers the link and not the token. What it opens
is reading: the role of whoever comes by it doesn't change.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from datetime import timedelta

import sqlalchemy as sa
from flask import session
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from core import audit
from core.bus import notify
from core.config import config
from core.db import db, now, scoped
from core.errors import Refusal
from core.lectures.models import Lecture, LectureShare
from core.people.models import User
from core.rooms.models import Room
from core.rooms.settings import is_set, rule, settings_of

# How long a link holds, as hosts choose it; the last one only where the institution lets them.
FOR_EVER = "forever"
LASTS: dict[str, timedelta | None] = {
    "day": timedelta(days=1),
    "week": timedelta(days=7),
    "month": timedelta(days=30),
    "semester": timedelta(days=180),
    FOR_EVER: None,
}
LAST_WORDS = {
    "day": _l("One day"),
    "week": _l("One week"),
    "month": _l("One month"),
    "semester": _l("One semester (180 days)"),
    FOR_EVER: _l("Until it is revoked"),
}
MOST_LINKS = 20
LONGEST_LABEL = 80
LONGEST_TOKEN = 100
# Of the links that a browser has opened, the newest; a session's cookie has to stay small.
REMEMBERED, READER = "shared", "reader"
MOST_REMEMBERED = 20


# --- for hosts ------------------------------------------------------------------------


def is_allowed_in(room: Room) -> bool:
    """Whether the institution and the room let hosts share lectures; where not, no link opens anything."""
    return config().share_links and settings_of(room).share_links


def choices() -> dict[str, str]:
    """How long a link may hold, in words."""
    return {name: str(words) for name, words in LAST_WORDS.items() if _may_last(name)}


def _may_last(name: str) -> bool:
    return name in LASTS and (name != FOR_EVER or config().share_links_forever)


def of(lecture: Lecture) -> Sequence[LectureShare]:
    """The links that open it now, the newest first."""
    query = sa.select(LectureShare).where(LectureShare.lecture_id == lecture.id, holds())
    return db.session.scalars(query.order_by(LectureShare.id.desc())).all()


def make(lecture: Lecture, by: User, label: str, lasts: str) -> LectureShare:
    """A new link; a ``Refusal`` with words where none may be made. The caller commits."""
    if not is_allowed_in(lecture.room):
        raise Refusal(403, _("Lectures of this room can't be shared by a link."), code="no_sharing")
    if lecture.is_live:
        words = _("The lecture is still running. Share it once it has ended.")
        raise Refusal(409, words, code="live")
    if not _may_last(lasts):
        raise Refusal(422, _("Please choose one of these."), code="invalid", field="lasts")
    # Who makes one at the same moment waits, and counts after us.
    db.session.execute(sa.select(Lecture.id).where(Lecture.id == lecture.id).with_for_update())
    if len(of(lecture)) >= MOST_LINKS:
        words = _("This lecture has %(count)s links. Revoke one first.", count=MOST_LINKS)
        raise Refusal(409, words, code="too_many_links")
    length = LASTS[lasts]
    made = LectureShare(
        lecture_id=lecture.id,
        label=label,
        created_by_id=by.id,
        expires_at=None if length is None else now() + length,
    )
    db.session.add(made)
    db.session.flush()
    _record("lecture.share", made, lecture, by)
    return made


def revoke(lecture: Lecture, public_id: str, by: User) -> None:
    """From the commit on it opens nothing; pages that it has opened close. Once more does no harm."""
    found = scoped(lecture, LectureShare, public_id)
    if found.revoked_at is None:
        found.revoked_at = now()
        _record("lecture.unshare", found, lecture, by)
        notify(f"lecture:{lecture.id}")


def _record(action: str, share: LectureShare, lecture: Lecture, by: User) -> None:
    audit.record(
        action,
        actor=by,
        room_id=lecture.room_id,
        lecture_id=lecture.id,
        target=share.label,
        link=share.public_id,
    )


def address(share: LectureShare) -> str:
    """The link itself."""
    return f"{config().address}/shared/{share.token}"


# --- for readers ----------------------------------------------------------------------


def open_link(token: str) -> Lecture | None:
    """The lecture that a link opens, from now on for this browser; None when it opens nothing, whyever."""
    found = _by_token(token)
    if found is None or found.lecture.deleted_at is not None or not is_allowed_in(found.lecture.room):
        return None
    kept = [one for one in _remembered() if one != found.public_id]
    session[REMEMBERED] = [*kept, found.public_id][-MOST_REMEMBERED:]
    session.setdefault(READER, secrets.token_urlsafe(12))
    return found.lecture


def reader_key() -> str:
    """What tells this browser from others that read by a link; empty for one that has opened none."""
    return str(session.get(READER, ""))


def kept() -> dict[str, object]:
    """What of a session outlives signing in: the links that its browser has opened."""
    return {name: session[name] for name in (REMEMBERED, READER) if name in session}


def _by_token(token: str) -> LectureShare | None:
    if not 0 < len(token) <= LONGEST_TOKEN:
        return None
    return db.session.scalar(sa.select(LectureShare).where(LectureShare.token == token, holds()))


def opened_link(lecture: Lecture) -> LectureShare | None:
    """The link by which this request's browser may read it; of several, the one that holds longest."""
    ids = _remembered()
    if not ids or not is_allowed_in(lecture.room):
        return None
    mine = (LectureShare.lecture_id == lecture.id, LectureShare.public_id.in_(ids), holds())
    longest = LectureShare.expires_at.desc().nulls_first()
    return db.session.scalar(sa.select(LectureShare).where(*mine).order_by(longest).limit(1))


def opened() -> sa.ColumnElement[bool]:
    """Lectures that this request's browser may read by links it has opened; ``Room`` must be joined."""
    ids = _remembered() if config().share_links else []
    shared = sa.select(LectureShare.lecture_id).where(LectureShare.public_id.in_(ids), holds())
    permits = is_set("share_links", rule("share_links"))
    return sa.and_(Lecture.id.in_(shared), Lecture.deleted_at.is_(None), permits)


def holds() -> sa.ColumnElement[bool]:
    """Neither revoked nor expired; one without an end, as long as the institution permits such links."""
    ends_later = LectureShare.expires_at > now()
    if config().share_links_forever:
        ends_later = sa.or_(ends_later, LectureShare.expires_at.is_(None))
    return sa.and_(LectureShare.revoked_at.is_(None), ends_later)


def _remembered() -> list[str]:
    found = session.get(REMEMBERED, [])
    return [one for one in found if isinstance(one, str)] if isinstance(found, list) else []
