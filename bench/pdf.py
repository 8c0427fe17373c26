"""The PDF of a lecture: how long it takes and how much memory, in a process of its own."""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta

from bench import figures

LINES_90, LINES_180, CHAT_180 = 1500, 2000, 1000
WORDS = (
    "the determinant of a square matrix tells by which factor volumes change when all of its rows "
    "are taken as the edges of a box and why it turns its sign when two of them trade places"
).split()
WORDS_OF_A_LINE = 8


def pdf() -> dict[str, float]:
    """90 minutes with their transcript; three hours with transcript and chat."""
    short, long = _child(LINES_90, 0), _child(LINES_180, CHAT_180)
    return {"pdf_90min_s": short["seconds"], "pdf_3h_s": long["seconds"], "pdf_3h_mb": long["megabytes"]}


def _child(lines: int, chat: int) -> dict[str, float]:
    argv = [sys.executable, "-m", "bench.pdf", str(lines), str(chat)]
    done = subprocess.run(argv, capture_output=True, text=True, check=True, cwd=figures.HERE.parent)
    found: dict[str, float] = json.loads(done.stdout)
    return found


def main(lines: int, chat: int) -> None:
    """The child: from the package to the finished file, and the most memory that it ever had."""
    from core.contracts import LecturePackage, Timeline
    from plugins.export_pdf.exporter import PdfExporter
    from plugins.export_pdf.settings import Settings

    begin = datetime(2026, 5, 4, 8, 15, tzinfo=UTC)
    sections = [Timeline("transcript", "Transcript", lines=_lines(lines, 3.6, 9))]
    sections += [Timeline("chat", "Chat", lines=_lines(chat, 10, 1))] if chat else []
    package = LecturePackage(
        *("bench", "Linear Algebra II", "Room", begin, begin + timedelta(hours=3), "en"), tuple(sections)
    )
    begun = time.monotonic()
    PdfExporter(Settings(), "University").export(package, {}).body.read()
    seconds = time.monotonic() - begun
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    # macOS counts bytes, Linux kilobytes.
    megabytes = most / 1024 / (1024 if sys.platform == "darwin" else 1)
    print(json.dumps({"seconds": seconds, "megabytes": megabytes}))


def _lines(count: int, apart: float, at_a_time: int) -> tuple[object, ...]:
    """Lines of some words, a few by one person, then by another."""
    from core.contracts import Line

    def said(at: int) -> str:
        return " ".join(WORDS[(at * 5 + word) % len(WORDS)] for word in range(WORDS_OF_A_LINE))

    return tuple(Line(at * apart, f"Student {at // at_a_time % 40}", said(at)) for at in range(count))


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
