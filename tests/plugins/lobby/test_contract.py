"""The waiting room keeps every promise of a plugin."""

from core.testing import Place, PluginContract


class TestLobby(PluginContract):
    name = "lobby"

    def make_rows(self, place: Place) -> dict[str, str]:
        from core.api import db
        from plugins.lobby.models import Entry

        db.session.add(
            Entry(room_id=place.room_id, guest_session_id=place.guest_session_id, name="Ann", name_key="ann")
        )
        db.session.commit()
        return {}
