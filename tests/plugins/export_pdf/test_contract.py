"""The plugin keeps every promise of a plugin."""

from core.testing import PluginContract


class TestExportPdf(PluginContract):
    name = "export_pdf"
