"""Every promise of a plugin, and what this one does."""

from core.testing import PluginContract


class TestHello(PluginContract):
    name = "hello"

    def test_only_hosts_ring(self, app, places):
        place = places[0]
        path = f"/api/rooms/{place.room}/hello/ring"
        assert place.host.ask("POST", path, {"words": "Good morning!"}).status_code == 204
        assert place.guest.ask("POST", path, {"words": "Good morning!"}).status_code == 403
        assert place.host.ask("POST", path, {"words": ""}).status_code == 422
