"""What Audimax asks this plugin."""

from audimax_links.export import Links
from core.api import Exporter, hookimpl


@hookimpl
def exporters() -> list[Exporter]:
    return [Links()]
