"""Egresses are asked for, stopped, and looked after; every step may run twice, late, or at the same time.

Rows are committed before LiveKit is told, and no lock is held while it answers. What LiveKit says comes by
its answers, by webhooks and by its list, in any order: it only ever brings a run further.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from datetime import timedelta
from urllib.parse import urlencode

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from core.api import (
    Audience,
    EgressBusy,
    EgressChanged,
    EgressState,
    EgressStatus,
    Lecture,
    LiveKitDown,
    LiveKitError,
    StorageDown,
    config,
    db,
    defer,
    egress,
    files,
    for_each_lecture,
    is_enabled_in,
    new_public_id,
    now,
    settings,
)
from plugins.recording import models, state
from plugins.recording.egress.models import KEPT, LOST, OPEN, OVER, EgressRun, open_runs_of, run_of, runs_of
from plugins.recording.models import Begun, LectureRecording, Outcome, Piece, Wish
from plugins.recording.settings import Settings
from plugins.recording.slots import takes_a_slot

log = logging.getLogger(__name__)

ASK_AGAIN_AFTER = timedelta(seconds=7)
# By then LiveKit has answered whether an egress begins, or whoever asked has died.
ANSWERS_WITHIN = timedelta(seconds=20)
# After several that never began; each costs a browser.
LONGEST_PAUSE = timedelta(minutes=2)
# Egress needs some seconds to open our page, and may give up when it has waited a minute for our sign.
LEAD = timedelta(seconds=20)
# LiveKit lists an egress whose machine has died for as long as it likes: our page is what lives.
SILENT_PAGE = timedelta(seconds=60)
LOOK_EVERY = timedelta(seconds=5)
# A complete file is in the bucket before LiveKit says so; the rest is patience.
COMES_WITHIN = timedelta(minutes=2)
FORGOTTEN_AFTER = timedelta(minutes=1)
# A film of many hours on a slow line.
GIVE_UP_AFTER = timedelta(hours=2)
MOST_RUNS = 200
Down = (LiveKitDown, LiveKitError, StorageDown)


# --- what hosts want --------------------------------------------------------------------


def begin(lecture: Lecture, recording: LectureRecording, *, is_free: bool, may_wait: bool) -> Begun:
    """Recording is wanted; busy when no egress is free, and it may not wait. Commits, and tells the room.

    ``is_free``: whether it has taken a slot. Locked before. Egress opens our page at once, and begins when
    the page gives the sign: at the end of the notice.
    """
    # In the queue while Egress is asked: whoever presses at the same moment finds it begun.
    recording.wish, recording.queued_at = Wish.ON.value, now()
    recording.begins_at, recording.asked_at = None, now() if is_free else None
    _close_run(recording, "")
    state.touch(recording)
    db.session.commit()
    is_free = is_free and _take_turn(lecture)
    if not (is_free or may_wait) and _leave_queue(lecture):
        return Begun.BUSY
    state.tell(lecture)
    return Begun.NOW


def follow(lecture: Lecture, wish: Wish) -> None:
    """After hosts paused, went on or stopped: nothing is kept while it is paused, so the egress ends."""
    recording = models.locked(lecture)
    unwanted = [] if wish is Wish.ON else _mark_unwanted(lecture)
    if wish is Wish.PAUSED:
        _close_run(recording, "paused")
        recording.asked_at = None
    elif wish is Wish.ON and not recording.run:
        # Unless somebody who looked after it was faster.
        recording.status, recording.begins_at = "", now()
    db.session.commit()
    if wish is Wish.ON:
        look_after(lecture)
    _stop(unwanted)


def end(lecture: Lecture) -> None:
    """The lecture is over: all of its egresses end, and what they have written is taken. Commits."""
    unwanted = _mark_unwanted(lecture)
    db.session.commit()
    _stop(unwanted)
    settle(lecture)


def _close_run(recording: LectureRecording, status: str) -> None:
    """None of the runs counts until the next one does."""
    recording.earlier, recording.seconds = recording.earlier + recording.seconds, 0.0
    recording.run, recording.status, recording.code = "", status, ""


def are_open(lecture: Lecture) -> bool:
    """Whether a file may still come."""
    return bool(open_runs_of(lecture))


# --- looked after -----------------------------------------------------------------------


def look_after(lecture: Lecture) -> None:
    """Ask for an egress where one is wanted and none is; commits. May run twice, or at the same time."""
    if not is_enabled_in(lecture.room, "recording"):
        return
    recording = models.locked(lecture)
    is_forbidden = state.end_what_is_forbidden(recording)
    may_ask = not is_forbidden and _may_ask(lecture, recording)
    waits = recording.queued_at is not None
    if may_ask:
        recording.asked_at = now()
    db.session.commit()
    if is_forbidden:
        state.tell(lecture)
        follow(lecture, Wish.OFF)
    elif may_ask and waits:
        if _take_turn(lecture):
            state.tell(lecture)
    elif may_ask:
        _replace(lecture)


def _may_ask(lecture: Lecture, recording: LectureRecording) -> bool:
    if not lecture.is_live or recording.wish != Wish.ON or len(recording.runs) >= MOST_RUNS:
        return False
    if recording.asked_at is not None and recording.asked_at > now() - _pause(lecture):
        return False
    if _is_asking(lecture):
        return False
    if recording.queued_at is not None:
        return takes_a_slot(lecture, recording)
    is_early = recording.begins_at is not None and now() < recording.begins_at - LEAD
    return not (recording.has_agent or is_early)


def _is_asking(lecture: Lecture) -> bool:
    """Whether somebody waits for LiveKit's answer at this moment."""
    waits_since = now() - ANSWERS_WITHIN
    return any(
        not run.egress_id and run.stop_at is None and run.asked_at > waits_since
        for run in open_runs_of(lecture)
    )


