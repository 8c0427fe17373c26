"""The assistant keeps every promise of a plugin."""

from typing import Any, ClassVar

from core.testing import Place, PluginContract

SUMMARY = {"overview": [{"text": "It was about waves.", "cites": [1]}]}


class TestAssistant(PluginContract):
    name = "ai_assistant"
    bodies: ClassVar[dict[str, Any]] = {
        "ai_assistant_internal.report": {"run": "contract-run", "status": {"state": "listening"}},
        "ai_assistant_lecture.edit": {"version": 0, "summary": SUMMARY},
        "ai_assistant_lecture.correct": {"from": "waifs", "to": "waves"},
    }

    def make_rows(self, place: Place) -> dict[str, str]:
        from core.api import Lecture, Participant, db
        from plugins.ai_assistant import consent
        from plugins.ai_assistant.models import TranscriptLine, locked

        person = db.session.get_one(Participant, place.participant_id)
        lecture = db.session.get_one(Lecture, person.lecture_id)
        locked(lecture, captions=True, keep=True)
        consent.choose(lecture, person, False)
        line = TranscriptLine(
            lecture_id=lecture.id,
            key=f"contract-{person.id}",
            participant_id=person.id,
            name=person.name,
            at=1000,
            until=2000,
            text="Today it is about waifs.",
        )
        db.session.add(line)
        db.session.commit()
        return {"line_id": line.key, "lecture_public_id": lecture.public_id}
