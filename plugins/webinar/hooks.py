"""What webinar mode leaves to guests."""

from collections.abc import Mapping, Sequence

from core.api import Grants, Mount, MountPoint, Participant, Room, RoomUi, Viewer, hookimpl, room_settings
from plugins.webinar import views
from plugins.webinar.models import Floor, floors_of
from plugins.webinar.settings import RoomSettings


@hookimpl
def blueprints() -> list[Mount]:
    return [Mount(MountPoint.ROOM, views.in_room)]


@hookimpl
def room_ui(room: Room, viewer: Viewer) -> list[RoomUi]:
    return [RoomUi()]


@hookimpl
def narrow_grants(room: Room, participants: Sequence[Participant]) -> Mapping[int, Grants]:
    if not room_settings(room, RoomSettings).webinar_mode:
        return {}
    floors = floors_of(participants)
    return {person.id: _left(floors.get(person.id)) for person in participants}


def _left(floor: Floor | None) -> Grants:
    if floor is None:
        return Grants(microphone=False, camera=False, screen=False)
    return Grants(camera=floor.camera_and_screen, screen=floor.camera_and_screen)
