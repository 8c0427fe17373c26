"""Words of a lecture and how much each says, in any language."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from functools import cache

# A word in Latin or Cyrillic letters says little with two; one in Chinese says all.
SHORTEST = 3
WORD = re.compile(r"[^\W\d_]+(?:['’-][^\W\d_]+)*")
# Part of the lines that have a word.
COMMON = 0.06
# A short lecture has hardly another word than those that it is about: at most one in so many is empty.
FEW = 5
# Chinese, Japanese, Thai and their like have no spaces between words: pairs of letters stand for them.
UNSPACED = re.compile(r"[\u0e00-\u0eff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]")


def words(text: str) -> list[str]:
    """The words as they are written."""
    found: list[str] = []
    for word in WORD.findall(text):
        if UNSPACED.match(word):
            found += [word[at : at + 2] for at in range(len(word) - 1)]
        elif len(word) >= SHORTEST:
            found.append(word)
    return found


@cache
def empty_words(language: str) -> frozenset[str]:
    """Words that say nothing by themselves; none for a language that the library doesn't know."""
    try:
        import stopwordsiso
    except ImportError:
        # A deployment may leave the assistant's libraries out: titles are less telling then.
        return frozenset()

    code = language.lower().split("-")[0]
    return frozenset(stopwordsiso.stopwords(code)) if stopwordsiso.has_lang(code) else frozenset()


def common_words(texts: Sequence[str]) -> frozenset[str]:
    """Words that too many lines have: those that say nothing, in a language that nobody knows here."""
    having = Counter(word for text in texts for word in set(telling(text, frozenset())))
    commonest = having.most_common(len(having) // FEW)
    return frozenset(word for word, times in commonest if times > COMMON * len(texts))


def telling(text: str, empty: frozenset[str]) -> list[str]:
    """The words that say something, in lower case."""
    return [
        word
        for word in (word.lower().replace("’", "'") for word in words(text))
        if word not in empty and word.split("'")[0] not in empty
    ]


def weights(documents: Iterable[Sequence[str]]) -> dict[str, float]:
    """How much each word tells: the fewer documents have it, the more."""
    count, having = 0, Counter[str]()
    for document in documents:
        count += 1
        having.update(set(document))
    return {word: math.log(1 + count / times) for word, times in having.items()}
