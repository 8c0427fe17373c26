"""Adds a part to every lecture: a few figures about it."""

from audimax_hello.settings import RoomSettings, Settings
from core.api import Plugin

plugin = Plugin(
    name="hello",
    title="Hello",
    description="A few figures about each lecture.",
    requires_core=">=0.1,<0.3",
    settings=Settings,
    room_settings=RoomSettings,
)
