"""Webinar mode, raised hands and reactions: many listen, one after the other speaks."""

from flask_babel import lazy_gettext as _l

from core.api import Plugin
from plugins.webinar.settings import RoomSettings

plugin = Plugin(
    name="webinar",
    title=_l("Hands and webinar"),
    description=_l(
        "People raise their hand and send reactions. In a webinar only those speak whom a host calls on."
    ),
    requires_core=">=0.1,<2",
    room_settings=RoomSettings,
    guard=True,
    order=40,
)
