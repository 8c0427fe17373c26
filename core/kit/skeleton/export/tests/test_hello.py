"""Every promise of a plugin, and what this one does."""

from audimax_hello.export import InShort

from core.testing import PluginContract, sample_package


class TestHello(PluginContract):
    name = "hello"

    def test_every_section_is_there(self, app):
        package = sample_package()
        with app.app_context():
            text = InShort().export(package, {}).body.read().decode()
        assert all(section.title in text for section in package.sections)
