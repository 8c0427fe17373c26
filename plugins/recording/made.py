"""A film as it was made, before it is kept."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

MP4 = "video/mp4"


class Made(NamedTuple):
    """A film in a file; ``facts`` as ``finishing.Facts`` has them."""

    path: Path
    facts: dict[str, Any]
    mime: str

    @property
    def is_mp4(self) -> bool:
        return self.mime == MP4
