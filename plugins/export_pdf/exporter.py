"""The exporter: package, options and settings in, a PDF out; no network, no database, no app."""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from io import BytesIO
from typing import Any, cast, get_args

from flask_babel import lazy_gettext as _l

from core.api import File, LecturePackage
from plugins.export_pdf import fonts, style
from plugins.export_pdf.document import Document
from plugins.export_pdf.logo import Logo
from plugins.export_pdf.settings import Options, Paper, Settings
from plugins.export_pdf.text import cleaned, texts
from plugins.export_pdf.words import Words

log = logging.getLogger(__name__)
MIME = "application/pdf"
LONGEST_NAME = 80
NOT_IN_A_NAME = re.compile(r"[^\w,.() -]+")


@dataclass
class PdfExporter:
    """Can be sent to another process: it holds plain values only, none of them secret."""

    settings: Settings
    institution: str = ""
    public_url: str = ""
    zone: str = "UTC"
    logo: Logo | None = None

    # Of all of them, not fields: what is sent to another process has no need of words.
    id = "pdf"
    title = _l("PDF")
    description = _l("A document to print or to hand in, with cover and contents.")
    options = Options

    @property
    def reads(self) -> tuple[str, ...]:
        """Where the institution keeps fonts of its own."""
        return tuple(self.settings.font_folders)

    def export(self, package: LecturePackage, options: Mapping[str, Any]) -> File:
        """A PDF of every section. ``options``: ``paper``, A4 or Letter."""
        paper = _paper(options, self.settings.paper)
        pdf = self._drawn(cleaned(package), paper)
        return File(file_name(package), MIME, BytesIO(pdf))

    def _drawn(self, package: LecturePackage, paper: Paper) -> bytes:
        # Their libraries are a second and 28 MB, which web workers that only offer the exporter don't need.
        from plugins.export_pdf import assembly, rendering

        words = Words(package.language, self.zone)
        house = cleaned(self.institution)
        document = Document(package, words, house, self.public_url, self.settings.accent, self.logo)
        choice = _choice(document, self.settings)
        if choice.missing:
            document = replace(document, closing=_said(choice, words))
        sheet = style.sheet(choice.faces, paper, self.settings.accent)
        files = [path for face in choice.faces for path in face.files]
        instead = dict(choice.instead)
        meta = {"title": document.title, "author": document.institution}
        whole = rendering.render(document.html(sheet).translate(instead), files, meta)
        pages = assembly.pages_of(whole)
        front = rendering.render(document.front(sheet, pages).translate(instead), files, meta)
        return assembly.joined(whole, front)


def file_name(package: LecturePackage) -> str:
    """Title and date, without what some system can't have in a name."""
    title = " ".join(NOT_IN_A_NAME.sub(" ", package.title).split())[:LONGEST_NAME].strip(" .")
    return f"{title or 'lecture'} {package.started_at:%Y-%m-%d}.pdf"


def _paper(options: Mapping[str, Any], default: Paper) -> Paper:
    known = get_args(Paper)
    if strange := sorted(set(options) - {"paper"}):
        raise ValueError(f"The PDF has no option {strange[0]!r}; it has: paper.")
    chosen = options.get("paper") or default
    if chosen not in known:
        raise ValueError(f"The paper must be one of {', '.join(known)}.")
    return cast(Paper, chosen)


def _choice(document: Document, settings: Settings) -> fonts.Choice:
    own = document.html("")
    wanted = frozenset(map(ord, own)) | frozenset(map(ord, "".join(texts(document.package))))
    return fonts.choose(wanted - {ord("\n")}, settings.font_folders)


def _said(choice: fonts.Choice, words: Words) -> str:
    names = fonts.names_of(choice.missing)
    log.warning("no font for %d characters (%s): %s", len(choice.missing), names, fonts.REMEDY)
    return words.gettext(
        "Characters for which the server has no font: %(count)s. %(mark)s stands in their place.",
        count=len(choice.missing),
        mark=choice.mark,
    )
