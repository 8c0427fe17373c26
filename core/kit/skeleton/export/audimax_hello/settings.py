"""What an administrator can set."""

from dataclasses import dataclass

from core.api import setting


@dataclass(frozen=True)
class Settings:
    """In ``[plugins.hello]`` of audimax.toml."""

    most_lines: int = setting(5, minimum=1, maximum=1000, help="how many lines of a section are taken")
