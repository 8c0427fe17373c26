"""Takes lectures to people's own Google Drive; it sees nothing there but what it has put there itself."""

from flask_babel import lazy_gettext as _l

from core.api import Plugin
from plugins.export_gdrive.settings import Settings

plugin = Plugin(
    name="export_gdrive",
    title=_l("Export to Google Drive"),
    description=_l(
        "Brings a lecture as PDF and text, with its files, to the Google Drive of whoever connects it."
    ),
    requires_core=">=0.1,<2",
    settings=Settings,
    order=96,
)
