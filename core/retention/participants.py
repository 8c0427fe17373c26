"""Names of those who took part are removed; that somebody came and went remains, for the numbers."""

from __future__ import annotations

import json
from collections.abc import Collection
from typing import Any

import sqlalchemy as sa

from core.contracts import Retained, RetentionKind
from core.db import db, quietly
from core.engine import personal_columns
from core.files.models import StoredFile
from core.lectures.models import Lecture, Participant
from core.models import AuditEntry, WebhookEvent

FORMER = "Former participant"


def _held(lectures: Any) -> Any:
    named = Participant.lecture_id.in_(lectures), Participant.name != FORMER
    query = sa.select(Participant.lecture_id, sa.func.count()).where(*named)
    return query.group_by(Participant.lecture_id)


def _remove(lecture: Lecture) -> None:
    """In what core keeps, and in the columns that plugins have registered, those too that are off."""
    mine = Participant.lecture_id == lecture.id
    names = set(db.session.scalars(sa.select(Participant.name).where(mine))) - {FORMER}
    personal_columns.forget_participants(lecture, FORMER)
    blank = {"name": FORMER, "fingerprint_key": "", "address_key": "", "livekit_sid": ""}
    quietly(sa.update(Participant).where(mine).values(**blank, user_id=None, guest_session_id=None))
    sent = sa.update(StoredFile).where(StoredFile.lecture_id == lecture.id, StoredFile.uploader_name != "")
    quietly(sent.values(uploader_name=FORMER, participant_id=None, user_id=None))
    quietly(sa.delete(WebhookEvent).where(WebhookEvent.lecture_public_id == lecture.public_id))
    _forget_in_log(lecture, names)


def _forget_in_log(lecture: Lecture, names: Collection[str]) -> None:
    """What hosts did, and when, stays in the log; to whom goes."""
    for entry in db.session.scalars(sa.select(AuditEntry).where(AuditEntry.lecture_id == lecture.id)):
        if entry.target in names:
            entry.target, entry.details = FORMER, {}
        elif entry.details and _names_one(entry.details, names):
            entry.details = {}
        if entry.actor_id is None and entry.actor_name in names:
            entry.actor_name = FORMER
    db.session.flush()


def _names_one(details: Any, names: Collection[str]) -> bool:
    said = json.dumps(details, ensure_ascii=False)
    return any(json.dumps(name, ensure_ascii=False)[1:-1] in said for name in names)


OWN = Retained(RetentionKind.PARTICIPANTS, _held, _remove)
