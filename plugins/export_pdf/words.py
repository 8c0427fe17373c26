"""The document's own words, in the language of the lecture; needs no app."""

from __future__ import annotations

import math
import re
from datetime import datetime, timedelta
from functools import lru_cache
from importlib.resources import files

from babel import Locale, UnknownLocaleError
from babel.dates import format_date, format_time, get_timezone
from babel.support import NullTranslations, Translations

SOURCE = "en"
TAG = re.compile(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*\Z")


class Words:
    """``gettext`` in one language, and how that language writes dates and numbers."""

    def __init__(self, language: str, zone: str = "UTC") -> None:
        self.locale = _locale(language)
        self.tag = language.replace("_", "-") if TAG.match(language.replace("_", "-")) else SOURCE
        # By babel, whose zones lie in a package: files of the system may be out of reach.
        self.zone = get_timezone(zone)
        self._found = _translations(str(self.locale))

    def gettext(self, text: str, **values: object) -> str:
        """The text in this language, with ``%(name)s`` filled in."""
        translated: str = self._found.gettext(text)
        return translated % values if values else translated

    @property
    def direction(self) -> str:
        return str(self.locale.text_direction)

    # All of these as the lecture's page writes them.

    def date(self, when: datetime) -> str:
        return format_date(when.astimezone(self.zone), self.gettext("d MMMM y"), locale=self.locale)

    def time(self, when: datetime) -> str:
        return format_time(when, self.gettext("HH:mm"), tzinfo=self.zone, locale=self.locale)

    def length(self, span: timedelta) -> str:
        """Hours and minutes."""
        minutes = max(0, round(span.total_seconds() / 60))
        if minutes < 1:
            return self.gettext("less than a minute")
        if minutes < 60:
            return self._found.ngettext("%(num)s min", "%(num)s min", minutes) % {"num": minutes}
        return self.gettext("%(hours)s h %(minutes)s min", hours=minutes // 60, minutes=minutes % 60)


def elapsed(seconds: float) -> str:
    """Hours, minutes and seconds since the beginning: 1:02:03."""
    whole = max(0, int(seconds)) if math.isfinite(seconds) else 0
    return f"{whole // 3600}:{whole // 60 % 60:02}:{whole % 60:02}"


def _locale(language: str) -> Locale:
    try:
        return Locale.parse(language.replace("-", "_"))
    except (ValueError, UnknownLocaleError, TypeError):
        return Locale.parse(SOURCE)


@lru_cache(maxsize=16)
def _translations(locale: str) -> NullTranslations:
    # Data, not code: the catalogues that core keeps for everybody.
    folder = files("core") / "translations"
    return Translations.load(str(folder), [locale, locale.split("_")[0]])
