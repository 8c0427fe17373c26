"""Recording: what was shown and said, kept in the storage and watched on the lecture's page."""

from flask_babel import lazy_gettext as _l

from core.api import Plugin
from plugins.recording.settings import RoomSettings, Settings

plugin = Plugin(
    name="recording",
    title=_l("Recording"),
    description=_l(
        "Keeps what is shown and said, for hosts who press record. It is watched on the lecture’s page."
    ),
    requires_core=">=0.1,<2",
    settings=Settings,
    room_settings=RoomSettings,
    order=70,
)
