"""Every promise of a plugin, and what this one does."""

from audimax_hello.hooks import lecture_sections

from core.api import Lecture, Role, Viewer, db
from core.testing import PluginContract


class TestHello(PluginContract):
    name = "hello"

    def test_it_counts_who_took_part(self, app, places):
        with app.app_context():
            lecture = db.session.get_one(Lecture, places[0].lecture_id)
            (section,) = lecture_sections(lecture, Viewer(Role.PARTICIPANT))
            assert ("People", "1") in section.facts
