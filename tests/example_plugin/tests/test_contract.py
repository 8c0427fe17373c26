"""The example keeps every promise of a plugin."""

from typing import Any

from core.testing import Place, PluginContract


class TestExample(PluginContract):
    name = "example"
    settings = {"folder": "/tmp/audimax-example"}  # noqa: RUF012

    def make_rows(self, place: Place) -> dict[str, str]:
        from audimax_example.models import Note

        from core.api import db

        facts: dict[str, Any] = {"room_id": place.room_id, "lecture_id": place.lecture_id}
        note = Note(**facts, guest_session_id=place.guest_session_id, author="Ann", text="Hello")
        db.session.add(note)
        db.session.commit()
        return {"note_id": note.public_id}
