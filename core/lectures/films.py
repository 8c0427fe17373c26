"""What the player of the lecture's page has to know of a film."""

from __future__ import annotations

from typing import Any

from babel import Locale, UnknownLocaleError
from flask_babel import get_locale

from core.contracts import Film


def told(film: Film) -> dict[str, Any]:
    """For the page's script, all times in seconds; ``spans`` are triples, ``gaps`` and ``chapters`` pairs."""
    return {
        "spans": [(span.start, span.end, span.at) for span in film.spans],
        "gaps": [(gap.at, gap.seconds) for gap in film.gaps],
        "chapters": film.chapters,
        "thumbnails": vars(film.thumbnails) if film.thumbnails else None,
        "length": film.length,
    }


def language(tag: str) -> str:
    """The language of a tag like ``pt-BR``, in that of the reader; the tag itself where nobody knows it."""
    try:
        spoken = Locale.parse(tag, sep="-")
    except (ValueError, UnknownLocaleError):
        return tag
    return spoken.get_display_name(get_locale()) or tag
