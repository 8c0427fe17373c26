"""What a professor finds in the PDF of a lecture."""

from __future__ import annotations

import pickle
import re
import subprocess
import sys
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import pypdfium2
import pytest
from pypdf import PdfReader

from core.contracts import Audience, Facts, FileEntry, Files, Line, Prose, Table, Timeline
from core.http.i18n import compile_catalogues
from core.testing import sample_package
from plugins.export_pdf.exporter import PdfExporter, file_name
from plugins.export_pdf.settings import Settings
from tests.plugins.export_pdf.conftest import lecture, read

Text = Callable[..., str]
Export = Callable[..., bytes]
ROOT = Path(__file__).resolve().parents[3]
WORDS = "the determinant of a matrix tells how volumes change "


def test_the_cover_says_what_it_is(export: Export) -> None:
    cover = read(export(lecture(Prose("s", "Summary", paragraphs=("It was good.",)))))[0]
    for words in (
        "University of Somewhere",
        "Determinants",
        "Linear Algebra II",
        "4 May 2026",
        "08:15 – 09:45",
        "1 h 30 min",
    ):
        assert words in cover


def test_a_lecture_that_goes_on_has_no_end_yet(text: Text) -> None:
    cover = text(ended_at=None)
    assert "08:15" in cover and "Length" not in cover


def test_times_are_those_of_the_institution() -> None:
    made = PdfExporter(Settings(), zone="Europe/Berlin").export(lecture(), {})
    assert "10:15" in read(made.body.read())[0]


def test_prose_keeps_its_paragraphs_and_its_small_print(text: Text) -> None:
    found = text(Prose("s", "Summary", note="A machine wrote this.", paragraphs=("First.", "Second.")))
    assert re.search(r"Summary\s+A machine wrote this\.\s+First\.\s+Second\.", found)


def test_a_part_for_hosts_says_so(text: Text) -> None:
    assert "Only hosts can read this part." in text(Prose("s", "Notes", Audience.HOSTS, paragraphs=("x",)))
    assert "Only hosts" not in text(Prose("s", "Notes", paragraphs=("x",)))


def test_lines_of_one_speaker_are_one_paragraph(text: Text) -> None:
    lines = (
        Line(3, "Emmy", "Good morning."),
        Line(9, "Emmy", "We begin."),
        Line(3725.9, "Ann", "Why?"),
        Line(3730, "Emmy", "Because."),
    )
    found = text(Timeline("t", "Transcript", lines=lines))
    assert "Emmy 0:00:03 Good morning. We begin." in found
    assert "Ann 1:02:05 Why?" in found
    assert "Emmy 1:02:10 Because." in found


def test_a_host_has_a_mark_beside_the_name(text: Text) -> None:
    lines = (Line(3, "Emmy", "Good morning.", by_host=True), Line(9, "Emmy", "I am called so too."))
    found = text(Timeline("t", "Transcript", lines=lines))
    assert "Emmy (host) 0:00:03 Good morning." in found and "Emmy 0:00:09 I am called so too." in found


def test_who_talks_long_gets_new_paragraphs_with_their_times(text: Text) -> None:
    found = text(Timeline("t", "Talk", lines=tuple(Line(60 * at, "Emmy", WORDS * 8) for at in range(9))))
    assert found.count("Emmy") == 1
    assert "0:03:00" in found and "0:01:00" not in found


def test_facts_stand_beside_their_names(text: Text) -> None:
    found = text(Facts("f", "Facts", facts=(("People", "42"), ("Words", WORDS * 20))))
    assert "People\n42" in found
    assert found.count("determinant") == 20


def test_a_long_table_is_shown_up_to_a_bound_that_is_named(text: Text) -> None:
    rows = tuple((f"Student {at}", "90 min") for at in range(1003))
    found = text(Table("p", "People", columns=("Name", "Present"), rows=rows))
    assert "Student 0 90 min" in found and "Student 999 90 min" in found
    assert "Student 1000 " not in found and "Rows that are not shown: 3." in found


