"""What is shown while there is no picture: the lecture's title, or nothing."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from av import VideoFrame
from PIL import Image, ImageDraw, ImageFont

from plugins.recording.recorder.picture import Picture, Size

PAPER, INK = (24, 28, 36), (235, 238, 243)
# Of the height of the picture.
LETTERS = 1 / 14
MARGIN = 1 / 12
MOST_LINES = 4
# Pillow's own font has the letters of Latin script and punctuation; others would be empty boxes.
LAST_OF_LATIN = "\u024f"
PUNCTUATION = range(0x2010, 0x2040)


def title_card(title: str, size: Size, font: Path | None = None) -> Picture:
    """The title in the middle of a dark picture. ``font``: a file that has its letters, if it isn't Latin.

    Without such a font a title in another script is left out.
    """
    image = Image.new("RGB", (size.width, size.height), PAPER)
    words = title.split() if font is not None or _is_latin(title) else []
    if words:
        letters = max(8, round(size.height * LETTERS))
        drawn = ImageFont.truetype(str(font), letters) if font else ImageFont.load_default(letters)
        draw = ImageDraw.Draw(image)
        room = size.width * (1 - 2 * MARGIN)
        lines = _lines(words, lambda text: draw.textlength(text, font=drawn) <= room)
        middle = (size.width / 2, size.height / 2)
        draw.multiline_text(middle, "\n".join(lines), fill=INK, font=drawn, anchor="mm", align="center")
    frame = VideoFrame.from_image(image).reformat(format="yuv420p")
    return Picture.from_i420(frame.to_ndarray().tobytes(), size.width, size.height)


def _is_latin(title: str) -> bool:
    return all(one <= LAST_OF_LATIN or ord(one) in PUNCTUATION for one in title)


def _lines(words: list[str], fits: Callable[[str], bool]) -> list[str]:
    lines: list[str] = []
    for word in words:
        longer = f"{lines[-1]} {word}" if lines else word
        if lines and fits(longer):
            lines[-1] = longer
        else:
            lines.append(word)
    if len(lines) > MOST_LINES:
        lines = [*lines[: MOST_LINES - 1], f"{lines[MOST_LINES - 1]} …"]
    return lines
