"""The chat in the room, and what stays of it with the lecture."""

from core.api import Lecture, Mount, MountPoint, Room, RoomUi, Section, Viewer, hookimpl
from plugins.chat import sections, views


@hookimpl
def blueprints() -> list[Mount]:
    return [Mount(MountPoint.ROOM, views.in_room)]


@hookimpl
def room_ui(room: Room, viewer: Viewer) -> list[RoomUi]:
    return [RoomUi()]


@hookimpl
def lecture_sections(lecture: Lecture, viewer: Viewer) -> list[Section]:
    return sections.of(lecture, viewer)
