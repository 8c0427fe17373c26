"""The PDF is made behind core's walls: in every script that has a font, with nothing else to read."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from core.contracts import Line, Prose, Timeline
from core.engine import offers
from core.exports import running
from plugins.export_pdf import fonts
from tests.plugins.export_pdf.conftest import lecture, read
from tests.plugins.export_pdf.test_scripts import SAMPLES


@pytest.fixture
def walled(make_app: Callable[..., Flask], tmp_path: Path) -> Callable[..., bytes]:
    """``walled(package, options)``: the PDF as the product makes it."""
    app = make_app("export_pdf")

    def export(package: Any, **options: Any) -> bytes:
        with app.app_context():
            exporter = offers.exporters()["pdf"]
            with running.exported("export_pdf", exporter, package, options, tmp_path, lambda: True) as made:
                assert isinstance(made, running.Made) and made.mime == "application/pdf"
                return made.body.read()

    return export


def test_every_script_comes_out_behind_the_walls_too(walled: Callable[..., bytes]) -> None:
    lacking = fonts.lacking(())
    samples = tuple(sample for script, sample in SAMPLES.items() if script not in lacking)
    made = read(
        walled(
            lecture(
                Prose("a", "Summary", paragraphs=samples),
                Timeline(
                    "b",
                    "Transcript",
                    lines=tuple(Line(n, f"Ada {n}", text) for n, text in enumerate(samples)),
                ),
                language="de",
            ),
            paper="Letter",
        )
    )
    flat = "".join("".join(made).split())
    assert all(flat.count("".join(sample.split())) >= 2 for sample in samples)
    assert "□" not in flat and "Inhalt" in flat


def test_a_file_that_a_line_names_is_not_read(walled: Callable[..., bytes]) -> None:
    text = '<img src="file:///etc/passwd"> <img src="http://127.0.0.1:1/x">'
    made = "\n".join(read(walled(lecture(Prose("a", "A", paragraphs=(text,))))))
    assert "file:///etc/passwd" in made and "root:" not in made
