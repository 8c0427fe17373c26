"""An exporter: the titles of all sections as plain text."""

from collections.abc import Mapping
from io import BytesIO
from typing import Any

from core.api import File, LecturePackage, Link


class TitlesExporter:
    id = "example_titles"
    title = "Titles only"

    def export(self, package: LecturePackage, options: Mapping[str, Any]) -> File | Link:
        text = "\n".join([package.title, *(section.title for section in package.sections)])
        return File("titles.txt", "text/plain", BytesIO(text.encode()))
