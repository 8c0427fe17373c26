"""What an owner decides about order in a room."""

from dataclasses import dataclass

from flask_babel import lazy_gettext as _l

from core.api import setting


@dataclass(frozen=True)
class RoomSettings:
    """In the form of a room."""

    cohosts_moderated: bool = setting(
        False,
        label=_l("Co-hosts may mute each other"),
        help=_l("You always may. Nobody can mute you, and “Silence everybody” spares all hosts."),
        owner_only=True,
    )
    network_waits: bool = setting(
        False,
        label=_l("New people from a banned person's network wait for a host"),
        help=_l("Until the lecture ends. A whole lecture hall may share one network."),
    )
