"""How the PDFs of an institution look, and where further fonts are."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from flask_babel import lazy_gettext as _l

from core.api import setting

Paper = Literal["A4", "Letter"]
COLOUR = re.compile(r"#[0-9A-Fa-f]{6}\Z")
# As WCAG asks of text: the accent is that of links, on white.
LEAST_CONTRAST = 4.5


@dataclass(frozen=True)
class Settings:
    """For the whole installation; logo and fonts are read once, at the start."""

    paper: Paper = setting("A4", label=_l("Paper"), editable=True)
    accent: str = setting(
        "#1f4e79",
        label=_l("Accent colour"),
        help=_l("Of lines, links and the title, like #1f4e79: dark enough to be read on white."),
        editable=True,
    )
    logo: str = setting(
        "", label=_l("Logo"), help=_l("Path of a PNG or JPEG of at most 1 MB, for the first page.")
    )
    font_folders: list[str] = setting(
        factory=list,
        label=_l("Font folders"),
        help=_l("Folders with TrueType fonts of your own: they are taken before all others."),
    )

    def __post_init__(self) -> None:
        if mistakes := list(self._mistakes()):
            raise ValueError("; ".join(mistakes))

    def _mistakes(self) -> Iterator[str]:
        if not COLOUR.match(self.accent):
            yield "'accent' must be a colour like #1f4e79"
        elif _contrast_to_white(self.accent) < LEAST_CONTRAST:
            yield f"'accent' {self.accent} is too light to be read on white: take a darker colour"
        for folder in self.font_folders:
            if not Path(folder).is_dir():
                yield f"'font_folders': there is no folder {folder}"


@dataclass(frozen=True)
class Options:
    """What a person chooses for one PDF."""

    paper: Literal["", "A4", "Letter"] = setting(
        "", label=_l("Paper"), words={"": _l("As the institution says"), "A4": "A4", "Letter": "Letter"}
    )


def _contrast_to_white(colour: str) -> float:
    red, green, blue = (_linear(int(colour[at : at + 2], 16) / 255) for at in (1, 3, 5))
    return 1.05 / (0.2126 * red + 0.7152 * green + 0.0722 * blue + 0.05)


def _linear(part: float) -> float:
    return float(part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4)
