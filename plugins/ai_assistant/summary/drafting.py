"""A draft without a language model: the most telling lines as they were said, and nothing else.

What is to be done isn't found: a rule that does so would be wrong more often than right.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from plugins.ai_assistant.summary.ranking import rank
from plugins.ai_assistant.summary.shape import (
    LONGEST_SENTENCE,
    LONGEST_TITLE,
    Line,
    Made,
    Question,
    Sentence,
    Summary,
    Topic,
)
from plugins.ai_assistant.summary.text import has_letters, plain
from plugins.ai_assistant.summary.words import common_words, empty_words, telling, words

# More lines than ten hours have.
MOST_LINES = 10_000
OVERVIEW = 10
TOPIC_SECONDS, FEWEST_LINES_OF_A_TOPIC, MOST_TOPICS = 480, 8, 15
SENTENCES_OF_A_TOPIC = 3
WORDS_OF_A_TITLE = 3
# A sentence that stands alone has a few words; a line that was cut off has less.
FEWEST_WORDS, MOST_WORDS = 6, 45
ENDS = tuple(".!?…。！？؟।")
ASKS = tuple("?？؟;")
MOST_QUESTIONS, FEWEST_WORDS_OF_A_QUESTION = 20, 4
ANSWER_SECONDS, LINES_OF_AN_ANSWER = 60, 3


@dataclass(frozen=True)
class _Ranked:
    line: Line
    words: list[str]
    score: float


def draft(lines: Sequence[Line], *, language: str) -> Made:
    """The most telling lines, in order; ``language`` only says which words are empty."""
    known = [line for line in lines[:MOST_LINES] if has_letters(line.text)]
    ranked = _ranked(known, empty_words(language) or common_words([line.text for line in known]))
    made = Summary(
        overview=_overview(ranked), topics=_topics(ranked), questions=_questions(known), is_draft=True
    )
    return Made(made)


def _ranked(lines: Sequence[Line], empty: frozenset[str]) -> list[_Ranked]:
    documents = [telling(line.text, empty) for line in lines]
    scores = rank(documents)
    return [
        _Ranked(line, document, score * _is_sentence(line.text))
        for line, document, score in zip(lines, documents, scores, strict=True)
    ]


def _is_sentence(text: str) -> float:
    """How well a line stands alone."""
    count = len(words(text))
    is_whole = text.rstrip().endswith(ENDS) and not text.rstrip().endswith(ASKS)
    return (1.0 if FEWEST_WORDS <= count <= MOST_WORDS else 0.3) * (1.0 if is_whole else 0.6)


# --- overview -------------------------------------------------------------------------


def _overview(ranked: Sequence[_Ranked]) -> list[Sentence]:
    """The best line of each tenth of the lecture."""
    said: set[str] = set()
    made = []
    for stretch in _stretches(ranked, OVERVIEW):
        fresh = [one for one in stretch if plain(one.line.text, LONGEST_SENTENCE) not in said]
        if fresh:
            sentence = _sentence(max(fresh, key=lambda one: one.score))
            said.add(sentence.text)
            made.append(sentence)
    return made


def _sentence(ranked: _Ranked) -> Sentence:
    return Sentence(text=plain(ranked.line.text, LONGEST_SENTENCE), cites=[ranked.line.number])


def _stretches(ranked: Sequence[_Ranked], count: int) -> list[Sequence[_Ranked]]:
    """The lecture in so many stretches of as many lines; fewer where there are fewer lines."""
    count = min(count, len(ranked))
    return [ranked[len(ranked) * at // count : len(ranked) * (at + 1) // count] for at in range(count)]


# --- topics ---------------------------------------------------------------------------


def _topics(ranked: Sequence[_Ranked]) -> list[Topic]:
    if not ranked:
        return []
    seconds = ranked[-1].line.at - ranked[0].line.at
    by_time = math.ceil(seconds / TOPIC_SECONDS)
    count = max(1, min(by_time, len(ranked) // FEWEST_LINES_OF_A_TOPIC, MOST_TOPICS))
    stretches = _stretches(ranked, count)
    titles = _titles([[word for one in stretch for word in one.words] for stretch in stretches])
    return [
        _topic(_as_written(title, stretch), stretch)
        for title, stretch in zip(titles, stretches, strict=True)
        if title
    ]


def _topic(title: str, stretch: Sequence[_Ranked]) -> Topic:
    once = {one.line.text: one for one in sorted(stretch, key=lambda one: one.score)}
    best = sorted(once.values(), key=lambda one: -one.score)[:SENTENCES_OF_A_TOPIC]
    in_order = sorted(best, key=lambda one: one.line.number)
    at = max(0.0, min(one.line.at for one in in_order))
    return Topic(title=title, at=at, text=[_sentence(one) for one in in_order])


def _titles(stretches: Sequence[Sequence[str]]) -> list[list[str]]:
    """The words that each stretch says more than the others do."""
    counts = [Counter(stretch) for stretch in stretches]
    total: Counter[str] = Counter()
    for count in counts:
        total.update(count)
    whole = sum(total.values()) or 1

    def score(word: str, count: Counter[str]) -> float:
        expected = total[word] * sum(count.values()) / whole
        return count[word] * math.log(1 + count[word] / expected)

    return [
        sorted(count, key=lambda word: (-score(word, count), word))[:WORDS_OF_A_TITLE] for count in counts
    ]


def _as_written(title: Sequence[str], stretch: Sequence[_Ranked]) -> str:
    """Names and German nouns keep their capitals: the commonest way of writing is taken."""
    wanted = set(title)
    written: dict[str, Counter[str]] = {word: Counter() for word in title}
    for one in stretch:
        for word in words(one.line.text):
            if (low := word.lower().replace("’", "'")) in wanted:
                written[low][word] += 1
    text = ", ".join(written[word].most_common(1)[0][0] for word in title if written[word])
    return plain(text[:1].upper() + text[1:], LONGEST_TITLE)


# --- questions ------------------------------------------------------------------------


def _questions(lines: Sequence[Line]) -> list[Question]:
    """Lines that ask something, those with an answer first when there are too many."""
    asked = [
        (at, question)
        for at, line in enumerate(lines)
        if line.text.rstrip().endswith(ASKS) and (question := _question(lines, at))
    ]
    asked.sort(key=lambda one: not one[1].answer)
    return [question for _, question in sorted(asked[:MOST_QUESTIONS], key=lambda one: one[0])]


def _question(lines: Sequence[Line], at: int) -> Question | None:
    asked = lines[at]
    if len(words(asked.text)) < FEWEST_WORDS_OF_A_QUESTION and not _is_long(asked.text):
        return None
    answer = _answer(lines, at)
    return Question(
        question=plain(asked.text, LONGEST_SENTENCE),
        answer=plain(" ".join(line.text for line in answer), LONGEST_SENTENCE),
        cites=[asked.number, *(line.number for line in answer)],
    )


def _is_long(text: str) -> bool:
    return len(text) > 25


def _answer(lines: Sequence[Line], at: int) -> list[Line]:
    """What somebody else says right after it, until another one speaks or asks."""
    asked = lines[at]
    following = lines[at + 1 : at + 1 + LINES_OF_AN_ANSWER]
    made: list[Line] = []
    for line in following:
        is_other = line.speaker not in ("", asked.speaker)
        is_near = line.at - asked.at <= ANSWER_SECONDS
        is_same_voice = not made or line.speaker == made[0].speaker
        if not (is_other and is_near and is_same_voice) or line.text.rstrip().endswith(ASKS):
            break
        made.append(line)
    return made
