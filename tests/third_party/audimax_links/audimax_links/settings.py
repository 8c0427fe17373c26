"""What can be set: by an administrator, and by whoever exports."""

from dataclasses import dataclass

from core.api import setting


@dataclass(frozen=True)
class Settings:
    """In ``[plugins.links]`` of audimax.toml."""

    leave_out: tuple[str, ...] = setting((), help="hosts whose links are left out, like meet.example")


@dataclass(frozen=True)
class Options:
    """The form before an export."""

    with_names: bool = setting(True, label="Say who brought it up, and when")
