"""The agent is asked to come, looked after, and asked again when it doesn't answer."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from datetime import timedelta

import sqlalchemy as sa
from flask_babel import gettext as _

from core.api import Lecture, agent_key, agents, config, db, is_enabled_in, now, settings
from plugins.ai_assistant import consent, state, usage
from plugins.ai_assistant.models import SILENT, LectureArtifact
from plugins.ai_assistant.settings import Settings

log = logging.getLogger(__name__)
AGENT = "audimax-captions"
# A free worker is there two to three seconds after it was asked for.
COMES_WITHIN = timedelta(seconds=7)
# Of several workers that come at once the first one's word counts.
JUST_ASKED = timedelta(seconds=1)


def identity_of(lecture: Lecture) -> str:
    """The agent's identity in a lecture: one for all its runs, so that a new one throws out a ghost."""
    return f"captions-{lecture.public_id}"


def look_after(lecture: Lecture, comes_within: timedelta = COMES_WITHIN) -> LectureArtifact | None:
    """Ask for an agent where one is wanted and none is; commits. May run twice, or at the same time.

    ``comes_within``: who was asked so short ago may still come.
    """
    if not is_enabled_in(lecture.room, "ai_assistant"):
        return None
    artifact = consent.locked_artifact(lecture)
    before = artifact.refused
    artifact.refused = refusal(lecture) if artifact.is_wanted else ""
    asks = _must_ask(lecture, artifact, comes_within)
    if asks:
        artifact.asked_at = now()
    changed = artifact.refused != before
    db.session.commit()
    if asks:
        agents.dispatch(lecture, AGENT, _metadata(lecture))
    if changed:
        state.tell(lecture)
    return artifact


def _must_ask(lecture: Lecture, artifact: LectureArtifact, comes_within: timedelta) -> bool:
    if not lecture.is_live or not artifact.is_wanted or artifact.refused or artifact.has_agent:
        return False
    return artifact.asked_at is None or artifact.asked_at < now() - comes_within


def send_away(lecture: Lecture) -> None:
    """Nobody listens any more."""
    agents.dismiss(lecture, AGENT, identity_of(lecture))


def _metadata(lecture: Lecture) -> dict[str, str]:
    backend = (settings(Settings).web_url or config().public_url).rstrip("/")
    return {"lecture": lecture.public_id, "backend": backend, "key": agent_key(lecture)}


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
    fresh = now() - max(SILENT, COMES_WITHIN)
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
    """Every live lecture that may have no agent, each for itself."""
    for lecture_id in list(_without_agent()):
        lecture = db.session.get(Lecture, lecture_id)
        if lecture is None or not lecture.is_live:
            continue
        try:
            look_after(lecture)
        except sa.exc.SQLAlchemyError as error:
            db.session.rollback()
            log.warning("lecture %d: no agent can be asked for now: %s", lecture_id, type(error).__name__)


def _without_agent() -> Iterator[int]:
    silent, asked = now() - SILENT, now() - COMES_WITHIN
    artifact = LectureArtifact
    quiet = sa.or_(artifact.heard_at.is_(None), artifact.heard_at < silent, artifact.status == "over")
    due = sa.or_(artifact.asked_at.is_(None), artifact.asked_at < asked)
    query = (
        sa.select(Lecture.id)
        .outerjoin(artifact, artifact.lecture_id == Lecture.id)
        .where(
            Lecture.ended_at.is_(None),
            sa.or_(
                artifact.lecture_id.is_(None),
                sa.and_(sa.or_(artifact.captions, artifact.keep), quiet, due),
            ),
        )
    )
    yield from db.session.scalars(query)
    db.session.commit()
