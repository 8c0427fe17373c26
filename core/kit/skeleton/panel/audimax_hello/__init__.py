"""A panel in the room: hosts ring a bell, and everybody hears of it at once."""

from audimax_hello.settings import RoomSettings, Settings
from core.api import Plugin

plugin = Plugin(
    name="hello",
    title="Hello",
    description="Hosts ring a bell, and everybody hears of it at once.",
    requires_core=">=0.1,<0.3",
    settings=Settings,
    room_settings=RoomSettings,
)
