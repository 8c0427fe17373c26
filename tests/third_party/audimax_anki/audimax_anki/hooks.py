"""What Audimax asks this plugin."""

from audimax_anki.export import AnkiExporter
from core.api import Exporter, hookimpl


@hookimpl
def exporters() -> list[Exporter]:
    return [AnkiExporter()]
