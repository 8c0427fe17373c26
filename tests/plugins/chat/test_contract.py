"""Chat keeps every promise of a plugin."""

from typing import ClassVar
from uuid import uuid4

from core.testing import Place, PluginContract

WRITTEN = {"client_id": "6b1f4f0e-2f2e-4b61-9f3a-0f5bd3f5c111", "text": "Hello"}


class TestChat(PluginContract):
    name = "chat"
    bodies: ClassVar = {
        "chat.send": WRITTEN,
        "chat.attach": {"name": "notes.pdf", "size": 1000, "mime": "application/pdf"},
        "chat.mark": {"kind": "👍", "on": True},
        "chat.flag": {"flag": "pinned", "on": True},
        "chat.mode": {"mode": "everyone", "slow_seconds": 0},
    }

    def make_rows(self, place: Place) -> dict[str, str]:
        from core.api import Lecture, Participant, StoredFile, db
        from plugins.chat.models import Attachment, Mark, Message, locked

        person = db.session.get_one(Participant, place.participant_id)
        chat = locked(db.session.get_one(Lecture, place.lecture_id))
        at = chat.next("everyone")
        message = Message(
            lecture_id=place.lecture_id,
            audience="everyone",
            at=at,
            changed=at,
            client_id=str(uuid4()),
            participant_id=person.id,
            author_name=person.name,
            text="Is this on?",
            has_files=True,
            is_question=True,
            marks={"vote": 1},
        )
        db.session.add(message)
        stored = StoredFile(
            plugin="chat",
            storage="local",
            name="notes.pdf",
            extension="pdf",
            mime="application/pdf",
            size=1000,
            state="ready",
            room_id=place.room_id,
            lecture_id=place.lecture_id,
            participant_id=person.id,
            uploader_name=person.name,
            in_use=True,
        )
        db.session.add(stored)
        db.session.flush()
        db.session.add(Attachment(stored_file_id=stored.id, message_id=message.id, place=0))
        db.session.add(Mark(message_id=message.id, participant_id=person.id, kind="vote"))
        db.session.commit()
        return {"message_id": message.public_id}
