"""The institution's picture on the first page, read once, at the start."""

from __future__ import annotations

import base64
import warnings
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

from PIL import Image

LARGEST = 1024 * 1024
PIXELS = 4_000_000
# The room for it on the cover, in points.
WIDTH, HEIGHT = 170, 64


@dataclass(frozen=True)
class Logo:
    """A picture that was looked at; ``width`` and ``height`` are points on paper."""

    content: bytes
    mime: str
    width: float
    height: float

    @property
    def address(self) -> str:
        return f"data:{self.mime};base64,{base64.b64encode(self.content).decode()}"


def read(path: str) -> Logo | None:
    """The logo, or None where none is set. Raises ``ValueError`` with words for an admin."""
    if not path:
        return None
    content = _content(Path(path))
    mime, (width, height) = _looked_at(content, path)
    scale = min(WIDTH / width, HEIGHT / height)
    return Logo(content, mime, width * scale, height * scale)


def _content(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            content = file.read(LARGEST + 1)
    except OSError as error:
        raise ValueError(f"the logo {path} can't be read: {error.strerror or error}") from error
    if len(content) > LARGEST:
        raise ValueError(f"the logo {path} has more than {LARGEST // 1024 // 1024} MB: take a smaller file")
    return content


def _looked_at(content: bytes, path: str) -> tuple[str, tuple[int, int]]:
    try:
        with warnings.catch_warnings(), Image.open(BytesIO(content), formats=("PNG", "JPEG")) as picture:
            warnings.simplefilter("ignore")
            if picture.width * picture.height > PIXELS:
                raise ValueError(f"the logo {path} has more than {PIXELS:,} pixels: make it smaller")
            picture.load()
            return f"image/{str(picture.format).lower()}", picture.size
    except (OSError, SyntaxError) as error:
        raise ValueError(f"the logo {path} is no PNG or JPEG that can be read") from error
