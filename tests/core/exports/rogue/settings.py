"""One secret, one that isn't."""

from dataclasses import dataclass

from core.api import setting


@dataclass(frozen=True)
class Settings:
    """Of the rogue."""

    key: str = setting("", secret=True, label="A key")
    greeting: str = setting("hello", label="A greeting")
