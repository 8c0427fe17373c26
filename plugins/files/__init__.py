"""Files that are handed round in a lecture, and stay on its page."""

from flask_babel import lazy_gettext as _l

from core.api import Plugin
from plugins.files.settings import RoomSettings

plugin = Plugin(
    name="files",
    title=_l("Files"),
    description=_l("Slides and files for everybody in the room, and on the lecture page afterwards."),
    requires_core=">=0.1,<2",
    room_settings=RoomSettings,
    order=60,
)
