"""What an owner decides about files in a room."""

from dataclasses import dataclass
from typing import Literal

from flask_babel import lazy_gettext as _l

from core.api import setting

Who = Literal["hosts", "everyone"]
WHO = {"hosts": _l("The hosts"), "everyone": _l("Everybody in the room")}


@dataclass(frozen=True)
class RoomSettings:
    """In the form of a room; hosts also change it during a lecture."""

    who_shares: Who = setting(
        "hosts",
        label=_l("Who may share files"),
        help=_l("Everybody in the room can fetch them."),
        words=WHO,
    )
