"""Polls in the room: hosts ask, everybody votes, the results stay with the lecture."""

from audimax_poll.settings import RoomSettings
from core.api import Plugin

plugin = Plugin(
    name="poll",
    title="Polls",
    description="Ask everybody in the room; the results stay with the lecture.",
    requires_core=">=0.1,<0.3",
    room_settings=RoomSettings,
)
