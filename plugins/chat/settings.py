"""What an owner decides about the chat of a room; hosts change it for one lecture while it runs."""

from dataclasses import dataclass
from typing import Literal

from flask_babel import lazy_gettext as _l

from core.api import setting

Mode = Literal["everyone", "questions", "hosts", "off"]
MODES = {
    "everyone": _l("Everyone writes to everyone"),
    "questions": _l("Guests write to the hosts only"),
    "hosts": _l("Only the hosts write"),
    "off": _l("Nobody writes"),
}
Who = Literal["hosts", "everyone"]
WHO = {"hosts": _l("The hosts"), "everyone": _l("Everybody who may write")}
LONGEST_PAUSE = 600


@dataclass(frozen=True)
class RoomSettings:
    """In the form of a room."""

    mode: Mode = setting(
        "everyone",
        label=_l("Who writes in the chat"),
        help=_l("Hosts can change this during a lecture, for that lecture."),
        words=MODES,
    )
    slow_seconds: int = setting(
        0,
        minimum=0,
        maximum=LONGEST_PAUSE,
        label=_l("Seconds between two messages of a guest"),
        help=_l("0: as fast as they like."),
    )
    edit_minutes: int = setting(
        10,
        minimum=0,
        maximum=1440,
        label=_l("Minutes in which people can change or delete their own message"),
        help=_l("Hosts can delete every message at any time."),
    )
    attachments: Who = setting(
        "everyone",
        label=_l("Who may attach files to messages"),
        help=_l("Up to five to a message; who may read it can fetch them."),
        words=WHO,
    )
