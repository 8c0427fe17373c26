"""Webinar keeps every promise of a plugin."""

from typing import ClassVar

from core.testing import Place, PluginContract


class TestWebinar(PluginContract):
    name = "webinar"
    bodies: ClassVar = {"webinar.react": {"emoji": "👏"}}

    def make_rows(self, place: Place) -> dict[str, str]:
        from core.api import Participant, db
        from plugins.webinar.models import give_floor, raise_hand

        person = db.session.get_one(Participant, place.participant_id)
        raise_hand(person)
        give_floor(person, camera_and_screen=True)
        db.session.commit()
        return {"identity": person.identity}