def _pause(lecture: Lecture) -> timedelta:
    """Longer after each that has failed without having begun."""
    failed = 0
    for run in reversed(runs_of(lecture)):
        if run.began_at is not None or run.outcome != LOST:
            break
        failed += 1
    pause: timedelta = ASK_AGAIN_AFTER * (1 << min(failed, 10))
    return min(pause, LONGEST_PAUSE)


def _take_turn(lecture: Lecture) -> bool:
    """Who is in the queue begins; False, and it stays there, while Egress is busy. Commits."""
    notice = timedelta(seconds=settings(Settings).notice_seconds)
    is_early = notice > LEAD
    try:
        key = "" if is_early else _start(lecture)
    except EgressBusy:
        return False
    recording = models.locked(lecture)
    if is_early:
        recording.asked_at = None
    if recording.queued_at is not None and recording.wish == Wish.ON and lecture.is_live:
        recording.queued_at, recording.begins_at = None, now() + notice
        recording.wish = Wish.OFF.value
        state.wish_for(recording, Wish.ON)
    _attach(lecture, recording, key)
    return True


def _leave_queue(lecture: Lecture) -> bool:
    """Nobody waits any more; whether somebody did until now. Commits."""
    recording = models.locked(lecture)
    was_waiting = recording.queued_at is not None
    if was_waiting:
        recording.wish, recording.queued_at = Wish.OFF.value, None
        state.touch(recording)
    db.session.commit()
    return was_waiting


def _replace(lecture: Lecture) -> None:
    """An egress in place of one that has ended, or of which nothing is heard any more. Commits."""
    if _lives(lecture):
        return
    unwanted = _mark_unwanted(lecture)
    db.session.commit()
    _stop(unwanted)
    try:
        key = _start(lecture)
    except EgressBusy:
        key, code = "", "busy"
    else:
        code = ""
    recording = models.locked(lecture)
    has_changed = bool(key) or (code != "" and recording.code != code)
    recording.code = code or recording.code
    if has_changed:
        state.touch(recording)
    _attach(lecture, recording, key)
    if has_changed:
        state.tell(lecture)


def _lives(lecture: Lecture) -> bool:
    """Whether the run that counts goes on, although nothing was heard of it for some seconds."""
    recording = models.recording_of(lecture)
    current = run_of(lecture, recording.run) if recording is not None and recording.run else None
    if current is None or current.outcome != OPEN or current.is_over or current.stop_at is not None:
        return False
    try:
        listed = egress.all_of(lecture)
    except Down as error:
        log.warning("lecture %s: nobody can say how its egress is: %s", lecture.public_id, error)
        # Nor could another one be asked for.
        return True
    note(lecture, listed)
    recording = models.locked(lecture)
    current = run_of(lecture, recording.run) or current
    is_there = any(map(current.is_meant_by, listed)) and not current.is_over
    lives = is_there and (current.heard_at or current.asked_at) > now() - SILENT_PAGE
    if lives:
        recording.heard_at = now()
    db.session.commit()
    return lives


# --- one egress -------------------------------------------------------------------------


def _start(lecture: Lecture) -> str:
    """Ask for an egress; the key of its run, empty where that failed. Commits; raises ``EgressBusy``."""
    run = _new_run(lecture)
    key, stored = run.run, run.stored
    assert stored is not None
    db.session.commit()
    try:
        seen = egress.start(lecture, _address(lecture, key), stored, settings(Settings).size)
    except EgressBusy as error:
        log.info("lecture %s: no egress is free: %s", lecture.public_id, error)
        _forget(run)
        raise
    except (LiveKitError, StorageDown) as error:
        log.warning("lecture %s: no egress can be asked for: %s", lecture.public_id, error)
        _forget(run)
        return ""
    except LiveKitDown as error:
        # It may have begun all the same: then it is found, and stopped.
        log.warning("lecture %s: no egress can be asked for now: %s", lecture.public_id, error)
        run.stop_at = now()
        db.session.commit()
        return ""
    run.learn(seen)
    db.session.commit()
    return key


