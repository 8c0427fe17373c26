"""Background work."""

import procrastinate
import sqlalchemy as sa

from audimax_example.models import Note
from core.api import db

tasks = procrastinate.Blueprint()


@tasks.task(name="tidy")
def tidy(room_id: int) -> None:
    """Remove a room's empty notes."""
    db.session.execute(sa.delete(Note).where(Note.room_id == room_id, Note.text == ""))
    db.session.commit()
