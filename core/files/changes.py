"""A file's row changes from one state to the next, and plugins are told in the same transaction."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from core import events
from core.contracts import FileChanged
from core.db import db
from core.files.models import OF_EXPORTS, StoredFile
from core.search.changes import lecture_changed


def tell(stored: StoredFile) -> None:
    """Publish ``FileChanged`` in this transaction; nobody hears of a file without a lecture."""
    if stored.lecture_id is not None and stored.room_id is not None:
        events.publish(
            FileChanged(
                room_id=stored.room_id,
                lecture_id=stored.lecture_id,
                file_id=stored.id,
                plugin=stored.plugin,
            )
        )
        if stored.plugin != OF_EXPORTS:
            lecture_changed(stored.lecture_id)


def changed(stored_id: int, *where: Any, **values: Any) -> bool:
    """Change the row of a file if it still is as ``where`` says; whether it was.

    Several workers may do the same at once: who changes the row also does what follows from it.
    """
    statement = sa.update(StoredFile).where(StoredFile.id == stored_id, *where).values(**values)
    done: Any = db.session.execute(statement.execution_options(synchronize_session=False))
    return bool(done.rowcount)
