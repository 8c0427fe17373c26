"""A lecture as text: what people wrote stays what they wrote."""

from __future__ import annotations

import csv
import io
import json
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask_babel import force_locale

from core.api import Facts, FileEntry, Files, LecturePackage, Line, Prose, Table, Timeline, table_to_csv
from plugins.export_markdown.archive import Everything
from plugins.export_markdown.subtitles import sub_rip, web_vtt
from plugins.export_markdown.ways import AsJson, Markdown, PlainText, Subtitles
from plugins.export_markdown.writing import escaped

LINES = (
    Line(0.5, "Ada", "Welcome <b>all</b> & everybody --> now"),
    Line(3.25, "Bob", "Second line"),
    Line(3725.0, "", "An hour later"),
)
PACKAGE = LecturePackage(
    id="x",
    title="Sets / Maps",
    room_title="Algorithms II",
    started_at=datetime(2026, 11, 23, 9, 0, tzinfo=UTC),
    ended_at=None,
    language="en",
    sections=(
        Prose("summary", "Summary", note="Made by a model", paragraphs=("First *words*.", "# no heading")),
        Facts("facts", "Facts", facts=(("People", "12"),)),
        Timeline("transcript", "Transcript", lines=LINES),
        Table("people", "Participants", columns=("Name", "Present"), rows=(("=1+1", "90 | min"),)),
        Files("files", "Files", files=(FileEntry("../a.txt", "text/plain", 1500, "/files/1"),)),
    ),
)


@pytest.fixture(autouse=True)
def _in_app(app: Flask) -> Iterator[None]:
    with app.app_context():
        yield


def text_of(exporter: Any, package: LecturePackage = PACKAGE, **options: Any) -> str:
    made = exporter.export(package, options)
    with made.body as body:
        return str(body.read().decode())


def test_markdown_has_every_section_and_no_mark_of_people() -> None:
    made = text_of(Markdown())
    assert made.startswith(
        "# Sets / Maps\n\nAlgorithms II, 23 November 2026, 09:00\n\n## Summary\n\nMade by a model\n"
    )
    assert "First \\*words\\*." in made and "\\# no heading" in made
    assert "- **People**: 12" in made and "| =1\\+1 | 90 \\| min |" in made
    assert "0:00 Ada: Welcome &lt;b\\>all&lt;/b\\>" in made and "1:02:05 An hour later" in made


def test_dates_and_sizes_are_written_as_on_the_lectures_page() -> None:
    with force_locale("de"):
        made = text_of(Markdown())
    assert "Algorithms II, 23. November 2026, 09:00" in made and "(1,5 KB)" in made


@pytest.mark.parametrize(
    "text", ["1. no list", "- no list", "[x](javascript:1)", "![x](y)", "<img src=x>", "a\n# b"]
)
def test_no_text_becomes_markup(text: str) -> None:
    made = escaped(text)
    assert "\n" not in made and "<" not in made
    assert not made.startswith(("1.", "-", "[", "!", "#"))


def test_plain_text_reads_like_a_letter() -> None:
    made = text_of(PlainText())
    assert "Summary\n\nMade by a model\n\nFirst *words*.\n\n# no heading" in made
    assert "0:03 Bob: Second line" in made and "../a.txt (1.5 KB)" in made


def test_a_host_has_a_mark_beside_the_name_and_json_a_field() -> None:
    said = Timeline("chat", "Chat", lines=(Line(1, "Ada", "Hi", by_host=True), Line(2, "Ada", "So am I")))
    package = replace(PACKAGE, sections=(said,))
    for exporter, name in ((Markdown(), "Ada \\(host\\)"), (PlainText(), "Ada (host)")):
        made = text_of(exporter, package)
        assert f"0:01 {name}: Hi" in made and "0:02 Ada: So am I" in made
    (section,) = json.loads(text_of(AsJson(), package))["sections"]
    told = [(line["speaker"], line["by_host"]) for line in section["lines"]]
    assert told == [("Ada", True), ("Ada", False)]


def test_subtitles_have_times_and_cannot_be_broken_out_of() -> None:
    made = web_vtt(LINES)
    assert made.startswith("WEBVTT\n\n00:00:00.500 --> 00:00:03.250\n<v Ada>Welcome &lt;b&gt;all&lt;/b&gt;")
    assert "01:02:05.000 --> 01:02:12.000\nAn hour later" in made
    srt = sub_rip(LINES)
    assert srt.startswith(
        "1\n00:00:00,500 --> 00:00:03,250\nAda: Welcome <b>all</b> & everybody → now\n\n2\n"
    )
    assert text_of(Subtitles(), form="srt") == srt


def test_without_a_transcript_there_are_no_subtitles_and_it_is_said() -> None:
    with pytest.raises(ValueError, match="no subtitles without a transcript"):
        Subtitles().export(replace(PACKAGE, sections=PACKAGE.sections[:2]), {})


def test_json_says_of_each_section_what_it_is() -> None:
    made = json.loads(text_of(AsJson()))
    assert [one["kind"] for one in made["sections"]] == ["prose", "facts", "timeline", "table", "files"]
    assert made["sections"][2]["lines"][1] == {
        "at": 3.25,
        "speaker": "Bob",
        "text": "Second line",
        "id": "",
        "until": 0.0,
        "by_host": False,
    }


def test_no_cell_of_a_table_is_a_formula() -> None:
    rows = list(csv.reader(io.StringIO(table_to_csv(PACKAGE.sections[3]).removeprefix("\ufeff"))))  # type: ignore[arg-type]
    assert rows == [["Name", "Present"], ["'=1+1", "90 | min"]]


def test_the_archive_holds_texts_and_files_under_safe_names(tmp_path: Path) -> None:
    for n in (1, 2):
        (tmp_path / str(n)).write_text(f"file {n}")
    files = tuple(
        FileEntry(name, "text/plain", 6, "/files/1", path=path)
        for name, path in (
            ("../a.txt", str(tmp_path / "1")), ("A.txt", str(tmp_path / "2")), ("gone.txt", ""),
        )
    )  # fmt: skip
    package = replace(PACKAGE, sections=(*PACKAGE.sections[:4], Files("files", "Files", files=files)))
    made = Everything().export(package, {})
    assert made.name == "Sets Maps 2026-11-23.zip"
    with zipfile.ZipFile(made.body) as archive:
        names = archive.namelist()
        assert archive.read("files/a.txt") == b"file 1" and archive.read("files/A (2).txt") == b"file 2"
        said = archive.read("files/_left_out.txt").decode()
    assert "gone.txt" in said and "a.txt" not in said and "not in this archive" in said
    assert names[:4] == ["lecture.md", "lecture.json", "transcript.vtt", "people.csv"]
    assert not [name for name in names if ".." in name or name.startswith("/")]
    made.body.close()
