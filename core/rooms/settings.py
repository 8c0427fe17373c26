"""What a host can set in a room beside its title: core's own part."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal

from flask_babel import lazy_gettext as _l

from core.config import MOST_KEPT_DAYS
from core.contracts import Grants
from core.db import db
from core.engine.settings import fill, read, setting
from core.rooms.models import Room
from core.search.changes import room_changed

Who = Literal["everyone", "hosts"]
MOST_READ_DAYS = 3650
WHO = {"everyone": _l("Everyone"), "hosts": _l("Hosts only")}


KEPT = "keep_"


def _days(label: Any) -> Any:
    return setting(0, label=label, minimum=0, maximum=MOST_KEPT_DAYS)


@dataclass(frozen=True)
class RoomSettings:
    """Core's settings of a room, as the room form shows them."""

    microphone_on_entry: bool = setting(
        False,
        label=_l("Microphones are on when people enter"),
        help=_l("Everybody can change it before they join."),
    )
    camera_on_entry: bool = setting(
        False,
        label=_l("Cameras are on when people enter"),
        help=_l("Everybody can change it before they join."),
    )
    screen_share: Who = setting("everyone", label=_l("Who may share the screen"), words=WHO)
    participants_read: bool = setting(
        False,
        label=_l("Participants may read the lecture page afterwards"),
        help=_l("With what was said, written and shared, in the browser they took part with."),
    )
    participants_read_days: int = setting(
        0,
        label=_l("For how many days after its end"),
        help=_l("0: as long as the lecture exists."),
        minimum=0,
        maximum=MOST_READ_DAYS,
    )
    participants_see_names: bool = setting(
        False,
        label=_l("They also see who took part"),
        help=_l("Hosts always see it."),
    )
    share_links: bool = setting(
        True,
        label=_l("Hosts may make links to lectures"),
        help=_l("Whoever has such a link reads what participants may see, until it expires or is revoked."),
    )
    keep_transcripts_days: int = _days(_l("Days for transcripts and summaries"))
    keep_chat_days: int = _days(_l("Days for the chat"))
    keep_files_days: int = _days(_l("Days for files"))
    keep_recordings_days: int = _days(_l("Days for recordings"))
    keep_participants_days: int = _days(_l("Days for names of participants"))
    keep_lectures_days: int = _days(_l("Days for whole lectures"))


def settings_of(room: Room) -> RoomSettings:
    """The room's settings; a value that doesn't fit any more counts as never set."""
    kept = {name: value for name, value in room.settings.items() if name in RoomSettings.__dataclass_fields__}
    values, _mistakes = read(RoomSettings, kept)
    return RoomSettings(**values)


def change(room: Room, given: dict[str, Any]) -> None:
    """Set some of them; raises ``SettingsError`` with every mistake."""
    before = settings_of(room)
    after = fill(RoomSettings, {**asdict(before), **given})
    room.settings = asdict(after)
    if after != before:
        db.session.flush()
        room_changed(room.id)


def room_grants(room: Room) -> Grants:
    """What the room itself leaves to its guests, before any plugin narrows it."""
    return Grants(screen=settings_of(room).screen_share == "everyone")
