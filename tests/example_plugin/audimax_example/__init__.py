"""A guest book for every room: the plugin that uses every hook."""

from audimax_example.settings import RoomSettings, Settings
from core.api import Plugin

plugin = Plugin(
    name="example",
    title="Guest book",
    description="Guests leave a note; it stays with the lecture.",
    requires_core=">=0.1,<2",
    settings=Settings,
    room_settings=RoomSettings,
    guard=True,
    on_by_default=False,
)
