"""Every type of section as HTML, in paragraphs that may break over pages."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from html import escape
from typing import Any, TypeVar
from urllib.parse import urljoin, urlsplit

from core.api import (
    Audience,
    Facts,
    FileEntry,
    Files,
    Line,
    Prose,
    Section,
    Table,
    Timeline,
    direction,
    file_size,
)
from plugins.export_pdf.style import NARROWEST
from plugins.export_pdf.text import breaks_anywhere, lines, pieces, shortened
from plugins.export_pdf.words import Words, elapsed

T = TypeVar("T")
# After so many characters the same speaker gets a new paragraph, with the time at which it begins.
TURN = 900
# A table is laid out at once, so a long one becomes several; more than this nobody reads on paper.
ROWS_OF_A_TABLE = 250
MOST_ROWS = 1000
MOST_COLUMNS = 12
NARROW = 6
# A row that is higher than a page can't be drawn: so many lines of the widest letters, in points.
LINES_OF_A_CELL, WIDEST_LETTER = 18, 11
# Of a column, in letters.
LEAST_WIDTH, MOST_WIDTH = 6, 40
LONGEST_FACT = 240
LONGEST_URL = 2000


@dataclass(frozen=True)
class Setting:
    """What sections need to know of the document: its words, and where its site is."""

    words: Words
    public_url: str


def blocks(section: Section, setting: Setting) -> Iterator[str]:
    """The section below its heading."""
    words = setting.words
    if section.audience is Audience.HOSTS:
        yield paragraph(words.gettext("Only hosts can read this part."), "small")
    if section.note.strip():
        yield paragraph(section.note, "small")
    made = [*_blocks(section, setting)]
    yield from made or [paragraph(words.gettext("There is nothing here."), "small")]


def _blocks(section: Section, setting: Setting) -> Iterator[str]:
    makers: Mapping[type[Section], Callable[[Any, Setting], Iterator[str]]] = {
        Prose: _prose,
        Timeline: _timeline,
        Facts: _facts,
        Table: _table,
        Files: _files,
    }
    maker = next((maker for kind, maker in makers.items() if isinstance(section, kind)), None)
    return maker(section, setting) if maker else iter(())


def paragraph(text: str, kind: str = "") -> str:
    """A text in its direction; a very long one in several paragraphs."""
    return "".join(_paragraph(lines(piece), piece, kind) for piece in pieces(text))


def _paragraph(html: str, text: str, kind: str = "") -> str:
    begin = opening("p", text, kind)
    # Where lines are broken anywhere, xhtml2pdf knows no <br/>.
    return begin + (html.replace("<br/>", f"</p>{begin}") if breaks_anywhere(text) else html) + "</p>"


def opening(tag: str, text: str, kind: str = "") -> str:
    """The tag of a paragraph or heading, with what its text needs."""
    kinds = f"{kind} cjk".strip() if breaks_anywhere(text) else kind
    named = f' class="{kinds}"' if kinds else ""
    turned = ' dir="rtl"' if direction(text) == "rtl" else ""
    return f"<{tag}{named}{turned}>"


def _prose(section: Prose, _setting: Setting) -> Iterator[str]:
    return (paragraph(text) for text in section.paragraphs if text.strip())


# --- what was said --------------------------------------------------------------------


def _timeline(section: Timeline, setting: Setting) -> Iterator[str]:
    whose = None
    for turn in _turns(section.lines):
        yield _turn(turn, setting.words, is_new=_whose(turn) != whose)
        whose = _whose(turn)


def _whose(line: Line) -> tuple[str, bool]:
    return line.speaker, line.by_host


def _turns(given: Sequence[Line]) -> Iterator[Line]:
    """Lines that follow one another are one, where they have the same speaker."""
    texts: list[str] = []
    first: Line | None = None
    for line in given:
        if first and (_whose(line) != _whose(first) or sum(map(len, texts)) > TURN):
            yield replace(first, text=" ".join(texts))
            first, texts = None, []
        first = first or line
        texts.append(line.text.strip())
    if first:
        yield replace(first, text=" ".join(texts))


def _turn(turn: Line, words: Words, *, is_new: bool) -> str:
    at = f'<span class="at">{elapsed(turn.at)}</span>'
    head = f"{_name(turn, words)}{at}" if is_new else at
    first, *rest = pieces(turn.text) or [""]
    return _paragraph(f"{head} {lines(first)}", turn.text, "turn") + "".join(map(paragraph, rest))


def _name(turn: Line, words: Words) -> str:
    if not turn.speaker.strip():
        return ""
    name = shortened(turn.speaker, LONGEST_FACT)
    shown = words.gettext("%(name)s (host)", name=name) if turn.by_host else name
    return f"<b>{lines(shown)}</b> "


# --- pairs, files, tables -------------------------------------------------------------


def _facts(section: Facts, _setting: Setting) -> Iterator[str]:
    if all(len(name) + len(value) <= LONGEST_FACT for name, value in section.facts):
        for some in portions(section.facts):
            yield pairs(some)
    else:
        for name, value in section.facts:
            yield _paragraph(f"<b>{lines(shortened(name, LONGEST_FACT))}</b>", name, "small") + paragraph(
                value
            )


def portions(rows: Sequence[T]) -> Iterator[Sequence[T]]:
    """What goes into one table each."""
    return (rows[at : at + ROWS_OF_A_TABLE] for at in range(0, len(rows), ROWS_OF_A_TABLE))


def pairs(facts: Sequence[tuple[str, str]]) -> str:
    """Names on the left, values on the right."""
    rows = "".join(
        f'<tr><td width="30%">{paragraph(name, "name")}</td><td width="70%">{paragraph(value)}</td></tr>'
        for name, value in facts
    )
    return f"<table>{rows}</table>" if rows else ""


def _files(section: Files, setting: Setting) -> Iterator[str]:
    for file in section.files:
        url = _address(file, setting.public_url)
        name = lines(shortened(file.name, LONGEST_FACT))
        linked = f'<a href="{escape(url)}">{name}</a>' if url else name
        size = f'<span class="at">{escape(file_size(file.size, setting.words.locale))}</span>'
        yield _paragraph(f"{linked} {size}", file.name)


def _address(file: FileEntry, public_url: str) -> str:
    """Where the file is, if that can be said: only what begins with http leads anywhere from a PDF."""
    try:
        url = urljoin(public_url, file.url) if public_url else file.url
        parts = urlsplit(url)
    except ValueError:
        return ""
    usable = url.isascii() and url.isprintable() and not set(url) & set(" \\<>\"'`")
    is_web = parts.scheme in ("http", "https") and bool(parts.hostname)
    return url if usable and is_web and len(url) <= LONGEST_URL else ""


def _table(section: Table, setting: Setting) -> Iterator[str]:
    columns = section.columns[:MOST_COLUMNS]
    shown = section.rows[:MOST_ROWS] if columns else ()
    widths = _widths(columns, shown)
    for rows in portions(shown):
        yield _rows(columns, rows, widths)
    if len(section.rows) > len(shown):
        left = len(section.rows) - len(shown)
        yield paragraph(setting.words.gettext("Rows that are not shown: %(count)s.", count=left), "small")
    if len(section.columns) > len(columns):
        left = len(section.columns) - len(columns)
        yield paragraph(setting.words.gettext("Columns that are not shown: %(count)s.", count=left), "small")


def _rows(columns: Sequence[str], rows: Sequence[Sequence[str]], widths: Sequence[int]) -> str:
    kind = "rows narrow" if len(columns) > NARROW else "rows"
    limits = [_limit(width) for width in widths]
    named = zip(columns, widths, limits, strict=True)
    head = "".join(f'<th width="{width}%">{_cell(name, limit)}</th>' for name, width, limit in named)
    body = "".join(_row(row, limits) for row in rows)
    return f'<table class="{kind}" repeat="1"><tr>{head}</tr>{body}</table>'


def _limit(percent: int) -> int:
    """How many letters find room in a cell."""
    return LINES_OF_A_CELL * max(1, int(NARROWEST * percent / 100 / WIDEST_LETTER))


def _row(cells: Sequence[str], limits: Sequence[int]) -> str:
    shown = zip(cells, limits, strict=False)
    return "<tr>" + "".join(f"<td>{_cell(cell, limit)}</td>" for cell, limit in shown) + "</tr>"


def _cell(text: str, limit: int) -> str:
    text = shortened(text.strip(), limit)
    # Most cells need no paragraph of their own, which takes its time.
    return lines(text) if text.isascii() else paragraph(text)


def _widths(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> list[int]:
    """In percent, by what is usually in a column."""
    needs = []
    for at, name in enumerate(columns):
        lengths = sorted(len(row[at]) for row in rows if at < len(row)) or [0]
        usual = lengths[int(len(lengths) * 0.9) - 1] if len(lengths) > 1 else lengths[0]
        needs.append(min(max(usual, min(len(name), 12), LEAST_WIDTH), MOST_WIDTH))
    return [100 * need // sum(needs) for need in needs]
