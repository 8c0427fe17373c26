"""LiveKit is made to do what the participant rows say. The rows are committed before anybody is told."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

import sqlalchemy as sa
from flask import Flask, current_app
from livekit.protocol import models
from sqlalchemy.exc import SQLAlchemyError

from core.db import db, now
from core.errors import LiveKitDown, LiveKitError
from core.lectures.models import Lecture, Participant
from core.livekit.client import Failed, LiveKit, livekit
from core.livekit.tokens import permission_of

log = logging.getLogger(__name__)

# Only a holder of the API key can make these; a person's token can't.
OURS = frozenset({models.ParticipantInfo.Kind.AGENT, models.ParticipantInfo.Kind.EGRESS})
HONEST = {
    models.TrackType.AUDIO: (models.TrackSource.MICROPHONE, models.TrackSource.SCREEN_SHARE_AUDIO),
    models.TrackType.VIDEO: (models.TrackSource.CAMERA, models.TrackSource.SCREEN_SHARE),
}
# LiveKit ends a track with silence of its own, ten frames in 0.2 s; a busy server takes longer.
FADES_FOR = 0.5
# Who was on the way through the gate when the host decided arrives within these seconds.
AGAIN_AFTER = (2.0, 10.0)


@dataclass(frozen=True)
class Enforced:
    """How many were removed, got other rights, or couldn't be reached.

    ``quiet_at`` (of ``time.monotonic``): when nothing of what was taken reaches anybody any more.
    """

    removed: int = 0
    changed: int = 0
    failed: int = 0
    quiet_at: float = field(default=0.0, compare=False)


def enforce(lecture: Lecture, people: Sequence[models.ParticipantInfo] | None = None) -> Enforced:
    """Walk LiveKit's list of a lecture: remove who isn't admitted, set everybody's rights.

    Commit first. Open microphones come first, so that a silenced room is silent at once.
    """
    room, server = lecture.public_id, livekit()
    try:
        listed = server.list_participants(room) if people is None else people
    except (LiveKitDown, LiveKitError) as error:
        log.warning("lecture %s can't be kept in order now: %s", room, error)
        return Enforced(failed=1)
    _shut_out_liars(lecture, listed)
    wanted = _admitted(lecture)
    calls = [
        (bool(person.tracks), call)
        for person in sorted(listed, key=_loudness, reverse=True)
        if (call := _remedy(server, room, person, wanted))
    ]
    heard = server.many([call for is_heard, call in calls if is_heard])
    quiet_at = time.monotonic() + FADES_FOR if heard else 0.0
    answers = [*heard, *server.many([call for is_heard, call in calls if not is_heard])]
    done = [answer for answer in answers if not isinstance(answer, Failed)]
    removed = sum(what == "removed" for what in done)
    return Enforced(removed, len(done) - removed, len(answers) - len(done), quiet_at)


def _shut_out_liars(lecture: Lecture, listed: Sequence[models.ParticipantInfo]) -> None:
    """Who sends sound as a camera, to get past a taken microphone, isn't admitted any more."""
    liars = [
        person.identity for person in listed if any(map(_lies, person.tracks)) and person.kind not in OURS
    ]
    if liars:
        log.warning("lecture %s: %s sent sound or pictures under another name", lecture.public_id, liars)
        mine = (Participant.lecture_id == lecture.id, Participant.identity.in_(liars))
        put_out = (
            sa.update(Participant).where(*mine, Participant.removed_at.is_(None)).values(removed_at=now())
        )
        db.session.execute(put_out.execution_options(synchronize_session=False))


def _lies(track: models.TrackInfo) -> bool:
    return track.source not in HONEST.get(track.type, ())


def _remedy(
    server: LiveKit,
    room: str,
    person: models.ParticipantInfo,
    wanted: Mapping[str, models.ParticipantPermission],
) -> Callable[[], str] | None:
    """The call that makes LiveKit agree with the rows about one person; None where it does."""
    if person.identity not in wanted:
        return None if person.kind in OURS else partial(_remove, server, room, person.identity)
    if not _differs(person, wanted[person.identity]):
        return None
    return partial(_change, server, room, person.identity, wanted[person.identity])


def _loudness(person: models.ParticipantInfo) -> tuple[bool, int]:
    speaks = any(t.source == models.TrackSource.MICROPHONE and not t.muted for t in person.tracks)
    return speaks, len(person.tracks)


def later(lecture: Lecture) -> None:
    """Enforce again after 2 and 10 seconds, in this process: it never waits for a job."""
    app = current_app._get_current_object()  # type: ignore[attr-defined]
    for seconds in AGAIN_AFTER:
        # A greenlet under gevent, a thread elsewhere.
        timer = threading.Timer(seconds, _enforce_in, (app, lecture.id))
        timer.daemon = True
        timer.start()


def _enforce_in(app: Flask, lecture_id: int) -> None:
    try:
        with app.app_context():
            lecture = db.session.get(Lecture, lecture_id)
            if lecture is not None and lecture.is_live:
                enforce(lecture)
    except SQLAlchemyError as error:
        log.warning("lecture %d is kept in order by the reconciler: %s", lecture_id, type(error).__name__)


def _admitted(lecture: Lecture) -> dict[str, models.ParticipantPermission]:
    """Everybody's wanted rights, by identity, read after LiveKit's list was."""
    query = (
        sa.select(Participant)
        .where(Participant.lecture_id == lecture.id, Participant.removed_at.is_(None))
        .execution_options(populate_existing=True)
    )
    wanted = {row.identity: permission_of(row) for row in db.session.scalars(query)}
    # The calls that follow may take seconds; nobody waits for our database connection meanwhile.
    db.session.commit()
    return wanted


def _differs(person: models.ParticipantInfo, wanted: models.ParticipantPermission) -> bool:
    has = person.permission
    return (
        has.can_publish != wanted.can_publish
        or set(has.can_publish_sources) != set(wanted.can_publish_sources)
        or has.can_subscribe != wanted.can_subscribe
        or has.can_publish_data != wanted.can_publish_data
        or has.can_update_metadata != wanted.can_update_metadata
    )


def _remove(server: LiveKit, room: str, identity: str) -> str:
    log.warning("removing %r from lecture %s: not admitted", identity, room)
    server.remove_participant(room, identity)
    return "removed"


def _change(server: LiveKit, room: str, identity: str, wanted: models.ParticipantPermission) -> str:
    server.update_participant(room, identity, wanted)
    return "changed"
