"""The plugin keeps every promise of a plugin."""

from core.testing import PluginContract


class TestExportMarkdown(PluginContract):
    name = "export_markdown"
