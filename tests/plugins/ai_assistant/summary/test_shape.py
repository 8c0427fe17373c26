"""The form in which a summary is kept and edited: bounded, plain, and open for older ones."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from plugins.ai_assistant.summary import Question, Sentence, Summary, Topic, with_known_lines


@pytest.mark.parametrize(
    "wrong",
    [
        {"overview": [{"text": "x" * 1001, "cites": []}]},
        {"overview": [{"text": "x" * 10_000_000, "cites": []}]},
        {"overview": [{"text": "x", "cites": [-1]}]},
        {"overview": [{"text": "x", "cites": [10**9]}]},
        {"overview": [{"text": "x", "cites": list(range(21))}]},
        {"overview": [{"cites": [1]}]},
        {"overview": [{"text": 7, "cites": [1]}]},
        {"overview": [{"text": "x"}] * 31},
        {"topics": [{"title": "x", "at": 0}] * 41},
        {"topics": [{"title": "x", "at": -1}]},
        {"topics": [{"title": "x", "at": float("nan")}]},
        {"topics": [{"title": "x", "at": 1e9}]},
        {"topics": [{"title": "x" * 201, "at": 0}]},
        {"actions": [{"what": "x"}] * 61},
        {"questions": [{"question": "x", "answer": "x" * 1001}]},
    ],
    ids=lambda wrong: str(wrong)[:60],
)
def test_what_a_host_writes_is_refused_when_it_is_too_much(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Summary.model_validate(wrong)


def test_what_a_host_writes_is_plain_text() -> None:
    made = Sentence.model_validate({"text": " <i>two</i>\x00\n lines \u202e", "cites": []})
    assert made.text == "<i>two</i> lines"


def test_a_summary_of_another_version_can_be_read() -> None:
    assert Summary.model_validate({"overview": [{"text": "Old.", "note": 1}], "new": {}}).overview


def test_citations_of_lines_that_do_not_exist_are_taken_out_and_own_sentences_stay() -> None:
    summary = Summary(
        overview=[Sentence(text="Both.", cites=[1, 9, 1]), Sentence(text="A host's own.")],
        topics=[Topic(title="One", at=3.0, text=[Sentence(text="Gone.", cites=[9])])],
        questions=[Question(question="Why?", cites=[2, 9])],
    )
    known = with_known_lines(summary, {1, 2})
    assert [one.cites for one in known.overview] == [[1], []]
    assert known.topics[0].text[0].cites == [] and known.topics[0].at == 3.0
    assert known.cited() == {1, 2}
    assert summary.cited() == {1, 2, 9}, "the one that was given stays as it is"
