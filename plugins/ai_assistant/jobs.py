"""What happens beside the requests: the agent is looked after, transcripts are finished, summaries made."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from datetime import timedelta
from typing import Any

import procrastinate
import sqlalchemy as sa
from flask_babel import force_locale

from core.api import Lecture, StoredFile, db, defer, files, now
from plugins.ai_assistant import consent, corrections, dispatch, glossary, state, summing, transcript, trials
from plugins.ai_assistant.models import Keeping, LectureArtifact, State, artifact_of
from plugins.ai_assistant.summary import SummaryFailed

jobs = procrastinate.Blueprint()
PLUGIN = "ai_assistant"
MOST_TRIES = 6
RETRY = procrastinate.RetryStrategy(max_attempts=MOST_TRIES, exponential_wait=3)
# The agent hands over what it still has, and says that it is over; else it has died.
HAND_OVER = timedelta(seconds=30)
LOOK_AGAIN_SECONDS = 2
LOOK_INTO_TRASH_SECONDS = 300


@jobs.periodic(cron="* * * * * */3")
@jobs.task(name="watch", queueing_lock="ai_assistant:watch", pass_context=False)
def watch(timestamp: int) -> None:
    """Ask for agents where they are missing."""
    dispatch.look_after_all()


@jobs.task(name="come", retry=RETRY)
def come(lecture_id: int) -> None:
    """A lecture has begun: know its terms, and ask for an agent."""
    lecture = db.session.get(Lecture, lecture_id)
    if lecture is not None and lecture.is_live:
        dispatch.look_after(lecture)
        glossary.collect(lecture)


@jobs.task(name="learn", retry=RETRY)
def learn(lecture_id: int) -> None:
    """Files were shared: their titles and words may be terms."""
    lecture = db.session.get(Lecture, lecture_id)
    if lecture is not None and lecture.is_live:
        glossary.collect(lecture)


@jobs.task(name="finish", retry=RETRY)
def finish(lecture_id: int) -> None:
    """The lecture is over: wait for the agent's last words, then close the transcript."""
    lecture = db.session.get(Lecture, lecture_id)
    if lecture is None or lecture.ended_at is None or artifact_of(lecture) is None:
        return
    artifact = consent.locked_artifact(lecture)
    if artifact.has_agent and now() < lecture.ended_at + HAND_OVER:
        state.becomes(artifact, State.TRANSCRIBING)
        defer("ai_assistant:finish", lecture_id=lecture_id, schedule_in={"seconds": LOOK_AGAIN_SECONDS})
        db.session.commit()
        return
    _close(lecture, artifact)
    db.session.commit()


def _close(lecture: Lecture, artifact: LectureArtifact) -> None:
    open_ones = Keeping.lecture_id == lecture.id, Keeping.until.is_(None)
    db.session.execute(sa.update(Keeping).where(*open_ones).values(until=lecture.ended_at))
    count = transcript.count(lecture)
    if count == artifact.lines and artifact.state not in (State.WAITING, State.TRANSCRIBING):
        return
    artifact.lines = count
    if not count:
        state.becomes(artifact, State.NONE)
        return
    state.becomes(artifact, State.SUMMARIZING)
    defer("ai_assistant:keep_files", lock=f"ai_assistant:files:{lecture.id}", lecture_id=lecture.id)
    defer("ai_assistant:sum_up", lock=f"ai_assistant:sum:{lecture.id}", lecture_id=lecture.id)


@jobs.task(name="follow_cut", retry=RETRY)
def follow_cut(lecture_id: int, for_good: bool) -> None:
    """Passages were cut out of the lecture, or are in it again: the files say so too."""
    lecture = db.session.get(Lecture, lecture_id)
    if lecture is None or artifact_of(lecture) is None:
        return
    artifact = consent.locked_artifact(lecture)
    if for_good:
        transcript.forget_cut(lecture)
        rest = summing.without_cuts(lecture, artifact.summary, artifact.edited)
        artifact.summary, artifact.edited = rest
    corrections.written_anew(lecture, artifact)
    state.touch(artifact)
    db.session.commit()


@jobs.task(name="keep_files", retry=RETRY)
def keep_files(lecture_id: int) -> None:
    """Put the transcript into the file storage, in place of an earlier one; again while that is down."""
    lecture = db.session.get(Lecture, lecture_id)
    if lecture is None or artifact_of(lecture) is None:
        return
    rows = db.session.execute(transcript.lines(lecture)).all()
    made = {
        "lines_file_id": ("transcript.jsonl", "application/x-ndjson", "".join(_json_lines(rows))),
        "subtitles_file_id": ("transcript.vtt", "text/vtt", transcript.captions_of(rows)),
    }
    db.session.commit()
    artifact = consent.locked_artifact(lecture)
    for column, (name, mime, text) in made.items():
        earlier = db.session.get(StoredFile, getattr(artifact, column) or 0)
        kept = files.keep(lecture, PLUGIN, name=name, body=text.encode(), mime=mime)
        setattr(artifact, column, kept.id)
        if earlier is not None:
            files.delete(earlier)
    state.touch(artifact)
    db.session.commit()


def _json_lines(rows: Iterable[Any]) -> Iterator[str]:
    for row in rows:
        if row.is_cut:
            continue
        said = {
            "start": row.at / 1000,
            "end": row.until / 1000,
            "speaker": row.name,
            "text": row.text,
            "language": row.language,
        }
        yield json.dumps({"gap": True, "start": said["start"], "end": said["end"]} if row.is_gap else said,
                         ensure_ascii=False) + "\n"  # fmt: skip


@jobs.task(name="sum_up", retry=RETRY, pass_context=True)
def sum_up(context: procrastinate.JobContext, lecture_id: int, model: str = "") -> None:
    """Sum the lecture up, by a language model or as a draft; the outcome is in the artifact."""
    lecture = db.session.get(Lecture, lecture_id)
    if lecture is None or artifact_of(lecture) is None:
        return
    if lecture.deleted_at is not None:
        # A model costs money, and nobody would read it. It is made when the lecture was brought back.
        defer(
            "ai_assistant:sum_up",
            lecture_id=lecture_id,
            model=model,
            schedule_in={"seconds": LOOK_INTO_TRASH_SECONDS},
        )
        db.session.commit()
        return
    with force_locale(lecture.language):
        try:
            summing.sum_up(lecture, model)
        except SummaryFailed as failed:
            if context.job.attempts + 1 < MOST_TRIES:
                raise
            summing.give_up(lecture, summing.because(failed.code))


@jobs.task(name="try_out")
def try_out(trial_id: int) -> None:
    """Send the spoken sample through the provider."""
    trials.run(trial_id)
