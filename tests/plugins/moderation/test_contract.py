"""Moderation keeps every promise of a plugin."""

from core.testing import Place, PluginContract


class TestModeration(PluginContract):
    name = "moderation"

    def make_rows(self, place: Place) -> dict[str, str]:
        from core.api import Participant, db
        from plugins.moderation.models import Ban

        ban = Ban(room_id=place.room_id, guest_session_id=place.guest_session_id, name="Ann")
        db.session.add(ban)
        db.session.commit()
        person = db.session.get_one(Participant, place.participant_id)
        return {"ban_id": ban.public_id, "identity": person.identity}
