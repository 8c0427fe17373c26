"""Five ways out, all of them short."""

from core.api import Exporter, hookimpl
from plugins.export_markdown.archive import Everything
from plugins.export_markdown.ways import AsJson, Markdown, PlainText, Subtitles


@hookimpl
def exporters() -> list[Exporter]:
    return [Markdown(), PlainText(), Subtitles(), AsJson(), Everything()]
