"""Words as PostgreSQL's text search sees them, and names that may be typed wrong."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

from flask_babel import gettext as _
from markupsafe import Markup, escape

LONGEST_QUERY = 200
MOST_WORDS = 20
# The configurations that every PostgreSQL since 14 brings along, by ISO 639-1.
# https://www.postgresql.org/docs/current/textsearch-psql.html (\dF)
CONFIGS = {
    "ar": "arabic",
    "ca": "catalan",
    "da": "danish",
    "de": "german",
    "el": "greek",
    "en": "english",
    "es": "spanish",
    "eu": "basque",
    "fi": "finnish",
    "fr": "french",
    "ga": "irish",
    "hi": "hindi",
    "hu": "hungarian",
    "hy": "armenian",
    "id": "indonesian",
    "it": "italian",
    "lt": "lithuanian",
    "ne": "nepali",
    "nl": "dutch",
    "no": "norwegian",
    "nb": "norwegian",
    "pt": "portuguese",
    "ro": "romanian",
    "ru": "russian",
    "sr": "serbian",
    "sv": "swedish",
    "ta": "tamil",
    "tr": "turkish",
}
ANY_LANGUAGE = "simple"
# Written without spaces (Thai, Lao, Burmese, Khmer, kana, Han): each letter counts as a word.
_UNSPACED = (
    "\u0e01-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff"
    "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
)
_BETWEEN = re.compile(
    f"(?<=[{_UNSPACED}])(?=[{_UNSPACED}])|(?<=[{_UNSPACED}])(?=\\w)|(?<=\\w)(?=[{_UNSPACED}])"
)
_HAS_UNSPACED = re.compile(f"[{_UNSPACED}]")
# Of the private use area, where no text has letters: around what was found.
BEGIN, END = "\ue000", "\ue001"
_MARKS = re.compile(f"[{BEGIN}{END}]")
# PostgreSQL takes «notes.pdf» for the name of a host and «<int>» for a tag: their parts should be found.
_SIGNS = str.maketrans(dict.fromkeys("<>._/\\@&", " "))
_JOIN = re.compile(f"{END}( ?){BEGIN}")
_PHRASE = re.compile(r"[\"“”„«»]([^\"“”„«»]*)[\"“”„«»]")
_WORD = re.compile(r"\w")


@dataclass(frozen=True)
class Query:
    """What is looked for: ``words`` anywhere in a lecture, each of ``phrases`` as it stands."""

    words: str
    phrases: tuple[str, ...]

    @property
    def text(self) -> str:
        """All its words."""
        return " ".join([self.words, *self.phrases]).strip()


def config_of(language: str) -> str:
    """PostgreSQL's text search configuration for a lecture's language; one that fits all for others."""
    return CONFIGS.get(language.replace("_", "-").split("-")[0].lower(), ANY_LANGUAGE)


def read(typed: str) -> Query | None:
    """What somebody typed, None for nothing; ``ValueError`` with words where there is no word in it."""
    typed = typed.strip()
    if not typed:
        return None
    if len(typed) > LONGEST_QUERY:
        raise ValueError(_("Please use at most %(limit)s characters.", limit=LONGEST_QUERY))
    phrases = [found for found in _PHRASE.findall(typed) if _WORD.search(found)]
    rest = [word for word in _PHRASE.sub(" ", typed).split() if _WORD.search(word)]
    if not rest and not phrases:
        raise ValueError(_("Please type a word to look for."))
    if sum(len(part.split()) for part in (*rest, *phrases)) > MOST_WORDS:
        raise ValueError(_("Please use at most %(limit)s words.", limit=MOST_WORDS))
    # Letters that are words of their own belong together as they were typed.
    runs = [word for word in rest if len(_HAS_UNSPACED.findall(word)) > 1]
    words = [word for word in rest if word not in runs]
    return Query(spaced(" ".join(words)), tuple(spaced(part) for part in (*phrases, *runs)))


def spaced(text: str) -> str:
    """As PostgreSQL's parser should read it: words only, and spaces in scripts that have none."""
    if text.isascii():
        return text.translate(_SIGNS)
    return _BETWEEN.sub(" ", _MARKS.sub("", text).translate(_SIGNS))


def marked(headline: str, text: str) -> Markup:
    """PostgreSQL's headline of ``spaced(text)`` as HTML: what was found in ``<mark>``, all else as it was."""
    whole = str(escape(_JOIN.sub(r"\1", _as_it_was(headline, _MARKS.sub("", text)))))
    return Markup(whole.replace(BEGIN, "<mark>").replace(END, "</mark>"))  # noqa: S704  (escaped above)


def _as_it_was(headline: str, text: str) -> str:
    """The text with the headline's marks; the headline itself where that is only a part of the text."""
    if _MARKS.sub("", headline) == text:
        return headline
    shown, at = [], 0
    for letter in headline:
        there = text[at] if at < len(text) else ""
        if letter == there or (letter == " " and there and ord(there) in _SIGNS):
            shown.append(there)
            at += 1
        elif letter in (BEGIN, END):
            shown.append(letter)
        elif letter != " ":
            return headline
    return "".join(shown)


def folded(name: str) -> str:
    """A name without case, accents and signs, for comparing."""
    plain = unicodedata.normalize("NFKD", name.casefold())
    letters = (letter for letter in plain if not unicodedata.combining(letter))
    return " ".join("".join(letter if letter.isalnum() else " " for letter in letters).split())


def grams(name: str) -> list[str]:
    """Each three letters in a row, words begun by two spaces and ended by one, as in pg_trgm.

    https://www.postgresql.org/docs/current/pgtrgm.html
    """
    found = set()
    for word in folded(name).split():
        padded = f"  {word} "
        found |= {padded[i : i + 3] for i in range(len(padded) - 2)}
    return sorted(found)
