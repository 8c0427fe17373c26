"""Files keeps every promise of a plugin."""

from typing import ClassVar

from core.testing import Place, PluginContract


class TestFiles(PluginContract):
    name = "files"
    bodies: ClassVar = {"files_room.begin": {"name": "slides.pdf", "size": 1000, "mime": "application/pdf"}}

    def make_rows(self, place: Place) -> dict[str, str]:
        from core.api import Lecture, Participant, db, files
        from plugins.files.models import Share

        lecture = db.session.get_one(Lecture, place.lecture_id)
        sender = db.session.get_one(Participant, place.participant_id)
        stored = files.begin(
            lecture, "files", name="notes.txt", size=5, mime="text/plain", participant=sender, in_use=True
        )
        stored.state = files.State.READY.value
        share = Share(lecture_id=lecture.id, stored_file_id=stored.id)
        db.session.add(share)
        db.session.commit()
        return {"share_id": share.public_id}
