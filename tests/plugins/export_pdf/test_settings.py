"""Settings that can't work stop the start, with what to write instead."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pypdfium2
import pytest
from flask import Flask
from PIL import Image

from core.engine import offers
from core.errors import PluginError
from plugins.export_pdf import hooks, logo
from plugins.export_pdf.exporter import PdfExporter
from plugins.export_pdf.settings import Settings
from tests.plugins.export_pdf.conftest import lecture

Start = Callable[..., Flask]


@pytest.fixture
def start(make_app: Callable[..., Flask]) -> Start:
    """``start(paper="…")``: an app with these settings of the plugin."""
    return lambda **settings: make_app("export_pdf", plugins={"export_pdf": settings})


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"paper": "A5"}, "'paper' must be one of A4, Letter"),
        ({"accent": "red"}, "'accent' must be a colour like #1f4e79"),
        ({"accent": "#ffff00"}, "too light to be read on white"),
        ({"font_folders": ["/no/such/folder"]}, "there is no folder /no/such/folder"),
        ({"acent": "#000000"}, "did you mean 'accent'?"),
        ({"logo": "/no/such/logo.png"}, "can't be read"),
    ],
)
def test_a_mistake_is_named(start: Start, wrong: dict[str, Any], words: str) -> None:
    with pytest.raises(PluginError, match="export_pdf") as raised:
        start(**wrong)
    assert words in str(raised.value)


def test_a_missing_library_stops_the_start(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hooks, "LIBRARIES", ("no_such_library",))
    with pytest.raises(PluginError, match=r"no_such_library is not installed.*audimax\[pdf\]"):
        start()


def test_settings_reach_the_exporter(start: Start, tmp_path: Path) -> None:
    Image.new("RGB", (300, 100), "navy").save(tmp_path / "logo.png")
    app = start(paper="Letter", accent="#7a1f1f", logo=str(tmp_path / "logo.png"))
    with app.app_context():
        exporter: Any = offers.exporters()["pdf"]
    assert str(exporter.title) == "PDF" and exporter.logo.mime == "image/png"
    pdf = pypdfium2.PdfDocument(exporter.export(lecture(), {}).body.read())
    assert round(pdf[0].get_size()[0]) == 612
    assert any(shown.type == 3 for shown in pdf[0].get_objects()), "the logo is on the cover"


def test_a_logo_that_is_too_large_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "logo.png"
    path.write_bytes(b"\x89PNG" + bytes(logo.LARGEST))
    with pytest.raises(ValueError, match="more than 1 MB"):
        logo.read(str(path))


def test_a_logo_of_too_many_pixels_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "logo.png"
    Image.new("1", (5000, 5000)).save(path)
    with pytest.raises(ValueError, match="pixels: make it smaller"):
        logo.read(str(path))


@pytest.mark.parametrize("content", [b"", b"<svg/>", b"GIF89a", b"\x89PNG\r\n\x1a\n broken", b"\xff\xd8\xff"])
def test_a_logo_that_is_no_picture_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "logo.png"
    path.write_bytes(content)
    with pytest.raises(ValueError, match="no PNG or JPEG"):
        logo.read(str(path))


def test_a_jpeg_is_a_logo_too(tmp_path: Path) -> None:
    Image.new("CMYK", (100, 300)).save(tmp_path / "logo.jpg")
    found = logo.read(str(tmp_path / "logo.jpg"))
    assert found and found.mime == "image/jpeg" and found.height == logo.HEIGHT
    assert PdfExporter(Settings(), logo=found).export(lecture(), {}).body.read().startswith(b"%PDF")
