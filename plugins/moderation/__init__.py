"""Order inside: remove, ban, mute, lock, change the locks, panic."""

from flask_babel import lazy_gettext as _l

from core.api import Plugin
from plugins.moderation.settings import RoomSettings

plugin = Plugin(
    name="moderation",
    title=_l("Order in the room"),
    description=_l("Hosts remove, ban and mute people, lock the room, and silence everybody at once."),
    requires_core=">=0.1,<2",
    room_settings=RoomSettings,
    guard=True,
    narrows_co_hosts=True,
    order=30,
)
