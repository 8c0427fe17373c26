"""How good people's connections are, as their own browsers find: for who looks after the service."""

from __future__ import annotations

from typing import Literal

import sqlalchemy as sa
from flask import Blueprint

from core.bus import LIVE, notify
from core.contracts import PEOPLE_INSIDE
from core.db import db
from core.http.views import Body, here, view
from core.joining import by_address_and_room
from core.lectures.models import Participant

bp = Blueprint("quality", __name__)


class QualityBody(Body):
    """``weak`` and ``lost`` are livekit-client's ``ConnectionQuality`` “poor” and “lost”."""

    quality: Literal["good", "weak", "lost"]


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
