"""What people write stays text, and fetches nothing."""

from __future__ import annotations

import socket
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from PIL import Image

from core.contracts import Facts, FileEntry, Files, Line, Prose, Section, Table, Timeline
from tests.plugins.export_pdf.conftest import lecture, read

Export = Callable[..., bytes]


def everywhere(text: str) -> list[Section]:
    """The text in every place of every type of section."""
    return [
        Prose("a", text, note=text, paragraphs=(text, text)),
        Timeline("b", text, lines=(Line(1, text, text), Line(2, "Ann", text))),
        Facts("c", text, facts=((text, text),)),
        Table("d", text, columns=(text, text), rows=((text, text),)),
        Files("e", text, files=(FileEntry(text, text, 1, text, text),)),
    ]


def exported(export: Export, text: str) -> str:
    package = lecture(*everywhere(text), title=text, room_title=text)
    return "\n".join(read(export(package)))


@pytest.fixture
def listener() -> Iterator[tuple[str, list[object]]]:
    """The address of a server of this machine, and who came."""
    came: list[object] = []
    server = socket.create_server(("127.0.0.1", 0))
    server.settimeout(0.1)
    stop = threading.Event()

    def accept() -> None:
        while not stop.is_set():
            try:
                came.append(server.accept())
            except TimeoutError:
                continue

    thread = threading.Thread(target=accept)
    thread.start()
    yield f"http://127.0.0.1:{server.getsockname()[1]}", came
    stop.set()
    thread.join()
    server.close()


_heard: list[str] = []


def _hear(event: str, arguments: tuple[object, ...]) -> None:
    if event == "open" and isinstance(arguments[0], str):
        _heard.append(arguments[0])


@pytest.fixture(scope="module")
def _ear() -> None:
    # Python takes no such hook away again.
    sys.addaudithook(_hear)


@pytest.fixture
def opened(_ear: None) -> list[str]:
    """The path of every file that is opened from now on, by whatever means."""
    _heard.clear()
    return _heard


@pytest.mark.parametrize(
    "text",
    [
        '<img src="{url}/pixel.png">',
        "<style>@import url({url}/x.css); @font-face {{ src: url({url}/x.ttf) }}</style>",
        '<link rel="stylesheet" href="{url}/x.css">',
        "background-image: url({url}/x.png)",
        '"><img src={url}/a.png onerror=x><p class="',
        '<pdf:insertpdf src="{url}/a.pdf"/>',
        '</span></p><object data="{url}"></object>',
        '<a href="{url}">&lt;img src="{url}/b.png"&gt;</a>',
    ],
)
def test_nothing_is_fetched(export: Export, listener: tuple[str, list[object]], text: str) -> None:
    url, came = listener
    found = exported(export, text.format(url=url))
    assert "127.0.0.1" in found, "it is shown"
    assert came == []


@pytest.mark.parametrize(
    "form", ['<img src="file://{path}">', '<img src="{path}">', "url({path})", "file://{path}"]
)
def test_no_file_is_read(export: Export, tmp_path: Path, opened: list[str], form: str) -> None:
    secret = tmp_path / "secret.png"
    Image.new("RGB", (9, 9)).save(secret)
    opened.clear()
    found = exported(export, form.format(path=secret))
    assert secret.name in found, "it is shown"
    assert any(path.endswith(".ttf") for path in opened), "fonts are read"
    assert str(secret) not in opened


@pytest.mark.parametrize(
    "text",
    [
        '<pdf:include src="x"/>',
        "<script>alert(1)</script>",
        "{{ 7*7 }} {% include 'x' %}",
        "<b>&amp;</b> &#60;i&#62;",
        "*{color:red} @page { size: 1pt }",
        "<!-- <p> ]]>",
        "</body></html>",
        "<pdf:nextpage>",
        "%(count)s {0} \\1",
    ],
)
def test_markup_is_shown_as_it_was_written(export: Export, text: str) -> None:
    found = exported(export, text)
    assert found.replace("\n", " ").count(text) >= 10


@pytest.mark.parametrize(
    "text",
    [
        "\0",
        "a\0b\x1b[31m\x7f\x85",
        "\ud800 half \udfff",
        "\u202eexe.gnp\u202c\u2066\u2069\u200e\u200f",
        "\u200b\u200c\u200d\ufeff\u2060",
        "\ufffe\uffff\U0010ffff\ue000",
        "e" + "\u0301" * 500,
        "👩‍👩‍👧‍👦" * 50,
        "🇩🇪 1️⃣ 👍🏽",
        "\u2028\u2029\r\n\t",
        "",
        " ",
        "&" * 300,
    ],
)
def test_odd_characters_do_no_harm(export: Export, text: str) -> None:
    assert "Contents" in exported(export, text)


@pytest.mark.parametrize("letter", ["x", "漢", "ع", "🙂", "<", "\u0301", "\n"])
def test_very_long_words_do_no_harm(export: Export, letter: str) -> None:
    package = lecture(
        Prose("a", "A", paragraphs=(letter * 100_000,)),
        Timeline("b", "B", lines=(Line(0, "", letter * 20_000),)),
    )
    assert export(package).startswith(b"%PDF")


def test_overrides_of_direction_are_gone(export: Export) -> None:
    assert "photo exe.gnp" in exported(export, "photo \u202eexe.gnp")


@pytest.mark.parametrize("at", [float("nan"), float("inf"), -5.0, 1e300])
def test_times_that_are_none_do_no_harm(export: Export, at: float) -> None:
    assert export(lecture(Timeline("t", "T", lines=(Line(at, "Ann", "x"),)))).startswith(b"%PDF")
