"""Who may send a file on, and who may have it; asked at every request."""

from __future__ import annotations

from dataclasses import replace

import sqlalchemy as sa
from flask_babel import gettext as _

from core.contracts import Audience, Role, Viewer
from core.db import db
from core.errors import Refusal
from core.files.models import OF_EXPORTS, State, StoredFile
from core.http.callers import signed_in, viewer_in_lecture
from core.lectures.access import may_read
from core.lectures.models import Lecture, Participant
from core.people.guests import current_guest


def own_upload(public_id: str) -> StoredFile:
    """The caller's upload of that id; a 404 when it is somebody else's, a 403 when they were removed."""
    stored = _found(public_id)
    if stored is None or stored.lecture is None or stored.lecture.deleted_at or not _is_senders(stored):
        raise Refusal(404, _("There is no such upload. Begin again."), code="no_upload")
    viewer = viewer_in_lecture(stored.lecture)
    # A link to read by lets nobody send who was removed.
    if not _is_inside(stored.lecture, replace(viewer, by_link=False)):
        raise Refusal(403, _("You are not in this lecture any more."), code="not_allowed")
    return stored


def readable(public_id: str) -> StoredFile:
    """A file that the caller may have, whatever its state; a 404 otherwise."""
    stored = _found(public_id)
    if stored is None or stored.plugin == OF_EXPORTS:
        raise no_file()
    if stored.lecture is None or not _may_have(stored, stored.lecture):
        raise no_file()
    return stored


def no_file() -> Refusal:
    """One answer for what isn't there and what the caller may not have."""
    return Refusal(404, _("There is no such file. It may have been removed."), code="no_file")


def _found(public_id: str) -> StoredFile | None:
    return db.session.scalar(
        sa.select(StoredFile).where(StoredFile.public_id == public_id, StoredFile.state != State.GONE)
    )


def _may_have(stored: StoredFile, lecture: Lecture) -> bool:
    viewer = viewer_in_lecture(lecture)
    if lecture.deleted_at is not None:
        return False
    if viewer.sees_hosts_part:
        return True
    if not _is_inside(lecture, viewer):
        return False
    return stored.audience == Audience.EVERYONE or _is_senders(stored)


def _is_inside(lecture: Lecture, viewer: Viewer) -> bool:
    """While it is live, who is admitted and not removed; afterwards who may read what remains of it."""
    return may_read(lecture, viewer) or (lecture.is_live and viewer.role is Role.PARTICIPANT)


def _is_senders(stored: StoredFile) -> bool:
    user, guest = signed_in(), current_guest()
    if user is not None and stored.user_id == user.id:
        return True
    sender = db.session.get(Participant, stored.participant_id) if stored.participant_id else None
    return (
        sender is not None
        and sender.user_id is None
        and guest is not None
        and sender.guest_session_id == guest.id
    )
