"""A lecture as a PDF: cover, contents, and every part of it, in whatever script it was held."""

from flask_babel import lazy_gettext as _l

from core.api import Plugin
from plugins.export_pdf.settings import Settings

plugin = Plugin(
    name="export_pdf",
    title=_l("PDF"),
    description=_l("Takes a lecture out as a PDF, with a cover and contents."),
    requires_core=">=0.1,<2",
    settings=Settings,
    order=80,
)
