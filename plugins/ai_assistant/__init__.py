"""The assistant: it comes into the lecture, writes captions, keeps the transcript, and sums up."""

from flask_babel import lazy_gettext as _l

from core.api import Plugin
from plugins.ai_assistant.settings import RoomSettings, Settings

plugin = Plugin(
    name="ai_assistant",
    title=_l("Captions, transcript and summary"),
    description=_l(
        "An assistant listens, writes along what is said, and sums up the lecture minutes after its end."
    ),
    requires_core=">=0.1,<2",
    settings=Settings,
    room_settings=RoomSettings,
    order=60,
)
