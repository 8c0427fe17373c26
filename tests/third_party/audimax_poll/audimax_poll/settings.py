"""What hosts decide in a room."""

from dataclasses import dataclass

from core.api import setting


@dataclass(frozen=True)
class RoomSettings:
    """In the form of a room."""

    hidden: bool = setting(
        False,
        label="Results of polls stay hidden until the end",
        help="A host can decide otherwise for each poll.",
    )
