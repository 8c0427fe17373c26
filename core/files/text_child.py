"""Takes the words out of a file's content. Runs behind ``walls.py`` only, never in our processes."""

from __future__ import annotations

import codecs
import io
import zipfile
from collections.abc import Iterator
from xml.etree import ElementTree

import pypdfium2

# A page of slides has some hundred characters; terms stand on the first ones as often as on the last.
PAGES = 300
CHARACTERS = 200_000
# Of one part of an office file, unpacked: a slide has 10 KB, a long text some MB.
LARGEST_PART = 20_000_000
PARTS = ("ppt/slides/slide", "word/document.xml", "content.xml")
PARAGRAPHS = frozenset({"p", "h"})


def main(body: bytes, mime: str) -> bytes | None:
    """The words as UTF-8, a paragraph or a line of a page on each line; None where there are none."""
    made: list[str] = []
    size = 0
    for line in _lines(body, mime):
        words = " ".join(line.split())
        if words:
            made.append(words)
            size += len(words) + 1
        if size > CHARACTERS:
            break
    text = "\n".join(made)[:CHARACTERS]
    return text.encode("utf-8", "replace") or None


def _lines(body: bytes, mime: str) -> Iterator[str]:
    if mime == "application/pdf":
        return _of_pdf(body)
    if mime.startswith("text/"):
        return iter(body[: 4 * CHARACTERS].decode("utf-8", "replace").splitlines())
    return _of_office(body)


def _of_pdf(body: bytes) -> Iterator[str]:
    document = pypdfium2.PdfDocument(body)
    for number in range(min(len(document), PAGES)):
        yield from document[number].get_textpage().get_text_bounded().splitlines()


def _of_office(body: bytes) -> Iterator[str]:
    with zipfile.ZipFile(io.BytesIO(body)) as archive:
        for part in _in_order(archive):
            with archive.open(part) as file:
                content = file.read(LARGEST_PART)
            for element in ElementTree.fromstring(content).iter():  # noqa: S314  (behind walls)
                if element.tag.rpartition("}")[2] in PARAGRAPHS:
                    yield "".join(element.itertext())


def _in_order(archive: zipfile.ZipFile) -> list[str]:
    names = [name for name in archive.namelist() if name.endswith(".xml") and name.startswith(PARTS)]
    return sorted(names, key=lambda name: (len(name), name))[:PAGES]


# What pdfium's texts, and names and parts of archives, are written in.
ENCODINGS = ("utf-16-le", "utf-16", "utf-8", "cp437", "latin-1", "ascii")


def _rehearse() -> None:
    """Take each kind the whole way once: libraries import as they go, later nothing can be."""
    for encoding in ENCODINGS:
        codecs.lookup(encoding)
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("content.xml", "<a><p>word</p></a>")
    main(made.getvalue(), "application/zip")
    document, sample = pypdfium2.PdfDocument.new(), io.BytesIO()
    document.new_page(2, 2)
    document.save(sample)
    main(sample.getvalue(), "application/pdf")
    main(b"word \xff", "text/plain")


_rehearse()
