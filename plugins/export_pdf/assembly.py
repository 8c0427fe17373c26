"""The finished file: contents that know their pages, and every page numbered."""

from __future__ import annotations

from io import BytesIO

from pypdf import PageObject, PdfReader, PdfWriter
from pypdf.generic import ArrayObject, Destination, NameObject, StreamObject
from reportlab.pdfbase.pdfmetrics import stringWidth

from plugins.export_pdf.document import Pages
from plugins.export_pdf.style import FOOT_SIZE, FOOTER, SIDE

# Every page that ReportLab makes knows it by this name: Helvetica, which each reader has.
FONT, FONT_NAME = "/F1", "Helvetica"
GREY = 0.467
BASELINE = FOOTER - 8.6


def pages_of(pdf: bytes) -> Pages:
    """Where the sections came to lie: their headings, and no others, are the PDF's outline."""
    reader = PdfReader(BytesIO(pdf))
    places = [place for place in reader.outline if isinstance(place, Destination)]
    begins = [(reader.get_destination_page_number(place) or 0) + 1 for place in places]
    return Pages(tuple(begins), len(reader.pages))


def joined(pdf: bytes, front: bytes) -> bytes:
    """``pdf`` with what is drawn on the pages of ``front``, which has the same layout, and with numbers.

    Laying out everything a second time, for the numbers in its contents alone, would take twice as long.
    """
    writer = PdfWriter(clone_from=BytesIO(pdf))
    drawn = PdfReader(BytesIO(front)).pages
    for page, better in zip(writer.pages, drawn, strict=False):
        for part in ("/Contents", "/Resources"):
            page[NameObject(part)] = better.raw_get(part).clone(writer)
    for number, page in enumerate(writer.pages[1:], 2):
        _draw(writer, page, f"{number} / {len(writer.pages)}")
    made = BytesIO()
    writer.write(made)
    return made.getvalue()


def _draw(writer: PdfWriter, page: PageObject, number: str) -> None:
    """The number at the right of the footer."""
    at = float(page.mediabox.width) - SIDE - stringWidth(number, FONT_NAME, FOOT_SIZE)
    text = f"BT {GREY} g {FONT} {FOOT_SIZE} Tf {at:.2f} {BASELINE:.2f} Td ({number}) Tj ET"
    before = page.raw_get("/Contents")
    parts = (_stream(writer, "q"), before, _stream(writer, f"Q {text}"))
    page[NameObject("/Contents")] = ArrayObject(parts)


def _stream(writer: PdfWriter, content: str) -> object:
    stream = StreamObject()
    stream.set_data(content.encode("ascii"))
    return writer._add_object(stream)