def test_a_wide_table_with_long_cells_fits_on_the_page(export: Export) -> None:
    columns = tuple(f"Column {at}" for at in range(15))
    row = tuple("x" * 5000 for _ in columns)
    pdf = export(lecture(Table("w", "Wide", columns=columns, rows=(row, row[:3]))))
    assert "Columns that are not shown: 3." in "".join(read(pdf))
    assert _is_inside(pdf)


def test_files_have_a_size_and_lead_to_where_they_are(export: Export) -> None:
    files = (
        FileEntry("slides.pdf", "application/pdf", 2_500_000, "/lectures/1/files/2"),
        FileEntry("notes.pdf", "application/pdf", 12, "https://x.example/2?a=1&b=2"),
        FileEntry("evil.pdf", "application/pdf", 1536, "javascript:alert(1)"),
        FileEntry("local.pdf", "application/pdf", 0, "file:///etc/passwd"),
    )
    pdf = export(lecture(Files("f", "Files", files=files)))
    found = "".join(read(pdf))
    assert "slides.pdf 2.5 MB" in found and "notes.pdf 12 B" in found and "evil.pdf 1.5 KB" in found
    assert _links(pdf) == {"https://audimax.uni.example/lectures/1/files/2", "https://x.example/2?a=1&b=2"}


def test_without_an_address_of_the_site_its_files_have_no_link() -> None:
    package = lecture(Files("f", "Files", files=(FileEntry("a.pdf", "x/y", 1, "/files/1"),)))
    assert _links(PdfExporter(Settings()).export(package, {}).body.read()) == set()


@pytest.mark.parametrize("count", [3, 25, 70])
def test_the_contents_name_the_page_of_every_section(export: Export, count: int) -> None:
    sections = [
        Prose(f"s{at}", f"Part number {at}", paragraphs=(WORDS * (5 + 40 * at % 90),)) for at in range(count)
    ]
    pages = read(export(lecture(*sections)))
    named = dict(re.findall(r"(Part number \d+)[ \n](\d+)(?=\n|$)", "\n".join(pages)))
    assert len(named) == count
    for title, page in named.items():
        assert re.search(rf"^{title}$", pages[int(page) - 1], re.M), f"{title} is not on page {page}"


def test_the_contents_lead_to_the_sections(export: Export) -> None:
    reader = PdfReader(BytesIO(export(lecture(Prose("a", "A"), Prose("b", "講堂")))))
    places = [note.get_object()["/Dest"] for note in reader.pages[0]["/Annots"]]  # type: ignore[attr-defined]
    assert {place[0].get_object() == reader.pages[1] for place in places} == {True}
    assert [place.title for place in reader.outline] == ["A", "講堂"]  # type: ignore[union-attr]


def test_every_page_but_the_first_is_numbered(export: Export) -> None:
    pages = read(export(lecture(Prose("s", "Summary", paragraphs=(WORDS * 50,) * 10))))
    assert len(pages) > 3
    assert f"/ {len(pages)}" not in pages[0].replace("\xa0", " ")
    for number, page in enumerate(pages[1:], 2):
        assert f"{number} / {len(pages)}" in page.replace("\xa0", " ")
        assert page.startswith("Determinants")


def test_no_heading_ends_a_page(export: Export) -> None:
    sections = [Prose(f"s{at}", f"Part {at}", paragraphs=(WORDS * 9,) * (1 + at % 3)) for at in range(40)]
    for page in read(export(lecture(*sections)))[1:]:
        assert not re.match(r"Part \d+$", page.strip().splitlines()[-1])


def test_language_title_and_author_are_in_the_pdf(export: Export) -> None:
    reader = PdfReader(BytesIO(export(lecture(title="Übung zu Αλφα", language="de"))))
    assert reader.trailer["/Root"]["/Lang"] == "de"
    assert reader.metadata and reader.metadata.title == "Übung zu Αλφα"
    assert reader.metadata.author == "University of Somewhere"


