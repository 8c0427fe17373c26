"""Lectures to export, and what is to be read in their PDFs."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pypdfium2
import pytest

from core.contracts import LecturePackage, Section
from plugins.export_pdf.exporter import PdfExporter
from plugins.export_pdf.settings import Settings

# What xhtml2pdf says when something is left out of the document.
LEFT_OUT = ("Blocked by the resource policy", "No font this document has can draw", "could not read")


def lecture(*sections: Section, **changed: Any) -> LecturePackage:
    """A lecture of ninety minutes."""
    made = LecturePackage(
        id="one",
        title="Determinants",
        room_title="Linear Algebra II",
        started_at=datetime(2026, 5, 4, 8, 15, tzinfo=UTC),
        ended_at=datetime(2026, 5, 4, 9, 45, tzinfo=UTC),
        language="en",
        sections=sections,
    )
    return replace(made, **changed)


def read(pdf: bytes) -> list[str]:
    """The text of every page."""
    document = pypdfium2.PdfDocument(pdf)
    pages = [page.get_textpage().get_text_range().replace("\r\n", "\n") for page in document]
    document.close()
    return pages


@pytest.fixture
def export(caplog: pytest.LogCaptureFixture) -> Iterator[Callable[..., bytes]]:
    """``export(package, options)``: the PDF; nothing may have been left out of it."""
    exporter = PdfExporter(Settings(), "University of Somewhere", "https://audimax.uni.example")

    def export(package: LecturePackage, /, using: PdfExporter = exporter, **options: Any) -> bytes:
        made = using.export(package, options)
        with made.body:
            return made.body.read()

    with caplog.at_level(logging.WARNING):
        yield export
    said = [record.getMessage() for record in caplog.get_records("call")]
    assert not [line for line in said if any(words in line for words in LEFT_OUT)]


@pytest.fixture
def text(export: Callable[..., bytes]) -> Callable[..., str]:
    """``text(section, …)``: all that can be read in the PDF of a lecture with these sections."""
    return lambda *sections, **changed: "\n".join(read(export(lecture(*sections, **changed))))
