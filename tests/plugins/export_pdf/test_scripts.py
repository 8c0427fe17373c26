"""Every script comes out right; where its font is missing, the document says so."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pypdfium2
import pytest

from core.contracts import Facts, Line, Prose, Table, Timeline
from core.engine import offers
from plugins.export_pdf import fonts, hooks
from plugins.export_pdf.exporter import PdfExporter
from plugins.export_pdf.settings import Settings
from plugins.export_pdf.text import breaks_anywhere, clean
from tests.plugins.export_pdf.conftest import lecture, read

Text = Callable[..., str]
SAMPLES = {
    "Latin": "Příliš žluťoučký kůň, Łódź, ångström, đường",
    "Greek": "Η ορίζουσα αλλάζει πρόσημο",
    "Cyrillic": "Определитель меняет знак, їжак",
    "Arabic": "السلام عليكم ورحمة الله",
    "Hebrew": "שלום לכולם",
    "Chinese": "行列式的绝对值表示体积的变化",
    "Japanese": "行列式の符号が変わります。カタカナ",
    "Korean": "행렬식의 부호가 바뀝니다",
    "Emoji": "🙂🎓👍",
}
TEXT = 1
# Points of Hebrew, signs of Arabic, and both with a doubling sign in one.
MARKS = re.compile("[\u05b0-\u05c7\u064b-\u0655\u0670\ufb1d-\ufb4e\ufc5e-\ufc63\ufe70-\ufe7f]")
MAIN = fonts.choose(frozenset()).faces[0].path


@pytest.mark.parametrize("script", fonts.SCRIPTS)
def test_a_script_can_be_read_again(text: Text, script: str) -> None:
    _needs(script)
    sample = SAMPLES[script]
    found = text(
        Prose("a", sample, paragraphs=(sample,)),
        Timeline("b", "B", lines=(Line(1, sample, sample),)),
        Facts("c", "C", facts=((sample, sample),)),
        Table("d", "D", columns=(sample,), rows=((sample,),)),
        title=sample,
    )
    flat = "".join(found.split())
    assert flat.count("".join(sample.split())) >= 9
    assert "□" not in flat and "has no font" not in found


def test_arabic_and_hebrew_keep_their_vowel_signs(text: Text) -> None:
    for script, sample in (("Arabic", "مُحَمَّدٌ يَكْتُبُ الدَّرْسَ"), ("Hebrew", "שָׁלוֹם לְכֻלָּם")):
        _needs(script)
        found = text(Prose("a", "A", paragraphs=(sample,)))
        assert len(MARKS.findall(found)) >= 5


def test_scripts_may_be_mixed_in_a_line(text: Text) -> None:
    for script in SAMPLES:
        _needs(script)
    line = "Row (a, b) שורה 2 الصف 3 行 列 🙂 Ωμέγα Жук 한국"
    found = text(Prose("a", "A", paragraphs=(line,)))
    for word in line.split():
        assert word in found or word[::-1] in found


@pytest.mark.parametrize("script", ["Arabic", "Hebrew"])
def test_text_from_right_to_left_begins_at_the_right(export: Callable[..., bytes], script: str) -> None:
    _needs(script)
    pdf = export(lecture(Timeline("t", "T", lines=(Line(1, SAMPLES[script], SAMPLES[script]),))))
    page = pypdfium2.PdfDocument(pdf)[1]
    boxes = [shown.get_bounds() for shown in page.get_objects() if shown.type == TEXT]
    below_heading = [box for box in boxes if 100 < box[1] < page.get_size()[1] - 115]
    assert below_heading and min(left for left, *_ in below_heading) > page.get_size()[0] / 3


def test_chinese_and_japanese_are_broken_anywhere_and_others_not() -> None:
    assert breaks_anywhere(SAMPLES["Chinese"]) and breaks_anywhere("「行」とは row の事")
    assert not breaks_anywhere(SAMPLES["Latin"]) and not breaks_anywhere(SAMPLES["Korean"])


def test_a_joiner_that_shapes_persian_stays_and_others_go() -> None:
    assert clean("می‌خواهم") == "می‌خواهم"
    assert clean("a\u200cb\u200dc") == "abc"


def test_letters_of_mathematics_become_letters_where_no_font_has_them(text: Text) -> None:
    found = text(Prose("a", "A", paragraphs=("let 𝛼 be 𝐱",)))
    assert "let α be x" in found or "let 𝛼 be 𝐱" in found


@pytest.fixture
def only_latin(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    """A machine with one font."""
    folder = tmp_path / "fonts"
    folder.mkdir()
    (folder / "NotoSans-Regular.ttf").symlink_to(MAIN)
    monkeypatch.setattr(fonts, "packaged", lambda: iter(()))
    monkeypatch.setattr(fonts, "SYSTEM", (str(folder),))
    fonts.installed.cache_clear()
    yield
    fonts.installed.cache_clear()


@pytest.mark.usefixtures("only_latin")
def test_what_no_font_has_is_marked_and_told(text: Text, caplog: pytest.LogCaptureFixture) -> None:
    found = text(Prose("a", "A", paragraphs=("Chinese: 汉字. Greek: Ωλ.",)))
    mark = fonts.choose(frozenset()).mark
    assert f"Chinese: {mark}{mark}. Greek: Ωλ." in found
    assert f"has no font: 2. {mark} stands" in found.replace("\n", " ")
    assert "Cjk" in caplog.text and "make fonts" in caplog.text


@pytest.mark.usefixtures("only_latin")
def test_the_health_check_names_what_is_missing_and_what_to_do() -> None:
    with pytest.raises(RuntimeError, match=r"can't show .*Chinese, Japanese, Korean.*make fonts.*fonts-wqy"):
        hooks.check_fonts()


def test_without_any_font_it_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fonts, "installed", lambda own: ())
    with pytest.raises(ValueError, match="no TrueType font"):
        PdfExporter(Settings()).export(lecture(), {})


def test_fonts_of_the_institution_come_first(tmp_path: Path) -> None:
    own = tmp_path / "House-Regular.ttf"
    own.write_bytes(MAIN.read_bytes())
    assert fonts.choose(frozenset({65}), [str(tmp_path)]).faces[0].path == own


def test_files_that_are_no_fonts_are_passed_over(tmp_path: Path) -> None:
    (tmp_path / "Broken-Regular.ttf").write_bytes(b"\0\1\0\0" + b"\xff" * 100)
    (tmp_path / "Empty-Regular.ttf").write_bytes(b"")
    (tmp_path / "Text-Regular.ttf").write_text("ttcf this is no font at all")
    pdf = PdfExporter(Settings(font_folders=[str(tmp_path)])).export(lecture(), {}).body.read()
    assert "Determinants" in read(pdf)[0]


def test_the_plugin_is_looked_after_by_a_health_check(make_app: Callable[..., object]) -> None:
    app = make_app("export_pdf")
    with app.app_context():  # type: ignore[attr-defined]
        assert "export_pdf.fonts" in offers.health_checks()


def _needs(script: str) -> None:
    if script in fonts.lacking():
        pytest.skip(f"no font for {script} on this machine")
