"""The chat in the room, and what stays of it with the lecture."""

from core.api import (
    Event,
    FileChanged,
    Lecture,
    Mount,
    MountPoint,
    Person,
    Retained,
    Room,
    RoomUi,
    Section,
    Viewer,
    config,
    hookimpl,
)
from plugins.chat import attachments, sections, views
from plugins.chat import retention as keeping


@hookimpl
def blueprints() -> list[Mount]:
    return [Mount(MountPoint.ROOM, views.in_room)]


@hookimpl
def retention() -> list[Retained]:
    return keeping.retained()


@hookimpl
def room_ui(room: Room, viewer: Viewer) -> list[RoomUi]:
    kept = config()
    return [RoomUi(config={"types": sorted(kept.file_types), "largest_mb": kept.largest_file_mb})]


@hookimpl
def lecture_sections(lecture: Lecture, viewer: Viewer, lines: int | None) -> list[Section]:
    return sections.of(lecture, viewer, lines)


@hookimpl
def on_event(event: Event) -> None:
    if isinstance(event, FileChanged) and event.plugin == attachments.PLUGIN:
        attachments.look_again(event.file_id)


@hookimpl
def erase(person: Person) -> None:
    attachments.erase(person)
