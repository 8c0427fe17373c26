"""A recorder is asked to come, looked after, and asked again when it doesn't answer."""

from __future__ import annotations

from datetime import timedelta

import sqlalchemy as sa

from core.api import Lecture, agents, db, is_enabled_in, now, settings
from plugins.recording import models, state
from plugins.recording.egress import runs
from plugins.recording.engines import is_egress
from plugins.recording.models import Begun, LectureRecording, Wish
from plugins.recording.settings import Settings
from plugins.recording.slots import takes_a_slot

AGENT = "audimax-recorder"


def identity_of(lecture: Lecture) -> str:
    """The recorder's identity in a lecture: one for all its runs, so that a new one throws out a ghost."""
    return f"recorder-{lecture.public_id}"


def begin(lecture: Lecture, *, may_wait: bool) -> Begun:
    """Recording is wanted from the end of the notice on; busy when no recorder is free, and it may not wait.

    Commits, tells the room, and asks for a recorder. Whoever presses at the same moment finds it begun.
    """
    recording = models.locked(lecture)
    if recording.is_wanted:
        db.session.commit()
        return Begun.ALREADY
    is_free = takes_a_slot(lecture)
    if not (is_free or may_wait):
        db.session.rollback()
        return Begun.BUSY
    if is_egress(recording):
        return runs.begin(lecture, recording, is_free=is_free, may_wait=may_wait)
    recording.queued_at = None if is_free else now()
    recording.begins_at = now() + timedelta(seconds=settings(Settings).notice_seconds) if is_free else None
    if is_free:
        state.wish_for(recording, Wish.ON)
    else:
        recording.wish = Wish.ON.value
        state.touch(recording)
    db.session.commit()
    state.tell(lecture)
    look_after(lecture)
    return Begun.NOW


def look_after(lecture: Lecture, within: timedelta = agents.COMES_WITHIN) -> None:
    """Ask for a recorder where one is wanted and none is; commits. May run twice, or at the same time.

    ``within``: who was asked so short ago may still come.
    """
    if not is_enabled_in(lecture.room, "recording"):
        return
    if is_egress(models.recording_of(lecture)):
        runs.look_after(lecture)
        return
    recording = models.locked(lecture)
    changed = _settle(lecture, recording)
    asks = _must_ask(lecture, recording, within)
    if asks:
        recording.asked_at = now()
    db.session.commit()
    if changed:
        state.tell(lecture)
    if asks:
        agents.dispatch(lecture, AGENT, agents.errand(lecture, settings(Settings).web_url))


def _settle(lecture: Lecture, recording: LectureRecording) -> bool:
    """The room may forbid it meanwhile; who waits in the queue may have its turn. Whether that changed it."""
    if state.end_what_is_forbidden(recording):
        return True
    if recording.queued_at is None or not lecture.is_live or not takes_a_slot(lecture, recording):
        return False
    recording.queued_at = None
    recording.begins_at = now() + timedelta(seconds=settings(Settings).notice_seconds)
    recording.wish = Wish.OFF.value
    state.wish_for(recording, Wish.ON)
    return True


def _must_ask(lecture: Lecture, recording: LectureRecording, within: timedelta) -> bool:
    if not lecture.is_live or not recording.is_wanted or recording.queued_at or recording.has_agent:
        return False
    return not recording.may_still_come(within)


def follow(lecture: Lecture, wish: Wish) -> None:
    """Hosts want something else from now on: what is told to whoever records, after the commit."""
    if is_egress(models.recording_of(lecture)):
        runs.follow(lecture, wish)
    elif wish is Wish.OFF:
        send_away(lecture)


def send_away(lecture: Lecture) -> None:
    """Nobody records any more; what was recorded is handed over first, so it leaves by itself."""
    for_good = models.recording_of(lecture)
    if for_good is None or not for_good.has_agent:
        agents.dismiss(lecture, AGENT, identity_of(lecture))


def look_after_all() -> None:
    """Every live lecture that may have no recorder, who waits longest first."""
    one = LectureRecording
    query = (
        sa.select(Lecture.id)
        .join(one, one.lecture_id == Lecture.id)
        .where(
            Lecture.ended_at.is_(None),
            one.wish != Wish.OFF.value,
            one.is_silent(),
            sa.or_(one.queued_at.is_not(None), one.is_due()),
        )
        .order_by(one.queued_at)
    )
    found = list(db.session.scalars(query))
    db.session.commit()
    agents.for_each_live(found, look_after)
