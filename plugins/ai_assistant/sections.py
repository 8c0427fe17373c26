"""What stays of the assistant with the lecture: summary, topics, tasks, questions, the transcript."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from flask_babel import gettext as _

from core.api import (
    Audience,
    Facts,
    Files,
    Lecture,
    Line,
    Link,
    Prose,
    Section,
    StoredFile,
    Table,
    Timeline,
    Viewer,
    clock,
    files,
    room_settings,
)
from plugins.ai_assistant import summing, transcript
from plugins.ai_assistant.models import LectureArtifact, State, with_files
from plugins.ai_assistant.settings import RoomSettings
from plugins.ai_assistant.summary import Sentence, Summary


def of(lecture: Lecture, viewer: Viewer, most: int | None = None) -> list[Section]:
    """The parts that this viewer may see, with so many lines of the transcript at most."""
    artifact, kept = with_files(lecture)
    if artifact is None:
        return []
    return [*_summary(lecture, artifact, viewer), *_transcript(lecture, kept, most)]


# --- the summary ----------------------------------------------------------------------


def _summary(lecture: Lecture, artifact: LectureArtifact, viewer: Viewer) -> Iterator[Section]:
    link = _link(lecture, viewer)
    (kept,) = summing.without_cuts(lecture, artifact.shown_summary)
    if kept is None or artifact.state in (State.TRANSCRIBING, State.SUMMARIZING):
        yield from _being_made(artifact, link)
    if kept is None:
        return
    summary, audience = Summary.model_validate(kept), audience_of(lecture, artifact)
    title = _("Draft without a language model") if summary.is_draft else _("Summary")
    note = _made_by(artifact, summary)
    told = _told(summary.overview)
    yield Prose("summary", title, audience, 10, note, link, paragraphs=(told,) if told else ())
    if summary.topics:
        topics = tuple((f"{clock(one.at)} {one.title}", _told(one.text)) for one in summary.topics)
        yield Facts("topics", _("Key topics"), audience, 11, facts=topics, chapters=True)
    if summary.actions:
        rows = tuple((one.what, one.who, one.until) for one in summary.actions)
        named = (_("What"), _("Who"), _("Until when"))
        yield Table("actions", _("To do"), audience, 12, columns=named, rows=rows)
    if summary.questions:
        asked = tuple((one.question, one.answer) for one in summary.questions)
        columns = (_("Question"), _("Answer"))
        yield Table("questions", _("Asked and answered"), audience, 13, columns=columns, rows=asked)


def _told(sentences: Iterable[Sentence]) -> str:
    return " ".join(sentence.text for sentence in sentences)


def _being_made(artifact: LectureArtifact, link: Link | None) -> Iterator[Section]:
    words, busy = {
        State.TRANSCRIBING: (
            _("The last words are being written down."),
            _("The transcript is being written …"),
        ),
        State.SUMMARIZING: (
            _("The summary is being made. It appears here by itself."),
            _("The summary is being made …"),
        ),
    }.get(State(artifact.state), ("", ""))
    if words:
        more = _("So far: %(why)s.", why=artifact.why) if artifact.why else ""
        said = tuple(filter(None, (words, more)))
        yield Prose("summary-state", _("Summary"), order=9, link=link, busy=busy, paragraphs=said)


def audience_of(lecture: Lecture, artifact: LectureArtifact) -> Audience:
    """Who sees the summary: hosts only what is hidden, or not approved where that is asked."""
    readers = room_settings(lecture.room, RoomSettings).readers
    if artifact.hidden or readers == "hosts" or (readers == "approved" and not artifact.approved):
        return Audience.HOSTS
    return Audience.EVERYONE


def _made_by(artifact: LectureArtifact, summary: Summary) -> str:
    if summary.is_draft:
        made = _("The most telling sentences, chosen by a program. Nobody has written them together.")
        because = _("No summary: %(why)s.", why=artifact.why) if artifact.state == State.FAILED else ""
        return " ".join(filter(None, (str(because), str(made))))
    if artifact.edited is not None:
        return str(_("Made by %(model)s, edited by a host.", model=artifact.summary_model))
    return str(_("Made by %(model)s. It may be wrong.", model=artifact.summary_model))


def _link(lecture: Lecture, viewer: Viewer) -> Link | None:
    return Link(review_url(lecture), _("Review and edit")) if viewer.is_host else None


def review_url(lecture: Lecture) -> str:
    """Where hosts work on summary and transcript."""
    return f"/plugins/ai_assistant/rooms/{lecture.room.public_id}/lectures/{lecture.public_id}"


# --- the transcript -------------------------------------------------------------------


def _transcript(lecture: Lecture, kept: Iterable[StoredFile], most: int | None) -> Iterator[Section]:
    rows = transcript.shown(lecture, most)
    if not rows:
        return
    lines, (total, version) = tuple(_line(*row[:7]) for row in rows), rows[0][7:]
    title = _("Transcript")
    yield Timeline("transcript", title, order=40, lines=lines, total=total, version=str(version), spoken=True)
    shown = tuple(files.entry(stored) for stored in kept if stored.is_handed_out)
    if shown:
        yield Files("transcript-files", _("Transcript as a file"), Audience.EVERYONE, 340, files=shown)


def _line(key: str, name: str, at: int, until: int, text: str, is_gap: bool, by_host: bool) -> Line:
    if is_gap:
        text = _("Nobody listened until %(clock)s.", clock=clock(until / 1000))
    over = 0.0 if is_gap else until / 1000
    return Line(at / 1000, name, text or _("removed"), key, over, by_host)
