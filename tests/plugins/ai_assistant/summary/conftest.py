"""A lecture, and a model that answers about it."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from plugins.ai_assistant.summary import Line, Made, Model, summarize
from tests.fixtures.openai_chat import KEY, OpenAIChat, Say, openai_chat  # noqa: F401

SHORT = [
    Line(1, 4.0, "Ada", "Good morning, today we look at eigenvalues."),
    Line(2, 9.5, "Ada", "An eigenvector keeps its direction under the matrix."),
    Line(3, 15.0, "Ben", "What does the eigenvalue tell us then?"),
    Line(4, 18.0, "Ada", "It tells by how much the vector is stretched."),
    Line(5, 60.0, "Ada", "Please hand in sheet three by Friday, Ben."),
]
GOOD = {
    "overview": [{"text": "The lecture explained eigenvalues.", "cites": [1, 2]}],
    "topics": [
        {"title": "Homework", "text": [{"text": "There is a third sheet.", "cites": [5]}]},
        {"title": "Eigenvectors", "text": [{"text": "They keep their direction.", "cites": [4, 2]}]},
    ],
    "actions": [{"who": "Ben", "what": "Hand in sheet three", "until": "Friday", "cites": [5]}],
    "questions": [{"question": "What does it tell?", "answer": "The stretching.", "cites": [3, 4]}],
}


def say(answer: Any = GOOD, **more: Any) -> Say:
    """An answer of the model, as JSON."""
    return Say(json.dumps(answer), **more)


@pytest.fixture
def pauses() -> list[float]:
    """How long would have been waited between tries."""
    return []


@pytest.fixture
def sum_up(openai_chat: OpenAIChat, pauses: list[float]) -> Callable[..., Made]:  # noqa: F811
    """``sum_up(lines, **settings of the model)`` by the real client; pauses are noted, not made."""

    def ask(lines: list[Line] = SHORT, *, title: str = "Algebra", language: str = "en", **model: Any) -> Made:
        settings = {"name": "gpt-test", "url": openai_chat.url, "key": KEY, "seconds": 10.0, **model}
        return summarize(lines, title=title, language=language, model=Model(**settings), pause=pauses.append)

    return ask
