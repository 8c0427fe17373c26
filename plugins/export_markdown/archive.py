"""Everything in one archive: the texts, and the files that were shared."""

from __future__ import annotations

import shutil
import tempfile
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO, cast

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from core.api import File, Files, LecturePackage, Table, Timeline, clean_file_name, table_to_csv
from plugins.export_markdown import subtitles
from plugins.export_markdown.ways import AsJson, Markdown, name_of

# Whoever unpacks it sees it beside the files.
LEFT_OUT = "files/_left_out.txt"


class Everything:
    """A ZIP: Markdown, JSON, subtitles, tables, and the files themselves."""

    id = "zip"
    title = _l("Everything in one archive")
    description = _l("A ZIP with the texts, tables for spreadsheets, and the files that were shared.")
    wants_files = True

    def export(self, package: LecturePackage, options: Mapping[str, Any]) -> File:
        made = tempfile.TemporaryFile()  # noqa: SIM115  (whoever reads it closes it)
        with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, body in _texts(package):
                archive.writestr(name, body)
            _add_files(archive, package)
        made.seek(0)
        return File(name_of(package, "zip"), "application/zip", cast("BinaryIO", made))


def _texts(package: LecturePackage) -> Iterator[tuple[str, bytes]]:
    for way, name in ((Markdown(), "lecture.md"), (AsJson(), "lecture.json")):
        yield name, way.export(package, {}).body.read()
    for section in package.sections:
        if isinstance(section, Timeline):
            yield f"{section.id}.vtt", subtitles.web_vtt(section.lines).encode()
        if isinstance(section, Table):
            yield f"{section.id}.csv", table_to_csv(section).encode()


def _add_files(archive: zipfile.ZipFile, package: LecturePackage) -> None:
    taken = set(archive.namelist())
    entries = [one for section in package.sections if isinstance(section, Files) for one in section.files]
    for entry in entries:
        if entry.path:
            name = _free(f"files/{clean_file_name(entry.name)}", taken)
            with archive.open(name, "w") as target, Path(entry.path).open("rb") as source:
                shutil.copyfileobj(source, target, 1 << 20)
    if left_out := [entry.name for entry in entries if not entry.path]:
        archive.writestr(_free(LEFT_OUT, taken), "\n".join([_left_out_because(), "", *left_out, ""]))


def _left_out_because() -> str:
    words: str = _(
        "These files are not in this archive: they are too large for it, or could not be read. "
        "The lecture’s page has them."
    )
    return words


def _free(name: str, taken: set[str]) -> str:
    """That name, or the next one that nothing in the archive has, whatever its case."""
    stem, dot, ending = name.rpartition(".")
    wanted, number = name, 2
    while wanted.lower() in taken:
        wanted = f"{stem} ({number}){dot}{ending}" if dot else f"{name} ({number})"
        number += 1
    taken.add(wanted.lower())
    return wanted
