"""What happens beside the requests: recorders are looked after, pieces are joined."""

from __future__ import annotations

import logging
from collections.abc import Callable

import procrastinate
import sqlalchemy as sa

from core.api import Lecture, db, defer, now
from plugins.recording import consent, dispatch, editing, joining, models, recutting, state
from plugins.recording.egress import runs
from plugins.recording.models import Edit, LectureRecording, Outcome, Wish

log = logging.getLogger(__name__)
jobs = procrastinate.Blueprint()
RETRY = procrastinate.RetryStrategy(max_attempts=8, exponential_wait=3)
LOOK_AGAIN_SECONDS = 1
LOOK_INTO_TRASH_SECONDS = 300


@jobs.periodic(cron="* * * * * */3")
@jobs.task(name="watch", queueing_lock="recording:watch", pass_context=False)
def watch(timestamp: int) -> None:
    """Ask for recorders where they are missing, and let those begin that wait for one."""
    dispatch.look_after_all()
    runs.settle_all()


@jobs.task(name="come", retry=RETRY)
def come(lecture_id: int) -> None:
    """A lecture has begun: where the room says so it is recorded from its beginning."""
    lecture = db.session.get(Lecture, lecture_id)
    if lecture is not None and lecture.is_live and consent.is_by_itself(lecture):
        dispatch.begin(lecture, may_wait=True)


@jobs.task(name="finish", retry=RETRY)
def finish(lecture_id: int) -> None:
    """The lecture is over: wait for the recorder's last piece, then have the pieces joined."""
    lecture = db.session.get(Lecture, lecture_id)
    if lecture is None or lecture.ended_at is None or models.recording_of(lecture) is None:
        return
    runs.end(lecture)
    recording = models.locked(lecture)
    if recording.outcome != Outcome.WAITING:
        db.session.commit()
        return
    recording.queued_at = None
    if recording.is_wanted:
        state.wish_for(recording, Wish.OFF)
    is_handing_over = recording.has_agent and now() < lecture.ended_at + state.HAND_OVER
    if is_handing_over or runs.are_open(lecture):
        defer("recording:finish", lecture_id=lecture_id, schedule_in={"seconds": LOOK_AGAIN_SECONDS})
    elif models.pieces_of(lecture, recording.runs):
        recording.outcome = Outcome.JOINING.value
        state.touch(recording)
        defer("recording:join", lock=f"recording:{lecture_id}", lecture_id=lecture_id)
    else:
        recording.outcome = Outcome.NONE.value
        state.touch(recording)
    db.session.commit()


@jobs.task(name="join", retry=RETRY, pass_context=True)
def join(context: procrastinate.JobContext, lecture_id: int) -> None:
    """Join the pieces to one file, keep it, and remove them; again while the storage is down."""

    def is_due(recording: LectureRecording) -> bool:
        return recording.outcome == Outcome.JOINING

    def work(lecture: Lecture) -> bool:
        try:
            return joining.join(lecture)
        except joining.Unplayable as error:
            joining.give_up(lecture, str(error))
            return True

    _film(context, "recording:join", lecture_id, is_due, work, lambda lecture: joining.give_up(lecture, ""))


@jobs.task(name="accompany", retry=RETRY, pass_context=True)
def accompany(context: procrastinate.JobContext, lecture_id: int) -> None:
    """Make what belongs to a film that is shown already; again while the storage is down."""

    def stays_without(lecture: Lecture) -> None:
        log.error("the recording of lecture %s stays without small pictures", lecture.public_id)

    lacks = joining.lacks_what_belongs
    _film(context, "recording:accompany", lecture_id, lacks, joining.accompany, stays_without)


@jobs.task(name="cut", retry=RETRY, pass_context=True)
def cut(context: procrastinate.JobContext, lecture_id: int) -> None:
    """Make the film that hosts wish for; again while the storage is down."""

    def is_due(recording: LectureRecording) -> bool:
        return recording.edit == Edit.WAITING

    _film(context, "recording:cut", lecture_id, is_due, recutting.make, recutting.give_up)


def _film(
    context: procrastinate.JobContext,
    task: str,
    lecture_id: int,
    is_due: Callable[[LectureRecording], bool],
    work: Callable[[Lecture], bool],
    give_up: Callable[[Lecture], None],
) -> None:
    """Make a film, unless the lecture is in the trash; once more where ``work`` says that it isn't done."""
    lecture = db.session.get(Lecture, lecture_id)
    recording = models.recording_of(lecture) if lecture is not None else None
    if lecture is None or recording is None or not is_due(recording):
        return
    if lecture.deleted_at is not None:
        defer(task, lecture_id=lecture_id, schedule_in={"seconds": LOOK_INTO_TRASH_SECONDS})
        db.session.commit()
        return
    try:
        if not work(lecture):
            defer(task, lock=f"recording:{lecture_id}", lecture_id=lecture_id)
            db.session.commit()
    except Exception:
        if context.job.attempts + 1 < (RETRY.max_attempts or 1):
            raise
        db.session.rollback()
        give_up(lecture)
        raise


@jobs.periodic(cron="17 * * * *")
@jobs.task(name="forget_originals", queueing_lock="recording:forget_originals", pass_context=False)
def forget_originals(timestamp: int) -> None:
    """What was cut out goes when the institution's rule says so."""
    one = LectureRecording
    query = sa.select(one).where(one.original_id.is_not(None), one.cut_at.is_not(None))
    for lecture_id in [found.lecture_id for found in db.session.scalars(query) if editing.is_over(found)]:
        lecture = db.session.get(Lecture, lecture_id)
        if lecture is not None and editing.is_over(recording := models.locked(lecture)):
            editing.make_final(lecture, recording)
        db.session.commit()
