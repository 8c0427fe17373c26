"""The audit log: written in the transaction of the action it records."""

from __future__ import annotations

from typing import Any

from core.db import db
from core.models import AuditEntry
from core.people.models import User


def record(
    action: str,
    *,
    actor: User | None = None,
    actor_name: str = "",
    room_id: int | None = None,
    lecture_id: int | None = None,
    target: str = "",
    **details: Any,
) -> None:
    """Note who (``actor``) did what (``action``, like ``room.delete``) to whom (``target``)."""
    db.session.add(
        AuditEntry(
            action=action,
            actor_id=actor.id if actor else None,
            actor_name=actor.name if actor else actor_name,
            room_id=room_id,
            lecture_id=lecture_id,
            target=target[:200],
            details=details,
        )
    )
