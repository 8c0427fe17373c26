"""What a summary is: the form in which it is kept, edited and shown."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from functools import partial
from typing import Annotated, Protocol, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints

from plugins.ai_assistant.summary.text import plain

LONGEST_TITLE, LONGEST_SENTENCE = 200, 1000
MOST_SENTENCES, MOST_TOPICS, MOST_ENTRIES, MOST_CITES = 30, 40, 60, 20
HIGHEST_NUMBER = 1_000_000
LONGEST_LECTURE = 7 * 24 * 3600


@dataclass(frozen=True)
class Line:
    """Something that somebody said; ``at`` is in seconds since the lecture's start."""

    number: int
    at: float
    speaker: str
    text: str


def _cleaned(value: object, longest: int) -> object:
    # What is too long is left as it is: the limit then refuses it, instead of cutting what a host wrote.
    return plain(value, 4 * longest) if isinstance(value, str) and len(value) <= 4 * longest else value


Title = Annotated[
    str,
    BeforeValidator(partial(_cleaned, longest=LONGEST_TITLE)),
    StringConstraints(max_length=LONGEST_TITLE),
]
Words = Annotated[
    str,
    BeforeValidator(partial(_cleaned, longest=LONGEST_SENTENCE)),
    StringConstraints(max_length=LONGEST_SENTENCE),
]
Number = Annotated[int, Field(ge=0, le=HIGHEST_NUMBER)]
Cites = Annotated[list[Number], Field(max_length=MOST_CITES)]


class _Part(BaseModel):
    # One that was kept by another version of ours may have more in it.
    model_config = ConfigDict(extra="ignore")


class Sentence(_Part):
    """``cites``: numbers of the lines that it rests on; none where a host wrote it."""

    text: Words
    cites: Cites = []


class Topic(_Part):
    """``at``: where it began, in seconds since the lecture's start."""

    title: Title
    at: Annotated[float, Field(ge=0, le=LONGEST_LECTURE)]
    text: Annotated[list[Sentence], Field(max_length=MOST_SENTENCES)] = []


class Action(_Part):
    """What is to be done; ``who`` and ``until`` are empty where nobody said so."""

    who: Title = ""
    what: Words
    until: Title = ""
    cites: Cites = []


class Question(_Part):
    """``answer`` is empty where nobody gave one."""

    question: Words
    answer: Words = ""
    cites: Cites = []


class Summary(_Part):
    """``is_draft``: made without a language model."""

    overview: Annotated[list[Sentence], Field(max_length=MOST_SENTENCES)] = []
    topics: Annotated[list[Topic], Field(max_length=MOST_TOPICS)] = []
    actions: Annotated[list[Action], Field(max_length=MOST_ENTRIES)] = []
    questions: Annotated[list[Question], Field(max_length=MOST_ENTRIES)] = []
    is_draft: bool = False

    @property
    def is_empty(self) -> bool:
        return not (self.overview or self.topics or self.actions or self.questions)

    def cited(self) -> set[int]:
        """The numbers of all lines that it rests on."""
        sentences = [*self.overview, *(sentence for topic in self.topics for sentence in topic.text)]
        entries: list[Sentence | Action | Question] = [*sentences, *self.actions, *self.questions]
        return {number for one in entries for number in one.cites}


@dataclass(frozen=True)
class Made:
    """A summary and what it took; ``parts`` of the transcript were asked about one by one."""

    summary: Summary
    model: str = ""
    tokens_in: int = 0
    tokens_out: int = 0
    parts: int = 0
    cost: float = 0.0


Cited = TypeVar("Cited", Sentence, Action, Question)


def with_known_lines(summary: Summary, numbers: Collection[int]) -> Summary:
    """The same without citations of other lines than these; a host's own sentences may have none."""
    known = set(numbers)

    def held(entries: list[Cited]) -> list[Cited]:
        return [one.model_copy(update={"cites": _known(one.cites, known)}) for one in entries]

    return _with_entries(summary, held)


def without(summary: Summary, numbers: Collection[int], is_gone: Callable[[float], bool]) -> Summary:
    """The same without what rests on one of these lines, and topics that begin at a moment that is gone."""
    gone = set(numbers)

    def held(entries: list[Cited]) -> list[Cited]:
        return [one for one in entries if gone.isdisjoint(one.cites)]

    topics = [topic for topic in summary.topics if not is_gone(topic.at)]
    return _with_entries(summary.model_copy(update={"topics": topics}), held)


class _Held(Protocol):
    def __call__(self, entries: list[Cited]) -> list[Cited]: ...


def _with_entries(summary: Summary, held: _Held) -> Summary:
    """The same with what ``held`` makes of each list of what rests on lines."""
    changed = {
        "overview": held(summary.overview),
        "topics": [topic.model_copy(update={"text": held(topic.text)}) for topic in summary.topics],
        "actions": held(summary.actions),
        "questions": held(summary.questions),
    }
    return summary.model_copy(update=changed)


def _known(cites: list[int], numbers: set[int]) -> list[int]:
    return [number for number in dict.fromkeys(cites) if number in numbers]
