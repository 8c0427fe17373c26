"""How good people's connections are, and where they lead, as their own browsers find: for administrators."""

from __future__ import annotations

from typing import Literal

import sqlalchemy as sa
from flask import Blueprint
from pydantic import Field

from core.bus import LIVE, notify
from core.contracts import PEOPLE_INSIDE, Role
from core.db import db
from core.http.views import Body, here, view
from core.joining import by_address_and_room
from core.lectures.models import Lecture, Participant

bp = Blueprint("quality", __name__)


class QualityBody(Body):
    """``weak`` and ``lost`` are livekit-client's ``ConnectionQuality`` “poor” and “lost”."""

    quality: Literal["good", "weak", "lost"]


class NodeBody(Body):
    """The id of a LiveKit server, as it makes them: ``ND_`` and letters."""

    node: str = Field(pattern=r"^ND_[A-Za-z0-9_-]{1,40}$")


@bp.post("/api/rooms/<room_id>/quality")
@view(roles=PEOPLE_INSIDE, body=QualityBody, status=204, limit="3000/minute", limit_by=by_address_and_room)
def say(body: QualityBody) -> None:
    """Say how good one's own connection is, when that has changed."""
    wanted = "" if body.quality == "good" else body.quality
    mine = (Participant.identity == here.caller.identity, Participant.removed_at.is_(None))
    changed = sa.update(Participant).where(*mine, Participant.quality != wanted).values(quality=wanted)
    if db.session.execute(changed.returning(Participant.id)).first():
        notify(LIVE)
    db.session.commit()


@bp.post("/api/rooms/<room_id>/node")
@view(
    roles=frozenset({Role.HOST}), body=NodeBody, status=204, limit="600/minute", limit_by=by_address_and_room
)
def run_on(body: NodeBody) -> None:
    """Say on which node the lecture runs in which one is: LiveKit tells nobody else."""
    inside = (Participant.identity == here.caller.identity, Participant.removed_at.is_(None))
    mine = sa.select(Participant.lecture_id).where(*inside)
    there = (Lecture.id.in_(mine), Lecture.ended_at.is_(None), Lecture.node != body.node)
    changed = sa.update(Lecture).where(*there).values(node=body.node)
    if db.session.execute(changed.returning(Lecture.id)).first():
        notify(LIVE)
    db.session.commit()