def _new_run(lecture: Lecture) -> EgressRun:
    stored = files.expect(lecture, "recording", name="piece.mp4", mime="video/mp4", audience=Audience.HOSTS)
    made = EgressRun(lecture_id=lecture.id, run=new_public_id(), stored=stored, asked_at=now())
    db.session.add(made)
    db.session.flush()
    return made


def _forget(run: EgressRun) -> None:
    if run.stored is not None:
        files.delete(run.stored)
    db.session.delete(run)
    db.session.commit()


def _address(lecture: Lecture, key: str) -> str:
    """Our page for that run, as Egress reaches it."""
    base = (settings(Settings).web_url or config().public_url).rstrip("/")
    return f"{base}/plugins/recording/scene/{lecture.public_id}?{urlencode({'run': key})}"


def _attach(lecture: Lecture, recording: LectureRecording, key: str) -> None:
    """From now on this run counts, unless hosts have changed their mind meanwhile. Locked; commits."""
    run = run_of(lecture, key) if key else None
    if run is None:
        db.session.commit()
        return
    is_wanted = recording.wish == Wish.ON and recording.queued_at is None and lecture.is_live
    if not is_wanted or run.stop_at is not None or _has_another(lecture, recording):
        run.stop_at = run.stop_at or now()
        db.session.commit()
        _stop([run])
        return
    recording.runs, recording.run = [*recording.runs, key], key
    recording.earlier, recording.seconds = recording.earlier + recording.seconds, 0.0
    recording.heard_at = recording.asked_at = now()
    recording.status, recording.code = "starting", ""
    db.session.commit()


def _has_another(lecture: Lecture, recording: LectureRecording) -> bool:
    other = run_of(lecture, recording.run) if recording.has_agent else None
    return other is not None and other.stop_at is None and not other.is_over


def _mark_unwanted(lecture: Lecture) -> list[EgressRun]:
    """Nobody wants the runs of this lecture any more: those of which that is new."""
    found = [one for one in open_runs_of(lecture) if one.stop_at is None]
    for run in found:
        run.stop_at = now()
    db.session.flush()
    return found


def _stop(unwanted: Iterable[EgressRun]) -> None:
    """Stop them, after the commit; what can't be stopped now is stopped by ``settle``."""
    _stop_each([one.egress_id for one in unwanted if one.egress_id and not one.is_over])


def _stop_each(egress_ids: Iterable[str]) -> None:
    for egress_id in egress_ids:
        try:
            egress.stop(egress_id)
        except Down as error:
            log.warning("egress %s can't be stopped now: %s", egress_id, error)


# --- what LiveKit says ------------------------------------------------------------------


def heard(event: EgressChanged) -> None:
    """A webhook: it may come twice, late, or after a later one. Commits."""
    lecture = db.session.get(Lecture, event.lecture_id)
    if lecture is None or models.recording_of(lecture) is None:
        return
    note(lecture, [event.state])
    settle(lecture)
    if lecture.is_live:
        look_after(lecture)
    elif event.state.is_over:
        defer("recording:finish", lock=f"recording:{lecture.id}", lecture_id=lecture.id)
        db.session.commit()


def note(lecture: Lecture, said: Sequence[EgressState]) -> None:
    """Take what LiveKit says of this lecture's egresses. Commits, and tells the room of what is new."""
    recording = models.locked(lecture)
    before = state.status_of(recording), recording.code
    strangers = []
    for run in open_runs_of(lecture):
        for seen in (one for one in said if run.is_meant_by(one)):
            run.learn(seen)
            if run.is_over:
                run.over_at = run.over_at or now()
            if run.run == recording.run:
                _believe(recording, run)
        strangers += [one.id for one in said if _is_double(run, one)]
    has_changed = (state.status_of(recording), recording.code) != before
    if has_changed:
        state.touch(recording)
    db.session.commit()
    if has_changed:
        state.tell(lecture)
    _stop_each(strangers)


def _believe(recording: LectureRecording, run: EgressRun) -> None:
    if run.is_over:
        recording.status = "over"
        if recording.wish == Wish.ON and run.status in (EgressStatus.FAILED, EgressStatus.ABORTED):
            log.error("egress %s of lecture %s: %s", run.egress_id, recording.lecture_id, run.error)
            recording.code = "encoder"
    elif run.status == EgressStatus.ACTIVE and run.stop_at is None:
        recording.status, recording.heard_at = "recording", now()


