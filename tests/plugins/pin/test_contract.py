"""The PIN keeps every promise of a plugin."""

from core.testing import PluginContract


class TestPin(PluginContract):
    name = "pin"
