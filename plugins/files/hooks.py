"""The files of a lecture: in the room while it is live, on its page afterwards."""

from flask_babel import gettext as _

from core.api import (
    Event,
    FileChanged,
    Files,
    Lecture,
    Mount,
    MountPoint,
    Retained,
    Room,
    RoomUi,
    Section,
    Viewer,
    files,
    hookimpl,
    order,
)
from plugins.files import views
from plugins.files.models import share_of, shares_of
from plugins.files.retention import SHARED


@hookimpl
def blueprints() -> list[Mount]:
    return [Mount(MountPoint.ROOM, views.in_room)]


@hookimpl
def retention() -> list[Retained]:
    return [SHARED]


@hookimpl
def room_ui(room: Room, viewer: Viewer) -> list[RoomUi]:
    return [RoomUi()]


@hookimpl
def lecture_sections(lecture: Lecture, viewer: Viewer) -> list[Section]:
    shared = [share.stored for share in shares_of(lecture, files.State.READY)]
    shown = tuple(files.entry(stored) for stored in reversed(shared) if stored.is_handed_out)
    return [Files("shared", _("Files"), order=320, files=shown)] if shown else []


@hookimpl
def on_event(event: Event) -> None:
    if not isinstance(event, FileChanged) or event.plugin != "files":
        return
    share = share_of(event.file_id)
    if share is not None and share.lecture.is_live:
        order.tell(share.lecture, views.TOPIC, {"changed": share.public_id})
