"""A film as a plugin gives it: what is one, what is none, and how it reaches exporters."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from typing import Any

import pytest

from core.contracts import FileEntry, Files, Film, FilmGap, FilmSpan, Thumbnails
from core.engine.answers import check
from core.exports.packing import from_json, kind_of, to_json
from core.testing import sample_package

VIDEO = FileEntry("lecture.webm", "video/webm", 34_000_000, "/files/film")
SPRITE = Thumbnails("/pictures", 160, 90, 5, 10.0, 16)
FILM = Film(
    "film", "Recording",
    files=(VIDEO, FileEntry("lecture.vtt", "text/vtt", 900, "/files/words")),
    spans=(FilmSpan(0, 100, 10), FilmSpan(100, 160.5, 300)),
    gaps=(FilmGap(100, 190),),
    chapters=((0, "Groups"), (50.5, "Kernels")),
    captions="/captions.vtt", language="de-AT", thumbnails=SPRITE, length=160.5,
)  # fmt: skip


def test_a_film_needs_nothing_but_a_name() -> None:
    check("lecture_sections", [FILM, Film("later", "Recording", busy="The recording is being made …")], {})


WRONG: dict[str, dict[str, Any]] = {
    "a file that is no video": {"files": (replace(VIDEO, mime="text/html"),)},
    "texts for files": {"files": ("/files/film",)},
    "a list of spans": {"spans": [FilmSpan(0, 1, 0)]},
    "numbers for spans": {"spans": ((0, 1, 0),)},
    "a span without length": {"spans": (FilmSpan(5, 5, 0),)},
    "a span that runs backwards": {"spans": (FilmSpan(5, 4, 0),)},
    "a span that never ends": {"spans": (FilmSpan(0, math.inf, 0),)},
    "a span at no time": {"spans": (FilmSpan(0, 1, math.nan),)},
    "a span in words": {"spans": (FilmSpan("0", 1, 0),)},  # type: ignore[arg-type]
    "spans in disorder": {"spans": (FilmSpan(50, 60, 0), FilmSpan(0, 10, 90))},
    "spans of a lecture that runs backwards": {"spans": (FilmSpan(0, 10, 90), FilmSpan(50, 60, 0))},
    "spans that overlap": {"spans": (FilmSpan(0, 10, 0), FilmSpan(5, 15, 20))},
    "a gap before the film": {"gaps": (FilmGap(-1, 5),)},
    "True for a gap": {"gaps": (FilmGap(True, 5),)},
    "chapters without titles": {"chapters": ((0,), (5,))},
    "a chapter with a number for a title": {"chapters": ((0, 5),)},
    "chapters in disorder": {"chapters": ((5, "B"), (0, "A"))},
    "too many chapters": {"chapters": tuple((at, "A") for at in range(10_001))},
    "captions elsewhere": {"captions": "https://evil.example/a.vtt"},
    "captions elsewhere by two slashes": {"captions": "//evil.example/a.vtt"},
    "captions elsewhere by another slash": {"captions": "/\\evil.example/a.vtt"},
    "a language in words": {"language": "German, please"},
    "no language": {"language": None},
    "a length in words": {"length": "1:30"},
    "a length of none": {"length": math.nan},
    "thumbnails elsewhere": {"thumbnails": replace(SPRITE, url="https://evil.example/a.webp")},
    "thumbnails nowhere": {"thumbnails": replace(SPRITE, url="")},
    "thumbnails without a row": {"thumbnails": replace(SPRITE, across=0)},
    "thumbnails at every moment": {"thumbnails": replace(SPRITE, every=0)},
    "half a picture": {"thumbnails": replace(SPRITE, width=80.5)},
    "a text for thumbnails": {"thumbnails": "/pictures"},
}


@pytest.mark.parametrize("changed", WRONG.values(), ids=WRONG)
def test_what_a_player_could_not_show_is_no_film(changed: dict[str, Any]) -> None:
    with pytest.raises((TypeError, ValueError)):
        check("lecture_sections", [replace(FILM, **changed)], {})


def test_a_film_reaches_exporters_as_it_is_and_is_files_to_them() -> None:
    package = replace(sample_package(), sections=(FILM,))
    said = json.loads(json.dumps(to_json(package), allow_nan=False))
    assert said["sections"][0]["kind"] == kind_of(FILM) == "film"
    assert from_json(said) == package
    assert isinstance(from_json(said).sections[0], Files)
    assert kind_of(Files("files", "Files")) == "files"
