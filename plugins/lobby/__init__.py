"""The waiting room: hosts see who is at the door and let them in."""

from flask_babel import lazy_gettext as _l

from core.api import Plugin
from plugins.lobby.settings import RoomSettings

plugin = Plugin(
    name="lobby",
    title=_l("Waiting room"),
    description=_l("Hosts see who is at the door, and let people in one by one or all at once."),
    requires_core=">=0.1,<2",
    room_settings=RoomSettings,
    guard=True,
    room_page="lobby.room",
    room_page_title=_l("Who is waiting"),
    order=20,
)
