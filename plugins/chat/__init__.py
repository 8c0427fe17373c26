"""Chat and questions: what people write to everybody or to the hosts, kept with the lecture."""

from flask_babel import lazy_gettext as _l

from core.api import Plugin
from plugins.chat.settings import RoomSettings

plugin = Plugin(
    name="chat",
    title=_l("Chat and questions"),
    description=_l(
        "People write to everybody or to the hosts alone, ask questions and vote for those of others."
    ),
    requires_core=">=0.1,<2",
    room_settings=RoomSettings,
    order=50,
)
