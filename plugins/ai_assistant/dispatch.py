"""The agent is asked to come, looked after, and asked again when it doesn't answer."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import sqlalchemy as sa
from flask_babel import gettext as _

from core.api import Lecture, agents, db, is_enabled_in, now, settings
from plugins.ai_assistant import consent, state, usage
from plugins.ai_assistant.models import LectureArtifact
from plugins.ai_assistant.settings import Settings

AGENT = "audimax-captions"


def identity_of(lecture: Lecture) -> str:
    """The agent's identity in a lecture: one for all its runs, so that a new one throws out a ghost."""
    return f"captions-{lecture.public_id}"


def look_after(lecture: Lecture, within: timedelta = agents.COMES_WITHIN) -> LectureArtifact | None:
    """Ask for an agent where one is wanted and none is; commits. May run twice, or at the same time.

    ``within``: who was asked so short ago may still come.
    """
    if not is_enabled_in(lecture.room, "ai_assistant"):
        return None
    artifact = consent.locked_artifact(lecture)
    before = artifact.refused
    artifact.refused = refusal(lecture) if artifact.is_wanted else ""
    asks = _must_ask(lecture, artifact, within)
    if asks:
        artifact.asked_at = now()
    changed = artifact.refused != before
    db.session.commit()
    if asks:
        agents.dispatch(lecture, AGENT, agents.errand(lecture, settings(Settings).web_url))
    if changed:
        state.tell(lecture)
    return artifact


def _must_ask(lecture: Lecture, artifact: LectureArtifact, within: timedelta) -> bool:
    if not lecture.is_live or not artifact.is_wanted or artifact.refused or artifact.has_agent:
        return False
    return not artifact.may_still_come(within)


def send_away(lecture: Lecture) -> None:
    """Nobody listens any more."""
    agents.dismiss(lecture, AGENT, identity_of(lecture))


def refusal(lecture: Lecture) -> str:
    """Why there are no captions, in words for hosts; empty where there may be."""
    house = settings(Settings)
    if house.provider == "off":
        return str(_("Captions are switched off by the institution."))
    if house.minutes_per_day and usage.seconds_today() >= house.minutes_per_day * 60:
        return str(_("The institution's minutes of captions for today are used up. They come back tomorrow."))
    if house.lectures_at_once and _others_with_captions(lecture) >= house.lectures_at_once:
        return str(_("Other lectures have all the captions there can be. They start when one is free."))
    return ""


def _others_with_captions(lecture: Lecture) -> int:
    """Those that have an agent, or have asked for one just now."""
    fresh = now() - max(agents.SILENT, agents.COMES_WITHIN)
    query = (
        sa.select(sa.func.count())
        .select_from(LectureArtifact)
        .join(Lecture, Lecture.id == LectureArtifact.lecture_id)
        .where(
            Lecture.ended_at.is_(None),
            Lecture.id != lecture.id,
            sa.or_(LectureArtifact.captions, LectureArtifact.keep),
            LectureArtifact.refused == "",
            sa.or_(LectureArtifact.heard_at > fresh, LectureArtifact.asked_at > fresh),
        )
    )
    return db.session.scalar(query) or 0


def look_after_all() -> None:
    """Every live lecture that may have no agent."""
    agents.for_each_live(list(_without_agent()), look_after)


def _without_agent() -> Iterator[int]:
    artifact = LectureArtifact
    is_missing = sa.and_(sa.or_(artifact.captions, artifact.keep), artifact.is_silent(), artifact.is_due())
    query = (
        sa.select(Lecture.id)
        .outerjoin(artifact, artifact.lecture_id == Lecture.id)
        .where(Lecture.ended_at.is_(None), sa.or_(artifact.lecture_id.is_(None), is_missing))
    )
    yield from db.session.scalars(query)
    db.session.commit()
