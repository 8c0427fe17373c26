"""Every promise of a plugin, and what this one does."""

import pytest
from audimax_hello.hooks import admit, belongs

from core.api import JoinRequest, Room, db, switch_plugin
from core.testing import PluginContract


class TestHello(PluginContract):
    name = "hello"

    def test_strangers_are_sent_away(self, app, places):
        guest = JoinRequest("a", "Ann")
        member = JoinRequest("b", "Bob", email="bob@UNI.example")
        with app.app_context():
            room = db.session.get_one(Room, places[0].room_id)
            assert admit(room, [guest, member]) == {}, "nothing is asked as long as no domain is set"
            switch_plugin(room, "hello", True, {"domain": "uni.example"})
            assert list(admit(room, [guest, member])) == ["a"]


@pytest.mark.parametrize("email", [None, "bob@evil-uni.example", "uni.example@elsewhere.example"])
def test_only_the_whole_domain_counts(email):
    assert not belongs(JoinRequest("a", "Ann", email=email), "uni.example")
