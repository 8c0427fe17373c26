"""A door before an installation that isn't finished: an access key, or a network that is let in."""

from flask_babel import lazy_gettext as _l

from core.api import Plugin
from plugins.dev_gate.settings import Settings

plugin = Plugin(
    name="dev_gate",
    title=_l("Protect an unfinished installation"),
    description=_l("Nobody sees anything without the access key, except from networks that are let in."),
    requires_core=">=0.1,<2",
    settings=Settings,
    order=95,
)
