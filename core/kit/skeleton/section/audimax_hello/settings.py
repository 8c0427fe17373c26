"""What can be set: by an administrator, and by hosts in each room."""

from dataclasses import dataclass

from core.api import setting


@dataclass(frozen=True)
class Settings:
    """In ``[plugins.hello]`` of audimax.toml."""

    order: int = setting(800, minimum=0, maximum=1000, help="its place on the lecture's page, small is high")


@dataclass(frozen=True)
class RoomSettings:
    """In the form of a room."""

    for_hosts: bool = setting(False, label="Only hosts see the figures")
