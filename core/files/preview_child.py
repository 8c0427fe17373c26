"""Makes a small picture of a file's content. Runs behind ``walls.py`` only, never in our processes."""

from __future__ import annotations

import io
import math

import pypdfium2
from PIL import ExifTags, Image, ImageOps, MpoImagePlugin  # noqa: F401  what phones make of JPEG

# The panel shows 240 CSS pixels; screens have two for each.
LONGER_SIDE = 480
# A page of A3 scanned at 400 dpi has 31 million, a good camera's picture 50.
PIXELS = 50_000_000
QUALITY = 80

FORMATS = {"image/png": "PNG", "image/jpeg": "JPEG", "image/gif": "GIF", "image/webp": "WEBP"}

# Ours is smaller, and counts what is really decoded.
Image.MAX_IMAGE_PIXELS = None


def main(body: bytes, mime: str) -> bytes | None:
    """A WebP picture, or None where there is nothing to show."""
    picture = _page(body) if mime == "application/pdf" else _image(body, FORMATS[mime])
    return _webp(picture) if picture else None


def _image(body: bytes, format: str) -> Image.Image | None:
    opened = Image.open(io.BytesIO(body), formats=[format])
    # JPEG is decoded smaller at once where that is enough: a picture of 200 million pixels too.
    opened.draft(None, (2 * LONGER_SIDE, 2 * LONGER_SIDE))
    if math.prod(opened.size) > PIXELS:
        return None
    small = _plain(opened)
    small.thumbnail((LONGER_SIDE, LONGER_SIDE))
    return _turned(small)


def _plain(image: Image.Image) -> Image.Image:
    """In the colours that WebP knows."""
    if image.mode.startswith("I"):
        # Sixteen bits of grey; Pillow's own conversion makes all but the darkest white.
        image = image.point(lambda value: value / 256).convert("L")
    mode = "RGBA" if image.has_transparency_data else "RGB"
    return image if image.mode == mode else image.convert(mode)


def _turned(image: Image.Image) -> Image.Image:
    try:
        return ImageOps.exif_transpose(image)
    except (SyntaxError, ValueError):
        # The picture is good, only what a camera wrote about it isn't.
        return image


def _page(body: bytes) -> Image.Image | None:
    """A PDF's first page; fonts that it doesn't bring are replaced by pdfium's own."""
    page = pypdfium2.PdfDocument(body)[0]
    longer = max(page.get_size())
    if not 0 < longer < math.inf:
        return None
    return page.render(scale=LONGER_SIDE / longer).to_pil()


def _webp(picture: Image.Image) -> bytes:
    made = io.BytesIO()
    picture.save(made, "WEBP", quality=QUALITY, exif=b"", xmp=b"", icc_profile=b"")
    return made.getvalue()


def _rehearse() -> None:
    """Take one picture of each kind the whole way: both libraries import as they go, later nothing can be."""
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6
    for mime, format in FORMATS.items():
        for mode in ("L", "P"):
            sample = io.BytesIO()
            Image.new(mode, (2, 2)).convert("L" if format == "JPEG" else mode).save(sample, format, exif=exif)
            main(sample.getvalue(), mime)
    document, sample = pypdfium2.PdfDocument.new(), io.BytesIO()
    document.new_page(2, 2)
    document.save(sample)
    main(sample.getvalue(), "application/pdf")


_rehearse()
