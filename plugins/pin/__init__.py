"""A PIN for a room: asked at the door, once in a lecture."""

from flask_babel import lazy_gettext as _l

from core.api import Plugin
from plugins.pin.settings import RoomSettings, Settings

plugin = Plugin(
    name="pin",
    title=_l("Ask for a PIN"),
    description=_l("Participants type a PIN before they come in. Without a PIN set, nobody is asked."),
    requires_core=">=0.1,<2",
    settings=Settings,
    room_settings=RoomSettings,
    guard=True,
    room_page="pin_site.show",
    room_page_title=_l("PIN"),
    order=10,
)
