"""What Audimax asks this plugin."""

from audimax_hello.export import InShort
from core.api import Exporter, hookimpl


@hookimpl
def exporters() -> list[Exporter]:
    return [InShort()]
