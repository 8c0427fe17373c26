"""What a host can set in a room beside its title: core's own part."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal

import sqlalchemy as sa
from flask_babel import lazy_gettext as _l

from core.config import MOST_KEPT_DAYS
from core.contracts import Grants
from core.db import db
from core.engine.house import House, of, refuse_locked
from core.engine.settings import fill, read, setting
from core.engine.standing import CORE
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
    """What holds in the room; a value that doesn't fit any more counts as never set."""
    return RoomSettings(**house().over(_own(room)))


def at_first() -> RoomSettings:
    """What holds in a room that has set nothing."""
    return RoomSettings(**house().over({}))


def house() -> House:
    """What the institution says about these settings."""
    return of(CORE, RoomSettings)


def _own(room: Room) -> dict[str, Any]:
    kept = {name: value for name, value in room.settings.items() if name in RoomSettings.__dataclass_fields__}
    return read(RoomSettings, kept)[0]


def change(room: Room, given: dict[str, Any]) -> None:
    """Set some of them; raises ``SettingsError`` with every mistake, a ``Refusal`` for what is locked.

    What is locked stays as the room had it, for the day when it is unlocked.
    """
    before, own, said = settings_of(room), _own(room), house()
    made = asdict(fill(RoomSettings, {**asdict(before), **given}))
    refuse_locked(said, RoomSettings, made, given)
    room.settings = {**own, **{name: made[name] for name in given if name not in said.locked}}
    if settings_of(room) != before:
        db.session.flush()
        room_changed(room.id)


# --- the same in queries --------------------------------------------------------------


@dataclass(frozen=True)
class Rule:
    """What the institution says about one setting, for a query that asks many rooms."""

    locked: bool
    value: Any


def rule(name: str) -> Rule:
    """Of one of core's settings, as it holds now."""
    said = house()
    return Rule(name in said.locked, said.values.get(name, RoomSettings.__dataclass_fields__[name].default))


def is_set(name: str, by: Rule) -> sa.ColumnElement[bool]:
    """Whether a switch is on in the rooms of a query, as ``settings_of`` has it."""
    if by.locked:
        return sa.true() if by.value else sa.false()
    # The contrary must have been said.
    said = Room.settings.contains({name: not by.value})
    return ~said if by.value else said


def room_grants(room: Room) -> Grants:
    """What the room itself leaves to its guests, before any plugin narrows it."""
    return Grants(screen=settings_of(room).screen_share == "everyone")
