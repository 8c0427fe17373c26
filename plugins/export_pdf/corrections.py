"""Three faults of the libraries that would spoil a document, put right."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from reportlab.pdfbase import ttfonts
from xhtml2pdf import util
from xhtml2pdf.reportlab_paragraph import Paragraph, cjkFragSplit

HEAD = """/CIDInit /ProcSet findresource begin
12 dict begin
begincmap
/CIDSystemInfo << /Registry ({name}) /Ordering ({name}) /Supplement 0 >> def
/CMapName /{name} def
/CMapType 2 def
1 begincodespacerange
<00> <{last:02X}>
endcodespacerange
"""
TAIL = "endcmap\nCMapName currentdict /CMap defineresource pop\nend\nend"
# As many as the format allows in one block.
BLOCK = 100


def correct() -> None:
    """From now on, in this process."""
    # Characters beyond the first plane, all emoji, are written with five digits: readers take four, and
    # search and copy something else.
    ttfonts.makeToUnicodeCMap = character_map
    # What is left of a paragraph for the next page, if of one font, is handed on as text and taken for bytes.
    Paragraph.breakLinesCJK = break_lines
    # Arabic loses its vowel signs by default, and with them what is poetry, scripture or a lesson in reading.
    library = util.arabic_reshaper
    library.reshape = library.ArabicReshaper({"delete_harakat": False}).reshape
    util._plain_reshaper = library.ArabicReshaper({"delete_harakat": False, "support_ligatures": False})


def break_lines(paragraph: Any, width: Any, usual: Any = Paragraph.breakLinesCJK) -> Any:
    """Lines of Chinese or Japanese, by the way that is right for several fonts and for one."""
    frags = paragraph.frags
    if len(frags) != 1 or not hasattr(frags[0], "text") or getattr(paragraph, "_splitpara", False):
        return usual(paragraph, width)
    widths = width if isinstance(width, list | tuple) else [width]
    return cjkFragSplit(frags, widths, True, paragraph.encoding)


def character_map(name: str, subset: Sequence[int]) -> str:
    """The map of one font, in UTF-16 as PDF has it."""
    rows = [f"<{at:02X}> <{_utf16(code)}>\n" for at, code in enumerate(subset)]
    blocks = (rows[at : at + BLOCK] for at in range(0, len(rows), BLOCK))
    body = "".join(f"{len(block)} beginbfchar\n{''.join(block)}endbfchar\n" for block in blocks)
    return HEAD.format(name=name, last=len(subset) - 1) + body + TAIL


def _utf16(code: int) -> str:
    return chr(code).encode("utf-16-be", "surrogatepass").hex().upper()
