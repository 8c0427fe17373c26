"""A lecture as one HTML document: cover, contents, every section, what could not be shown."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from html import escape

from core.api import LecturePackage, Section
from plugins.export_pdf.logo import Logo
from plugins.export_pdf.sections import Setting, blocks, opening, pairs, paragraph, portions
from plugins.export_pdf.text import lines, shortened
from plugins.export_pdf.words import Words

LONGEST_FOOTER = 70
LONGEST_TITLE = 300


@dataclass(frozen=True)
class Pages:
    """On which page each section begins, and how many there are; unknown at first."""

    begins: tuple[int, ...]
    count: int

    def of(self, at: int) -> str:
        """The page of a section, as it is printed."""
        return str(self.begins[at]) if at < len(self.begins) else ""


UNKNOWN = Pages((), 0)


@dataclass(frozen=True)
class Document:
    """Everything that is drawn, cleaned; ``closing`` are words at its end."""

    package: LecturePackage
    words: Words
    institution: str
    public_url: str
    accent: str
    logo: Logo | None
    closing: str = ""

    def html(self, style: str) -> str:
        """The whole of it, without the pages in its contents."""
        return self._html(style, (*self._front(UNKNOWN), *self._sections()))

    def front(self, style: str, pages: Pages) -> str:
        """Cover and contents alone, which then know their pages."""
        return self._html(style, self._front(pages))

    def _html(self, style: str, parts: Iterable[str]) -> str:
        lang = f'lang="{escape(self.words.tag)}"'
        return f"<html {lang}><head><style>{style}</style></head><body>{''.join(parts)}</body></html>"

    @property
    def title(self) -> str:
        return self.package.title.strip() or self.package.room_title.strip() or "–"

    def _front(self, pages: Pages) -> Iterator[str]:
        yield f'<div id="foot">{paragraph(shortened(self.title, LONGEST_FOOTER), "foot")}</div>'
        yield '<pdf:nexttemplate name="rest"/>'
        yield from self._cover()
        yield from self._contents(pages)

    def _cover(self) -> Iterator[str]:
        if self.logo:
            size = f'width="{self.logo.width:.1f}pt" height="{self.logo.height:.1f}pt"'
            yield f'<p><img src="{self.logo.address}" {size}/></p>'
        yield paragraph(self.institution, "house")
        yield f'<pdf:spacer height="70pt"/><hr color="{self.accent}" size="1pt"/>'
        yield heading(shortened(self.title, LONGEST_TITLE), "h1")
        yield pairs([*self._facts()])

    def _facts(self) -> Iterator[tuple[str, str]]:
        words, lecture = self.words, self.package
        yield words.gettext("Room"), shortened(lecture.room_title, LONGEST_TITLE)
        yield words.gettext("Date"), words.date(lecture.started_at)
        if lecture.ended_at:
            yield (
                words.gettext("Time"),
                f"{words.time(lecture.started_at)} – {words.time(lecture.ended_at)}",
            )
            yield words.gettext("Length"), words.length(lecture.ended_at - lecture.started_at)
        else:
            yield words.gettext("Time"), words.time(lecture.started_at)

    def _contents(self, pages: Pages) -> Iterator[str]:
        if not self.package.sections:
            yield paragraph(self.words.gettext("Nothing was kept of this lecture."))
            return
        yield "<pdf:spacer height='26pt'/>"
        yield heading(self.words.gettext("Contents"), "h2", "plain")
        entries = [*enumerate(self.package.sections)]
        for some in portions(entries):
            rows = "".join(
                _entry(section, anchor(at) if pages is UNKNOWN else "", pages.of(at)) for at, section in some
            )
            yield f'<table class="contents">{rows}</table>'

    def _sections(self) -> Iterator[str]:
        setting = Setting(self.words, self.public_url)
        yield "<pdf:nextpage/>" if self.package.sections else ""
        for at, section in enumerate(self.package.sections):
            yield f'<a name="{anchor(at)}"></a>{heading(_title(section), "h2")}'
            yield from blocks(section, setting)
        if self.closing:
            yield paragraph(self.closing, "last")


def anchor(at: int) -> str:
    """The name of the place where a section begins."""
    return f"section{at}"


def heading(text: str, tag: str, kind: str = "") -> str:
    """A heading in the direction of its text."""
    return f"{opening(tag, text, kind)}{lines(text)}</{tag}>"


def _title(section: Section) -> str:
    return shortened(section.title.strip() or "–", LONGEST_TITLE)


def _entry(section: Section, name: str, page: str) -> str:
    """A line of the contents. It leads nowhere where they are drawn without the sections."""
    title = _title(section)
    place = f' href="#{name}"' if name else ""
    linked = f"{opening('p', title)}<a{place}>{lines(title)}</a></p>"
    return f'<tr><td width="88%">{linked}</td><td width="12%" class="page"><p>{page}</p></td></tr>'
