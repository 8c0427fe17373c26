"""Makes the bold face of headings from the variable Noto Sans, once: `python -m plugins.export_pdf.bold`."""

from __future__ import annotations

import sys
from pathlib import Path

from plugins.export_pdf import fonts

SOURCE, TARGET = "NotoSans[wght].ttf", "NotoSans-Bold.ttf"
# By their numbers in the table of names. ReportLab takes two fonts of one name for the same.
NAMES = {2: "Bold", 4: "Noto Sans Bold", 6: "NotoSans-Bold"}
# What xhtml2pdf doesn't read; without it the work takes a second instead of half a minute.
UNUSED = ("GSUB", "GPOS", "GDEF", "MVAR", "STAT", "HVAR", "meta")


def main() -> None:
    """Write it where the exporter looks."""
    source = next((path for path in fonts.packaged() if path.name == SOURCE), None)
    if source is None:
        sys.exit(f"{SOURCE} is not installed: headings will be of the regular face")
    fonts.MADE.mkdir(parents=True, exist_ok=True)
    make(source, fonts.MADE / TARGET)


def make(source: Path, target: Path) -> None:
    """The heavy instance of a variable font, as a font of its own."""
    from fontTools.ttLib import TTFont
    from fontTools.varLib.instancer import instantiateVariableFont

    font = TTFont(source)
    for table in UNUSED:
        if table in font:
            del font[table]
    made = instantiateVariableFont(font, {"wght": 700})
    for number, name in NAMES.items():
        made["name"].removeNames(nameID=number)
        made["name"].setName(name, number, 3, 1, 0x409)
    made.save(target)


if __name__ == "__main__":
    main()
