"""Names and terms that captions should know: from the room's settings, and from what was shared."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import PurePath

from core.api import Lecture, StorageDown, db, files, room_settings
from plugins.ai_assistant import consent, state
from plugins.ai_assistant.settings import RoomSettings

# Deepgram takes 100 key terms at most (developers.deepgram.com/docs/keyterm); more would drown the rest.
MOST_TERMS = 100
LONGEST_TERM = 60
# Files that are read for one lecture; slides come in one or two.
MOST_FILES = 20
WORD = re.compile(r"[^\W\d_][\w'-]*[\w]|[^\W\d_]")
ENDS_SENTENCE = frozenset(".!?:;•-–")


def collect(lecture: Lecture) -> list[str]:
    """Work out the lecture's terms anew and tell the agent when there are others; commits."""
    shared = files.shared_in(lecture)[-MOST_FILES:]
    texts: list[str] = [_title(stored.name) for stored in shared]
    for stored in shared:
        try:
            texts.append(files.read_text(stored))
        except StorageDown:
            # The titles are known; the text comes with the next file or not at all.
            continue
    terms = choose(room_settings(lecture.room, RoomSettings).glossary, texts)
    artifact = consent.locked_artifact(lecture)
    is_new = artifact.terms != terms
    artifact.terms = terms
    if is_new:
        state.touch(artifact)
    db.session.commit()
    if is_new:
        state.tell(lecture)
    return terms


def choose(glossary: str, texts: Iterable[str]) -> list[str]:
    """The room's own terms first, then those of the texts that occur most often."""
    own = [" ".join(line.split())[:LONGEST_TERM] for line in glossary.splitlines()]
    found = Counter(term for text in texts for term in terms_in(text))
    ranked = sorted(found, key=lambda term: (-found[term], term))
    return list(dict.fromkeys([term for term in own if term] + ranked))[:MOST_TERMS]


def _title(name: str) -> str:
    return re.sub(r"[_-]+", " ", PurePath(name).stem)


def terms_in(text: str) -> Iterator[str]:
    """What looks like a name or a term: capitals inside a word, or at its beginning within a sentence."""
    for line in text.splitlines():
        starts = True
        last = 0
        for match in WORD.finditer(line):
            word, between = match.group(), line[last : match.start()].strip()
            starts = starts or bool(between and between[-1] in ENDS_SENTENCE)
            if _is_telling(word, starts):
                yield word[:LONGEST_TERM]
            starts, last = False, match.end()


def _is_telling(word: str, starts: bool) -> bool:
    """At the beginning of a sentence or a line every word has a capital: that says nothing there."""
    if len(word) < 3 or len(word) > LONGEST_TERM:
        return len(word) == 2 and word.isupper()
    inside = any(letter.isupper() for letter in word[1:])
    return inside or (word[0].isupper() and not starts)