def test_its_own_words_are_in_the_language_of_the_lecture(text: Text) -> None:
    compile_catalogues([ROOT / "core" / "translations"])
    found = text(Prose("s", "Zusammenfassung"), language="de-AT")
    for word in ("Inhalt", "Raum", "Dauer", "4. Mai 2026", "08:15 – 09:45"):
        assert word in found


@pytest.mark.parametrize("language", ["", "xx-invalid", "tlh", "../../etc", "de\0"])
def test_a_language_that_nobody_knows_is_english(text: Text, language: str) -> None:
    assert "Contents" in text(Prose("s", "Summary"), language=language)


@pytest.mark.parametrize(("paper", "size"), [("A4", (595, 842)), ("Letter", (612, 792))])
def test_paper_can_be_chosen(export: Export, paper: str, size: tuple[int, int]) -> None:
    document = pypdfium2.PdfDocument(export(lecture(Prose("s", "Summary")), paper=paper))
    assert {tuple(map(round, page.get_size())) for page in document} == {size}


def test_paper_is_that_of_the_settings_otherwise() -> None:
    pdf = PdfExporter(Settings(paper="Letter")).export(lecture(), {}).body.read()
    assert round(pypdfium2.PdfDocument(pdf)[0].get_size()[0]) == 612


@pytest.mark.parametrize(
    ("options", "words"), [({"paper": "A5"}, "one of A4, Letter"), ({"colour": "red"}, "no option 'colour'")]
)
def test_a_wrong_option_is_named(options: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        PdfExporter(Settings()).export(lecture(), options)


@pytest.mark.parametrize(
    ("title", "name"),
    [
        ("Analysis 1: Grenzwerte", "Analysis 1 Grenzwerte 2026-05-04.pdf"),
        ("../../etc/passwd\0", "etc passwd 2026-05-04.pdf"),
        ("講義", "講義 2026-05-04.pdf"),
        ("\ud800", "lecture 2026-05-04.pdf"),
    ],
)
def test_the_file_is_called_like_the_lecture(title: str, name: str) -> None:
    assert file_name(lecture(title=title)) == name


def test_an_empty_lecture_has_a_cover(text: Text) -> None:
    assert "Nothing was kept of this lecture." in text()
    assert "–" in text(title="", room_title="")


def test_empty_sections_say_so(text: Text) -> None:
    empty = (Prose("a", "A"), Timeline("b", "B"), Facts("c", "C"), Table("d", "D"), Files("e", "E"))
    assert text(*empty).count("There is nothing here.") == 5


def test_the_example_of_the_contract_is_whole(export: Export) -> None:
    found = "".join(read(export(sample_package())))
    assert "<b>Gödel & Erdős</b>" in found and "講堂" in found and "🎓" in found and "Bye." in found


def test_it_works_in_another_process_without_an_app(tmp_path: Path) -> None:
    job = tmp_path / "job"
    job.write_bytes(pickle.dumps((PdfExporter(Settings(), "Uni"), sample_package())))
    program = (
        "import pickle, sys\n"
        "exporter, package = pickle.load(open(sys.argv[1], 'rb'))\n"
        "sys.stdout.buffer.write(exporter.export(package, {}).body.read())\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, job], capture_output=True, cwd=ROOT, env={"PYTHONPATH": str(ROOT)}
    )
    assert done.stdout.startswith(b"%PDF"), done.stderr.decode()


def _links(pdf: bytes) -> set[str]:
    pages = PdfReader(BytesIO(pdf)).pages
    notes = [note.get_object() for page in pages for note in page.get("/Annots", ())]
    return {str(note["/A"]["/URI"]) for note in notes if "/URI" in note.get("/A", {})}


def _is_inside(pdf: bytes) -> bool:
    for page in pypdfium2.PdfDocument(pdf):
        width, _height = page.get_size()
        boxes = [shown.get_bounds() for shown in page.get_objects()]
        if any(right > width for _left, _bottom, right, _top in boxes):
            return False
    return True
