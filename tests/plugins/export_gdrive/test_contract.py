"""The plugin keeps every promise of a plugin, set up and not."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from core.testing import Place, PluginContract
from tests.plugins.export_gdrive.conftest import new_key


class TestExportGdrive(PluginContract):
    name = "export_gdrive"
    settings: ClassVar[Mapping[str, Any]] = {
        "client_id": "contract",
        "client_secret": "contract",
        "key": new_key(),
        "google_url": "http://127.0.0.1:9",
    }

    def make_rows(self, place: Place) -> Mapping[str, str]:
        from core.db import db
        from plugins.export_gdrive import connections
        from plugins.export_gdrive.models import Item

        connections.keep(place.owner_id, "1//0token")
        for key, lecture_id in (("room/1", None), ("lecture/1", place.lecture_id)):
            db.session.add(
                Item(
                    user_id=place.owner_id,
                    room_id=place.room_id,
                    lecture_id=lecture_id,
                    key=key,
                    drive_id="1",
                )
            )
        db.session.commit()
        return {}


class TestNotSetUp(PluginContract):
    name = "export_gdrive"
