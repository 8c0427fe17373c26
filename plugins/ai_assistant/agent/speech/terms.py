"""A room's glossary: as a prompt for models that take one, and as a correction for those that don't.

The correction puts a term where words stand that sound nearly like it and aren't everyday words.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import jellyfish

from plugins.ai_assistant.agent.speech.everyday import EVERYDAY

# Whisper's prompt has 224 tokens.
LONGEST_PROMPT = 600
WORD = re.compile(r"[^\W\d_]+(?:['’-][^\W\d_]+)*")
GENITIVE = re.compile(r"['’]s\Z")
SPELLINGS = (
    ("ph", "f"),
    ("ck", "k"),
    ("c", "k"),
    ("q", "k"),
    ("v", "f"),
    ("z", "s"),
    ("th", "t"),
    ("y", "i"),
)
# Short words have many neighbours: those must sound alike, longer ones nearly so.
SHORTEST, LONG_SOUND = 4, 5
SAME_SOUND, NEAR_SOUND = 1.0, 0.75
NEAR_LETTERS, NEARER_LETTERS = 0.6, 0.7
MOST_WORDS = 3


def prompt(terms: Sequence[str]) -> str:
    """The glossary as Whisper takes it: like the text before."""
    taken = ""
    for term in terms:
        longer = f"{taken}, {term}" if taken else term
        if len(longer) > LONGEST_PROMPT:
            break
        taken = longer
    return taken


@dataclass(frozen=True)
class _Term:
    text: str
    letters: str
    spelling: str
    sound: str
    words: int


@dataclass(frozen=True)
class _Found:
    start: int
    end: int
    text: str
    nearness: float


class Glossary:
    """Corrects texts; knows its terms' sounds."""

    def __init__(self, terms: Sequence[str]) -> None:
        made = (_term(term) for term in dict.fromkeys(terms))
        self._terms = [term for term in made if len(term.letters) >= SHORTEST]
        self._known = {term.letters for term in self._terms}

    def correct(self, text: str) -> str:
        """The text with terms where something stands that sounds nearly like them."""
        if not self._terms or not text:
            return text
        words = list(WORD.finditer(text))
        done, parts = 0, []
        for found in self._replacements(words):
            parts += [text[done : found.start], found.text]
            done = found.end
        return "".join([*parts, text[done:]])

    def _replacements(self, words: list[re.Match[str]]) -> Iterator[_Found]:
        place = 0
        while place < len(words):
            found = max(self._beginning_at(words, place), key=lambda one: one.nearness, default=None)
            if found is None:
                place += 1
                continue
            yield found
            while place < len(words) and words[place].start() < found.end:
                place += 1

    def _beginning_at(self, words: list[re.Match[str]], place: int) -> Iterator[_Found]:
        for count in range(1, MOST_WORDS + 1):
            window = words[place : place + count]
            if len(window) < count or not _is_one_phrase(window):
                return
            if found := self._instead_of([word[0] for word in window]):
                yield _Found(window[0].start(), window[-1].end(), *found)

    def _instead_of(self, words: list[str]) -> tuple[str, float] | None:
        joined = _term(GENITIVE.sub("", " ".join(words)))
        if len(words) > 1 and any(_letters(word) in self._known for word in words):
            return None
        if joined.letters in self._known:
            return self._as_written(joined, len(words))
        if all(part in EVERYDAY for word in words for part in _parts(word)):
            return None
        near = ((term, _nearness(joined, term)) for term in self._terms)
        best = max(near, key=lambda one: one[1])
        return (_with_ending(words[-1], best[0].text), best[1]) if best[1] else None

    def _as_written(self, joined: _Term, words: int) -> tuple[str, float] | None:
        """What is the term already, perhaps in pieces or with small letters."""
        term = next(term for term in self._terms if term.letters == joined.letters)
        return (term.text, 2.0) if term.text != joined.text else None


def _term(text: str) -> _Term:
    letters = _letters(text)
    spelling = letters
    for written, heard in SPELLINGS:
        spelling = spelling.replace(written, heard)
    sound = re.sub("[AEIOUYWH]", "", jellyfish.metaphone(letters)) if letters else ""
    return _Term(text, letters, spelling, sound, len(text.split()))


def _letters(text: str) -> str:
    return "".join(letter for letter in text.lower() if letter.isalpha())


def _parts(word: str) -> list[str]:
    return [part for part in re.split("['’-]", word.lower()) if len(part) > 1]


def _is_one_phrase(window: list[re.Match[str]]) -> bool:
    """Whether nothing but spaces stands between the words."""
    text = window[0].string
    return all(text[one.end() : other.start()].isspace() for one, other in pairwise(window))


def _nearness(said: _Term, term: _Term) -> float:
    """How near it sounds, from 0 (another word) to 1."""
    if not said.sound or not term.sound or abs(len(said.letters) - len(term.letters)) > 3:
        return 0.0
    sound = _likeness(said.sound, term.sound)
    letters = _likeness(said.spelling, term.spelling)
    is_long = len(term.sound) >= LONG_SOUND
    if sound < (NEAR_SOUND if is_long else SAME_SOUND):
        return 0.0
    if said.spelling[0] != term.spelling[0] or letters < (NEAR_LETTERS if is_long else NEARER_LETTERS):
        return 0.0
    return (sound + letters) / 2


def _likeness(one: str, other: str) -> float:
    return 1 - jellyfish.levenshtein_distance(one, other) / max(len(one), len(other))


def _with_ending(last: str, term: str) -> str:
    """A genitive's ending stays."""
    ending = GENITIVE.search(last)
    return term + ending[0] if ending and not term.endswith(ending[0]) else term
