"""What stays of a recording with the lecture: the film, and what there is to know about it."""

from __future__ import annotations

from collections.abc import Iterator

from flask_babel import format_date, ngettext
from flask_babel import gettext as _

from core.api import Audience, Facts, Lecture, Prose, Section, Viewer, clock
from plugins.recording import editing, film, joining
from plugins.recording.models import Edit, LectureRecording, Outcome, recording_of


def of(lecture: Lecture, viewer: Viewer) -> list[Section]:
    """The parts of this lecture's page that this viewer may see."""
    recording = recording_of(lecture)
    return list(_parts(lecture, recording, viewer)) if recording is not None else []


def _parts(lecture: Lecture, recording: LectureRecording, viewer: Viewer) -> Iterator[Section]:
    is_there = (
        recording.outcome == Outcome.DONE and recording.video is not None and recording.facts is not None
    )
    if is_there and recording.edit == Edit.NONE:
        made = film.of(lecture, recording, viewer)
        yield made
        assert recording.facts is not None
        yield Facts(
            "facts", _("About the recording"), made.audience, 3, facts=tuple(_facts(recording, viewer))
        )
        return
    if _is_lost(lecture, recording) and viewer.sees_hosts_part:
        words = _("Nothing was recorded, although it was wanted: no recorder came, or its work was lost.")
        advice = _("An admin finds the reason in the log.")
        yield Prose("state", _("Recording"), Audience.HOSTS, 2, paragraphs=(f"{words} {advice}",))
    told = _told(lecture, recording)
    if told is not None:
        words, busy = told
        audience = Audience(recording.audience) if recording.audience else joining.audience_of(lecture)
        link = film.link(lecture, viewer) if is_there else None
        yield Prose("state", _("Recording"), audience, 2, link=link, busy=busy, paragraphs=(words,))


def _is_lost(lecture: Lecture, recording: LectureRecording) -> bool:
    """Whether nothing has come of a wish that was longer than a slip."""
    wanted = joining.wanted_times(lecture) if recording.outcome == Outcome.NONE else []
    return any(until - since >= joining.SHORTEST_END for since, until in wanted)


def _told(lecture: Lecture, recording: LectureRecording) -> tuple[str, str] | None:
    """What is said in place of a film, and what is still being made; None where there was no recording."""
    if lecture.is_live:
        return None
    if recording.outcome in (Outcome.WAITING, Outcome.JOINING):
        return _("It appears here by itself."), _("The recording is being made …")
    if recording.outcome == Outcome.FAILED:
        return _("The recording could not be put together. Its parts are kept; an admin can help."), ""
    if recording.edit == Edit.WAITING:
        return _("It appears here again by itself."), _("The recording is being cut …")
    if recording.edit == Edit.FAILED:
        return _("The recording could not be cut. A host can try again, or take the cut back."), ""
    return None


def _facts(recording: LectureRecording, viewer: Viewer) -> Iterator[tuple[str, str]]:
    facts = recording.facts
    assert facts is not None
    yield _("Length"), clock(facts["duration"])
    yield _("Picture"), f"{facts['width']} × {facts['height']}"
    if gaps := facts["gaps"]:
        missing = sum(gap["seconds"] for gap in gaps)
        for_long = clock(missing)
        yield (
            _("Gaps"),
            ngettext("%(num)s, for %(time)s", "%(num)s, for %(time)s together", len(gaps), time=for_long),
        )
    until = editing.kept_until(recording)
    if until is not None and viewer.sees_hosts_part:
        words = _("passages were cut out; until %(day)s hosts can take that back", day=format_date(until))
        yield _("Cuts"), words
