"""A lecture as one text file."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from io import BytesIO
from typing import Any, Literal

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from core.api import File, LecturePackage, Timeline, file_name_of, package_to_json, setting
from plugins.export_markdown import subtitles, writing


def name_of(package: LecturePackage, ending: str) -> str:
    """A file's name like the lecture's, with its day."""
    return file_name_of(f"{package.title} {package.started_at:%Y-%m-%d}", f".{ending}")


def file_of(package: LecturePackage, ending: str, mime: str, text: str) -> File:
    """A text file named like the lecture."""
    return File(name_of(package, ending), mime, BytesIO(text.encode()))


class Markdown:
    """Headings, paragraphs, lists and tables; what people wrote stays what they wrote."""

    id = "markdown"
    title = _l("Markdown")
    description = _l("For notes and wikis.")

    def export(self, package: LecturePackage, options: Mapping[str, Any]) -> File:
        return file_of(package, "md", "text/markdown", writing.markdown(package))


class PlainText:
    """The same without marks."""

    id = "text"
    title = _l("Plain text")
    description = _l("For every program there is.")

    def export(self, package: LecturePackage, options: Mapping[str, Any]) -> File:
        return file_of(package, "txt", "text/plain", writing.plain(package))


@dataclass(frozen=True)
class SubtitleOptions:
    """``form``: WebVTT is of the web, SubRip of most players."""

    form: Literal["vtt", "srt"] = setting(
        "vtt", label=_l("Form"), words={"vtt": "WebVTT", "srt": "SubRip (SRT)"}
    )


class Subtitles:
    """What was said, with times, for a player."""

    id = "subtitles"
    title = _l("Subtitles")
    description = _l("What was said, with its times, for a video player.")
    options = SubtitleOptions

    def export(self, package: LecturePackage, options: Mapping[str, Any]) -> File:
        lines = [one for one in package.sections if isinstance(one, Timeline)]
        if not lines:
            raise ValueError(_("Nothing with times was chosen: there are no subtitles without a transcript."))
        form = options.get("form", "vtt")
        return file_of(package, form, subtitles.MIMES[form], subtitles.WRITERS[form](lines[0].lines))


class AsJson:
    """The lecture as programs read it."""

    id = "json"
    title = _l("JSON")
    description = _l("For programs: every section with its type.")

    def export(self, package: LecturePackage, options: Mapping[str, Any]) -> File:
        text = json.dumps(package_to_json(package), ensure_ascii=False, indent=1)
        return file_of(package, "json", "application/json", text)
