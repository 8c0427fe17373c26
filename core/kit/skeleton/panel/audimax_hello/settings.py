"""What can be set: by an administrator, and by hosts in each room."""

from dataclasses import dataclass

from core.api import setting


@dataclass(frozen=True)
class Settings:
    """In ``[plugins.hello]`` of audimax.toml."""

    icon: str = setting("bell", help="the panel's picture, a name of ui/icons.txt")


@dataclass(frozen=True)
class RoomSettings:
    """In the form of a room."""

    words: str = setting("Back in a minute.", label="Words", minimum=1, maximum=200)
