"""Lectures as text: Markdown, plain text, subtitles, JSON, and all of it in an archive."""

from flask_babel import lazy_gettext as _l

from core.api import Plugin

plugin = Plugin(
    name="export_markdown",
    title=_l("Exports as text"),
    description=_l("Markdown, plain text, subtitles, JSON, and everything in one archive."),
    requires_core=">=0.1,<2",
    order=81,
)
