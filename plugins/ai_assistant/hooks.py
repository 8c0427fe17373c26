"""Where the assistant comes into the house."""

from core.api import Room, RoomUi, Viewer, hookimpl


@hookimpl
def room_ui(room: Room, viewer: Viewer) -> list[RoomUi]:
    return [RoomUi()]
