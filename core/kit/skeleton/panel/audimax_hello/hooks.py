"""What Audimax asks this plugin."""

from audimax_hello import views
from audimax_hello.settings import RoomSettings, Settings
from core.api import Mount, MountPoint, Room, RoomUi, Viewer, hookimpl, room_settings, settings


@hookimpl
def blueprints() -> list[Mount]:
    return [Mount(MountPoint.ROOM, views.in_room)]


@hookimpl
def room_ui(room: Room, viewer: Viewer) -> list[RoomUi]:
    config = {"words": room_settings(room, RoomSettings).words, "icon": settings(Settings).icon}
    return [RoomUi(module="room.js", css=("room.css",), config=config)]
