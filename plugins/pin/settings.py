"""How often a PIN may be guessed."""

from dataclasses import dataclass

from flask_babel import lazy_gettext as _l

from core.api import setting


@dataclass(frozen=True)
class Settings:
    """For the whole installation.

    A single address spends at most 10 × ``address_tries`` in ten minutes: with fewer ``room_tries``
    than that, one guesser alone could make everybody wait.
    """

    address_tries: int = setting(
        5, minimum=1, maximum=100, label=_l("Wrong PINs of one address and room in a minute"), editable=True
    )
    room_tries: int = setting(
        100,
        minimum=1,
        maximum=10_000,
        label=_l("Wrong PINs of one room in ten minutes, from all addresses"),
        help=_l("Then everybody waits for the host, whatever PIN they typed."),
        editable=True,
    )


@dataclass(frozen=True)
class RoomSettings:
    """A room switches it on and off, and no more: the PIN itself is no setting."""
