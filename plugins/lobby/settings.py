"""What an owner decides about the door of a room."""

from dataclasses import dataclass
from typing import Literal

from flask_babel import lazy_gettext as _l

from core.api import setting

Who = Literal["nobody", "strangers", "everyone"]
WHO = {
    "nobody": _l("Nobody: whoever has the link walks in"),
    "strangers": _l("People who aren't signed in"),
    "everyone": _l("Everyone but the hosts"),
}


@dataclass(frozen=True)
class RoomSettings:
    """In the form of a room."""

    who_waits: Who = setting(
        "nobody", label=_l("Who waits until a host lets them in"), help=_l("Acts at once."), words=WHO
    )
    returnees_pass: bool = setting(
        True,
        label=_l("Who was inside already comes back without waiting"),
        help=_l(
            "Until the lecture ends, unless a host removed them. Whom a host let in can always come back."
        ),
    )
    class_list_passes: bool = setting(
        False,
        label=_l("People on the class list come in without waiting"),
        help=_l("Only those who are signed in with a verified address on it: a typed name proves nothing."),
    )
