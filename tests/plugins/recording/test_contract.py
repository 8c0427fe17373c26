"""Recording keeps every promise of a plugin."""

from typing import Any, ClassVar

from core.testing import Place, PluginContract


class TestRecording(PluginContract):
    name = "recording"
    bodies: ClassVar[dict[str, Any]] = {
        "recording_internal.report": {"run": "contract-run", "state": "recording"},
        "recording_desk.cut": {"version": 0, "cuts": [[1, 2]]},
        "recording_desk.chapters": {"version": 0, "chapters": [[1, "One"]]},
    }

    # The page that LiveKit Egress opens has no origin of ours, but its egress's token.
    machines = frozenset({"recording_lecture.report"})

    def make_rows(self, place: Place) -> dict[str, str]:
        from core.api import Lecture, Participant, db
        from plugins.recording import consent
        from plugins.recording.models import locked

        person = db.session.get_one(Participant, place.participant_id)
        lecture = db.session.get_one(Lecture, person.lecture_id)
        recording = locked(lecture)
        run = f"run-of-{person.id:04}"
        recording.runs = [run]
        consent.choose(lecture, person, False, None)
        db.session.commit()
        return {"run": run, "number": "0", "lecture_public_id": lecture.public_id}
