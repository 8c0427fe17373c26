"""What can be set: by an administrator, and by hosts in each room."""

from dataclasses import dataclass

from core.api import setting


@dataclass(frozen=True)
class Settings:
    """In ``[plugins.hello]`` of audimax.toml."""

    contact: str = setting("", maximum=200, help="whom people may ask who can't come in")


@dataclass(frozen=True)
class RoomSettings:
    """In the form of a room."""

    domain: str = setting(
        "", label="Domain", help="For example uni.example; empty: everybody comes in.", maximum=100
    )
