"""The words of documents and slides, taken out behind walls."""

from __future__ import annotations

import io
import zipfile

import pypdfium2
import pytest

from core.files import previews

PPTX = "application/vnd.openxmlformats-officedocument.presentationml.presentation"
DOCX = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"


def office(parts: dict[str, str]) -> io.BytesIO:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    made.seek(0)
    return made


def pdf() -> io.BytesIO:
    """A page without a text; that of one with a text is tried in the browser."""
    document, made = pypdfium2.PdfDocument.new(), io.BytesIO()
    document.new_page(100, 100)
    document.save(made)
    made.seek(0)
    return made


def test_plain_text_comes_line_by_line() -> None:
    assert previews.read_text(io.BytesIO("Grüße  an\n\nEmmy".encode()), "text/plain") == "Grüße an\nEmmy"


def test_slides_come_in_their_order() -> None:
    slide = '<s xmlns:a="urn:a"><a:p><a:r>{}</a:r> <a:r>axioms</a:r></a:p></s>'
    parts = {f"ppt/slides/slide{n}.xml": slide.format(f"Slide{n}") for n in (10, 2, 1)}
    assert previews.read_text(office({**parts, "ppt/notes.xml": "<p>no</p>"}), PPTX) == (
        "Slide1 axioms\nSlide2 axioms\nSlide10 axioms"
    )


def test_documents_come_by_paragraphs() -> None:
    content = '<w:d xmlns:w="urn:w"><w:p><w:t>One</w:t></w:p><w:p><w:t>Two</w:t></w:p></w:d>'
    assert previews.read_text(office({"word/document.xml": content}), DOCX) == "One\nTwo"


@pytest.mark.parametrize(
    ("content", "mime"),
    [
        (b"", "text/plain"),
        (b"%PDF-1.7 broken", "application/pdf"),
        (b"PK\x03\x04 broken", PPTX),
        (b"\x89PNG", "image/png"),
    ],
)
def test_what_has_no_words_gives_none(content: bytes, mime: str) -> None:
    assert previews.read_text(io.BytesIO(content), mime) == ""


def test_a_page_without_text_has_no_words() -> None:
    assert previews.read_text(pdf(), "application/pdf") == ""


def test_a_bomb_of_entities_or_bytes_ends_quietly() -> None:
    entities = "".join(f'<!ENTITY e{n} "{f"&e{n - 1};" * 10}">' for n in range(1, 12))
    laughs = f'<!DOCTYPE x [<!ENTITY e0 "ha">{entities}]><p>&e11;</p>'
    assert previews.read_text(office({"word/document.xml": laughs}), DOCX) == ""
    flat = office({"word/document.xml": "<p>" + "a" * 60_000_000 + "</p>"})
    assert len(previews.read_text(flat, DOCX)) <= 200_000
