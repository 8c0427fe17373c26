"""How the assistant stands in a lecture, as its pages are told."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import sqlalchemy as sa
from flask_babel import gettext as _

from core.api import (
    Answer,
    Lecture,
    LiveSign,
    Participant,
    Viewer,
    db,
    lecture_changed,
    microseconds,
    notify,
    order,
)
from plugins.ai_assistant import consent
from plugins.ai_assistant.models import LectureArtifact, State, artifact_of

TOPIC = "ai_assistant"
Status = Literal["off", "starting", "on", "paused"]


class Standing(Answer):
    """``at`` (microseconds) tells which of two is newer; ``why`` has words, with details for hosts only.

    ``heard``: whether the caller is written along. ``asks``: guests are only after they agreed.
    """

    at: int
    captions: bool
    keep: bool
    status: Status
    why: str
    consent: str
    asks: bool
    heard: bool
    started_at: float


def of(lecture: Lecture, viewer: Viewer, me: Participant | None) -> Standing:
    """How it stands for somebody in the lecture."""
    artifact = seen(lecture)
    return Standing(
        at=artifact.at,
        captions=artifact.captions,
        keep=artifact.keep,
        status=status_of(artifact),
        why=why(artifact, viewer.sees_hosts_part),
        consent=consent.words(artifact.captions, artifact.keep),
        asks=not consent.heard_by_default(),
        heard=me is not None and consent.is_heard(lecture, me),
        started_at=lecture.started_at.timestamp(),
    )


def seen(lecture: Lecture) -> LectureArtifact:
    """The lecture's artifact; made when nobody has looked at it before."""
    found = artifact_of(lecture)
    if found is None:
        found = consent.locked_artifact(lecture)
        db.session.commit()
    return found


def status_of(artifact: LectureArtifact) -> Status:
    """In one word."""
    if not artifact.is_wanted or artifact.refused:
        return "off"
    if not artifact.has_agent:
        return "starting"
    return {"listening": "on", "paused": "paused"}.get(artifact.status, "starting")  # type: ignore[return-value]


def why(artifact: LectureArtifact, for_hosts: bool) -> str:
    """Why there are no captions; guests needn't know what is wrong with a key."""
    status = status_of(artifact)
    if status == "off":
        return (
            artifact.refused if for_hosts or not artifact.refused else str(_("There are no captions today."))
        )
    if status != "paused":
        return ""
    if not for_hosts:
        return str(_("Captions are paused for the moment."))
    return paused_because(artifact.code)


def paused_because(code: str) -> str:
    """What a host reads, and what can be done."""
    words = {
        "bad_key": _("the provider refuses the institution's key. An admin has to look at it."),
        "no_credit": _("the institution's account with the provider is empty. An admin has to look at it."),
        "too_many": _("the provider has too much to do. They come back by themselves."),
        "provider_down": _("the provider doesn't answer. They come back by themselves."),
        "no_model": _("there is no model on our machine that fits. An admin has to look at it."),
        "no_language": _("the model on our machine doesn't speak this room's language."),
    }
    because = words.get(code) or _("something unexpected happened. They come back by themselves.")
    return str(_("Captions are paused: %(because)s", because=because))


def touch(artifact: LectureArtifact) -> None:
    """Pages are to hear of a change: take the next moment for it. The row must be locked."""
    artifact.at = max(microseconds(), artifact.at + 1)
    lecture_changed(artifact.lecture_id)
    notify("live")


def signs(lecture_ids: Sequence[int]) -> dict[int, LiveSign]:
    """How captions stand in running lectures, for administrators."""
    query = sa.select(LectureArtifact).where(LectureArtifact.lecture_id.in_(lecture_ids))
    found = {one.lecture_id: _sign(one) for one in db.session.scalars(query)}
    return {lecture_id: sign for lecture_id, sign in found.items() if sign is not None}


def _sign(artifact: LectureArtifact) -> LiveSign | None:
    status = status_of(artifact)
    if status == "off":
        return LiveSign(_("Captions refused"), is_trouble=True) if artifact.refused else None
    if status == "paused":
        return LiveSign(_("Captions paused"), is_trouble=True)
    return LiveSign(_("Captions") if status == "on" else _("Captions starting"))


def becomes(artifact: LectureArtifact, state: State, why: str = "") -> None:
    """Transcript and summary are in that state now; pages hear it when it is new. The row must be locked."""
    if (artifact.state, artifact.why) != (state, why):
        artifact.state, artifact.why = state.value, why
        touch(artifact)


def tell(lecture: Lecture, heard: dict[str, bool] | None = None) -> None:
    """Tell the room and the agent how it stands, after the commit; they ask for the rest."""
    artifact = artifact_of(lecture)
    if artifact is None or not lecture.is_live:
        return
    told = {
        "at": artifact.at,
        "captions": artifact.captions,
        "keep": artifact.keep,
        "status": status_of(artifact),
        **({"heard": heard} if heard else {}),
    }
    # LiveKit may take its time; no database connection waits for it.
    db.session.commit()
    order.tell(lecture, TOPIC, told)
