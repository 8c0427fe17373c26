"""How the document looks: one column with lines that can be read, few sizes, one colour."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from plugins.export_pdf.fonts import Face
from plugins.export_pdf.settings import Paper

# Width and height, in points.
PAPERS: dict[Paper, tuple[float, float]] = {"A4": (595.3, 841.9), "Letter": (612, 792)}
SIDE, TOP, BOTTOM = 92, 78, 84
# The column of the narrower paper.
NARROWEST = min(width for width, _height in PAPERS.values()) - 2 * SIDE
FOOTER, FOOT_SIZE = 46, 7.5
# What the title in the footer leaves to the page's number.
PAGE_NUMBER = 90

FONT = """
@font-face {{ font-family: {name}; src: url("{path}"); font-weight: {weight}; }}"""

SHEET = """
@page {{
    size: {width}pt {height}pt;
    @frame text {{ left: {side}pt; top: {top}pt; width: {column}pt; height: {tall}pt; }}
}}
@page rest {{
    size: {width}pt {height}pt;
    @frame text {{ left: {side}pt; top: {top}pt; width: {column}pt; height: {tall}pt; }}
    @frame foot {{ -pdf-frame-content: foot; left: {side}pt; top: {foot}pt; width: {title}pt; height: 16pt; }}
}}
body {{ font-family: {families}; font-size: 9.5pt; line-height: 145%; color: #222222;
    word-wrap: break-word; }}
p {{ margin: 0 0 6pt 0; }}
p.cjk, td.cjk p {{ -pdf-word-wrap: CJK; }}
a {{ color: {accent}; text-decoration: none; }}
b {{ font-weight: bold; }}
h1 {{ font-size: 26pt; line-height: 125%; font-weight: bold; color: {accent}; margin: 0 0 14pt 0;
    -pdf-outline: false; }}
h2 {{ font-size: 15pt; line-height: 130%; font-weight: bold; color: {accent}; margin: 22pt 0 8pt 0;
    -pdf-keep-with-next: true; -pdf-outline: true; -pdf-outline-level: 0; }}
h2.plain {{ -pdf-outline: false; }}
h2.cjk, h1.cjk {{ -pdf-word-wrap: CJK; }}
p.room {{ font-size: 12pt; color: #555555; margin: 0 0 4pt 0; }}
p.house {{ font-size: 10.5pt; color: #555555; margin: 0 0 0 0; }}
p.small {{ font-size: 8pt; color: #666666; margin: 0 0 8pt 0; -pdf-keep-with-next: true; }}
p.last {{ font-size: 8pt; color: #666666; margin: 18pt 0 0 0; }}
p.turn {{ margin: 0 0 7pt 0; }}
.at {{ font-size: 7.5pt; color: #777777; }}
.name {{ color: #666666; }}
hr {{ margin: 0 0 18pt 0; }}
table {{ margin: 0 0 10pt 0; }}
td, th {{ padding: 3pt 8pt 3pt 0; vertical-align: top; }}
td p, th p {{ margin: 0; }}
th {{ text-align: left; font-weight: bold; color: #444444; font-size: 8.5pt;
    border-bottom: 0.75pt solid {accent}; }}
table.rows td {{ font-size: 8.5pt; border-bottom: 0.5pt solid #dddddd; }}
table.narrow td, table.narrow th {{ font-size: 7pt; padding: 2pt 4pt 2pt 0; }}
table.contents td {{ font-size: 10.5pt; padding: 4pt 8pt 4pt 0; border-bottom: 0.5pt solid #dddddd; }}
td.page p {{ text-align: right; }}
.foot {{ font-size: {foot_size}pt; color: #777777; }}
"""


def sheet(faces: Sequence[Face], paper: Paper, accent: str) -> str:
    """All of CSS: pages, fonts, sizes."""
    width, height = PAPERS[paper]
    column = width - 2 * SIDE
    filled = SHEET.format(
        **{"width": width, "height": height, "side": SIDE, "top": TOP, "column": column},
        **{"tall": height - TOP - BOTTOM, "foot": height - FOOTER, "title": column - PAGE_NUMBER},
        **{"foot_size": FOOT_SIZE, "accent": accent},
        families=", ".join(f"f{number}" for number in range(len(faces))),
    )
    return "".join(_fonts(faces)) + filled


def _fonts(faces: Sequence[Face]) -> list[str]:
    made = []
    for number, face in enumerate(faces):
        made.append(_font(number, face.path, "normal"))
        made += [_font(number, face.bold, "bold")] if face.bold else []
    return made


def _font(number: int, path: Path, weight: str) -> str:
    return FONT.format(name=f"f{number}", path=address(path), weight=weight)


def address(path: Path) -> str:
    """A file as CSS names it."""
    return str(path).replace("\\", "\\\\").replace('"', '\\"')
