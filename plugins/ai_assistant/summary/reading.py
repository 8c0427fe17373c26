"""A model's answer, which may be anything: what fits a summary and cites lines that exist is taken."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, Field

from plugins.ai_assistant.summary.shape import (
    LONGEST_SENTENCE,
    LONGEST_TITLE,
    MOST_CITES,
    MOST_ENTRIES,
    MOST_SENTENCES,
    MOST_TOPICS,
    Action,
    Question,
    Sentence,
    Summary,
    Topic,
)
from plugins.ai_assistant.summary.text import has_letters, plain

# Words before the JSON may have braces too; so many of them are tried.
BRACES = 50
THINKING = re.compile(r"<think>.*?(</think>|\Z)", re.DOTALL)
PARTS = ("overview", "topics", "actions", "questions")
T = TypeVar("T")


class _Asked(BaseModel):
    # A strict schema wants every field required and none besides; limits are ours to keep.
    model_config = ConfigDict(extra="forbid")


class AskedSentence(_Asked):
    text: str
    cites: list[int] = Field(description="numbers of the lines that say so, at least one")


class AskedTopic(_Asked):
    title: str
    text: list[AskedSentence]


class AskedAction(_Asked):
    who: str = Field(description="empty if nobody was named")
    what: str
    until: str = Field(description="empty if no time was named")
    cites: list[int]


class AskedQuestion(_Asked):
    question: str
    answer: str = Field(description="empty if nobody answered")
    cites: list[int]


class Asked(_Asked):
    """The form in which a model is asked to answer."""

    overview: list[AskedSentence]
    topics: list[AskedTopic]
    actions: list[AskedAction]
    questions: list[AskedQuestion]


def schema() -> dict[str, Any]:
    """The JSON schema of an answer."""
    return Asked.model_json_schema()


def understand(content: str, times: Mapping[int, float]) -> Summary | None:
    """A model's answer as a summary; None if there is no answer in it.

    ``times`` has the lines that may be cited, and when each was said.
    """
    found = _find(content)
    return None if found is None else _Reader(times).summary(found)


def _find(content: str) -> dict[str, Any] | None:
    text = THINKING.sub("", content)
    start = -1
    for _ in range(BRACES):
        start = text.find("{", start + 1)
        if start < 0:
            break
        found = _decoded(text, start)
        if isinstance(found, dict) and any(isinstance(found.get(name), list) for name in PARTS):
            return found
    return None


def _decoded(text: str, start: int) -> Any:
    try:
        return json.JSONDecoder().raw_decode(text, start)[0]
    except (ValueError, RecursionError):
        return None


class _Reader:
    """Takes what it can use of an entry, and no entry that rests on nothing."""

    def __init__(self, times: Mapping[int, float]) -> None:
        self.times = times

    def summary(self, found: dict[str, Any]) -> Summary:
        return Summary(
            overview=_taken(found.get("overview"), self.sentence, MOST_SENTENCES),
            topics=sorted(_taken(found.get("topics"), self.topic, MOST_TOPICS), key=lambda topic: topic.at),
            actions=_taken(found.get("actions"), self.action, MOST_ENTRIES),
            questions=_taken(found.get("questions"), self.question, MOST_ENTRIES),
        )

    def sentence(self, entry: dict[str, Any]) -> Sentence | None:
        text, cites = _words(entry.get("text"), LONGEST_SENTENCE), self.cites(entry)
        return Sentence(text=text, cites=cites) if text and cites else None

    def topic(self, entry: dict[str, Any]) -> Topic | None:
        title = _words(entry.get("title"), LONGEST_TITLE)
        text = _taken(entry.get("text"), self.sentence, MOST_SENTENCES)
        if not (title and text):
            return None
        at = min(self.times[number] for sentence in text for number in sentence.cites)
        return Topic(title=title, at=max(at, 0.0), text=text)

    def action(self, entry: dict[str, Any]) -> Action | None:
        what, cites = _words(entry.get("what"), LONGEST_SENTENCE), self.cites(entry)
        if not (what and cites):
            return None
        who, until = (_words(entry.get(name), LONGEST_TITLE) for name in ("who", "until"))
        return Action(who=who, what=what, until=until, cites=cites)

    def question(self, entry: dict[str, Any]) -> Question | None:
        asked, cites = _words(entry.get("question"), LONGEST_SENTENCE), self.cites(entry)
        answer = _words(entry.get("answer"), LONGEST_SENTENCE)
        return Question(question=asked, answer=answer, cites=cites) if asked and cites else None

    def cites(self, entry: dict[str, Any]) -> list[int]:
        given = entry.get("cites")
        # True is a number too, and 1.0 equals 1.
        numbers = [n for n in given if type(n) is int and n in self.times] if isinstance(given, list) else []
        return sorted(dict.fromkeys(numbers))[:MOST_CITES]


def _taken(value: Any, read: Callable[[dict[str, Any]], T | None], most: int) -> list[T]:
    made: list[T] = []
    for entry in value if isinstance(value, list) else []:
        if len(made) == most:
            break
        if isinstance(entry, dict) and (one := read(entry)) is not None:
            made.append(one)
    return made


def _words(value: Any, longest: int) -> str:
    text = plain(value, longest) if isinstance(value, str) else ""
    return text if has_letters(text) else ""
