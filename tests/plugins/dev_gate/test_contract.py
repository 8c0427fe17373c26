"""The plugin keeps every promise of a plugin."""

from typing import ClassVar

from core.testing import PluginContract


class TestDevGate(PluginContract):
    name = "dev_gate"
    # Those of the contract come from there.
    settings: ClassVar = {"access_key": "0123456789abcdef", "allowed_ips": ["10.0.0.0/8"]}
