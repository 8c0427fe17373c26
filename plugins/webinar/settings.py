"""What an owner decides about hands and reactions in a room."""

from dataclasses import dataclass

from flask_babel import lazy_gettext as _l

from core.api import setting


@dataclass(frozen=True)
class RoomSettings:
    """In the form of a room; hosts also switch the webinar during a lecture."""

    webinar_mode: bool = setting(
        False,
        label=_l("Webinar: guests listen and watch"),
        help=_l("They raise their hand, and speak once a host gives them the floor."),
    )
    reactions: bool = setting(
        True,
        label=_l("People may send reactions"),
        help=_l("A thumb or applause that floats over the lecture for a moment."),
    )
