"""What can be set: once for the institution, and in each room."""

from dataclasses import dataclass

from core.api import setting


@dataclass(frozen=True)
class Settings:
    """In ``[plugins.example]`` of audimax.toml."""

    folder: str = setting(help="where the example's storage keeps its files")
    longest_note: int = setting(500, editable=True, minimum=1, maximum=2000, help="characters of a note")


@dataclass(frozen=True)
class RoomSettings:
    """In the form of a room."""

    word: str = setting(
        "", label="Magic word", help="Guests are asked for it; empty: nobody is.", maximum=100
    )
    quiet: bool = setting(False, label="Guests listen only")
