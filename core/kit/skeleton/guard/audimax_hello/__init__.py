"""Keeps the door: only people with a verified address of the room's domain come in."""

from audimax_hello.settings import RoomSettings, Settings
from core.api import Plugin

plugin = Plugin(
    name="hello",
    title="Hello",
    description="Only people with an address of one domain come in.",
    requires_core=">=0.1,<0.3",
    settings=Settings,
    room_settings=RoomSettings,
    guard=True,
    on_by_default=False,
)