def _is_double(run: EgressRun, seen: EgressState) -> bool:
    """Whether this is another egress that was asked for the same file: a request that was sent twice."""
    if seen.is_over or not run.egress_id or seen.id == run.egress_id or run.stored is None:
        return False
    return seen.file.endswith(run.stored.key)


# --- what has come of them --------------------------------------------------------------


def settle_all() -> None:
    """Every lecture with an egress that should have ended, or has: each for itself."""
    query = sa.select(EgressRun.lecture_id).join(Lecture).where(EgressRun.outcome == OPEN, _is_due())
    found = list(db.session.scalars(query.distinct()))
    db.session.commit()
    for_each_lecture(found, settle, "its egresses wait")


def settle(lecture: Lecture) -> None:
    """Take the files of runs that are over, and bring those to an end that should be. Commits."""
    query = sa.select(EgressRun.id).join(Lecture)
    query = query.where(EgressRun.lecture_id == lecture.id, EgressRun.outcome == OPEN, _is_due())
    due = set(db.session.scalars(query))
    if not due:
        db.session.commit()
        return
    mine = sa.update(EgressRun).where(EgressRun.id.in_(due)).values(looked_at=now())
    db.session.execute(mine.execution_options(synchronize_session=False))
    db.session.commit()
    _ask_about(lecture)
    for run in open_runs_of(lecture):
        if run.id in due and run.over_at is not None:
            _take_file(lecture, run)


def _is_due() -> sa.ColumnElement[bool]:
    """Runs that are over, or should be; each every five seconds, and at once when it is over."""
    one = EgressRun
    is_over = sa.or_(one.status.in_(OVER), one.stop_at.is_not(None), Lecture.ended_at.is_not(None))
    may_look = sa.or_(
        one.looked_at.is_(None), one.looked_at < now() - LOOK_EVERY, one.looked_at < one.over_at
    )
    return sa.and_(is_over, may_look)


def _ask_about(lecture: Lecture) -> None:
    """What LiveKit's list says of runs that should have ended; those that go on are stopped again."""
    if all(run.is_over for run in open_runs_of(lecture)):
        return
    try:
        listed = egress.all_of(lecture)
    except Down as error:
        log.warning("lecture %s: nobody can say how its egresses are: %s", lecture.public_id, error)
        _give_up_old(lecture)
        return
    note(lecture, listed)
    again = []
    for run in open_runs_of(lecture):
        is_known = any(map(run.is_meant_by, listed))
        if not (run.is_over or is_known):
            run.over_at = run.over_at or now()
        elif run.stop_at is not None and run.status in (EgressStatus.STARTING, EgressStatus.ACTIVE):
            again.append(run)
    _give_up_old(lecture)
    _stop(again)


def _give_up_old(lecture: Lecture) -> None:
    if lecture.ended_at is not None and lecture.ended_at < now() - GIVE_UP_AFTER:
        for run in open_runs_of(lecture):
            run.over_at = run.over_at or lecture.ended_at
    db.session.commit()


def _take_file(lecture: Lecture, run: EgressRun) -> None:
    key, stored = run.run, run.stored
    try:
        has_come = stored is not None and files.has_come(stored)
    except StorageDown as error:
        log.warning("lecture %s: the file of an egress can't be looked for: %s", lecture.public_id, error)
        return
    recording = models.locked(lecture)
    again = run_of(lecture, key)
    if again is None or again.outcome != OPEN:
        db.session.commit()
    elif has_come and recording.outcome in (Outcome.WAITING, Outcome.JOINING):
        _keep(lecture, again)
    elif has_come or _is_lost(again):
        _lose(again)
    else:
        db.session.commit()


def _keep(lecture: Lecture, run: EgressRun) -> None:
    row = {"lecture_id": lecture.id, "run": run.run, "number": 0, "stored_file_id": run.stored_file_id}
    db.session.execute(insert(Piece).values(row).on_conflict_do_nothing())
    run.outcome = KEPT
    recording = models.locked(lecture)
    if run.run not in recording.runs:
        # It ran although we thought that it didn't.
        recording.runs = [*recording.runs, run.run]
    db.session.commit()


def _lose(run: EgressRun) -> None:
    log.error("the file of egress %s (%s) is lost: %s", run.egress_id, run.status or "unknown", run.error)
    run.outcome = LOST
    if run.stored is not None:
        files.delete(run.stored)
    db.session.commit()


def _is_lost(run: EgressRun) -> bool:
    if run.over_at is None:
        return False
    if run.status in (EgressStatus.FAILED, EgressStatus.ABORTED):
        return True
    return run.over_at < now() - (COMES_WITHIN if run.is_over else FORGOTTEN_AFTER)
