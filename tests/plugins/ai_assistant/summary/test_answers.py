"""What a model says becomes a summary that cites lines which exist, or nothing."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from plugins.ai_assistant.summary import Made, Summary, SummaryFailed
from plugins.ai_assistant.summary.shape import (
    LONGEST_SENTENCE,
    LONGEST_TITLE,
    MOST_CITES,
    MOST_ENTRIES,
    MOST_SENTENCES,
    MOST_TOPICS,
)
from tests.fixtures.openai_chat import OpenAIChat, Raw, Say
from tests.plugins.ai_assistant.summary.conftest import GOOD, say

SumUp = Callable[..., Made]
SOUND = {"text": "A sound sentence.", "cites": [1]}


def test_an_answer_becomes_a_summary_with_what_it_took(openai_chat: OpenAIChat, sum_up: SumUp) -> None:
    openai_chat.script.append(say())
    made = sum_up(price_in=2.0, price_out=10.0)
    assert made.model == "gpt-test" and made.parts == 1
    assert (made.tokens_in, made.tokens_out) == (1000, 200)
    assert made.cost == pytest.approx(0.004)
    assert not made.summary.is_draft
    assert made.summary.actions[0].until == "Friday"
    assert made.summary.questions[0].cites == [3, 4]
    assert Summary.model_validate_json(made.summary.model_dump_json()) == made.summary


def test_topics_begin_with_their_earliest_line_and_come_in_order(
    openai_chat: OpenAIChat, sum_up: SumUp
) -> None:
    openai_chat.script.append(say())
    topics = sum_up().summary.topics
    assert [(topic.title, topic.at) for topic in topics] == [("Eigenvectors", 9.5), ("Homework", 60.0)]


@pytest.mark.parametrize(
    "cites", [[], [99], [-1], [0], ["1"], [True], [1.0], [[1]], [None], "1", 1, None, {"1": 1}, [10**30]]
)
def test_a_sentence_without_a_line_that_exists_is_dropped(
    openai_chat: OpenAIChat, sum_up: SumUp, cites: Any
) -> None:
    wrong = {"text": "Nobody said so.", "cites": cites}
    openai_chat.script.append(
        say(
            {
                "overview": [wrong, SOUND],
                "topics": [{"title": "Empty", "text": [wrong]}, {"title": "Half", "text": [wrong, SOUND]}],
                "actions": [{"who": "", "what": "Nothing", "until": "", "cites": cites}],
                "questions": [{"question": "What?", "answer": "That.", "cites": cites}],
            }
        )
    )
    made = sum_up().summary
    assert [one.text for one in made.overview] == ["A sound sentence."]
    assert [(topic.title, len(topic.text)) for topic in made.topics] == [("Half", 1)]
    assert made.actions == [] and made.questions == []


def test_citations_that_do_not_exist_are_dropped_from_those_that_do(
    openai_chat: OpenAIChat, sum_up: SumUp
) -> None:
    openai_chat.script.append(say({"overview": [{"text": "So it is.", "cites": [4, 77, 2, 4, -3]}]}))
    assert sum_up().summary.overview[0].cites == [2, 4]


@pytest.mark.parametrize(
    "wrong", [None, 7, "text", [], {}, {"text": 7, "cites": [1]}, {"text": None}, {"text": " ", "cites": [1]}]
)
def test_entries_of_a_wrong_type_are_dropped(openai_chat: OpenAIChat, sum_up: SumUp, wrong: Any) -> None:
    openai_chat.script.append(
        say({"overview": [wrong, SOUND], "topics": wrong, "actions": [wrong], "questions": {"a": wrong}})
    )
    made = sum_up().summary
    assert [one.text for one in made.overview] == ["A sound sentence."]
    assert made.topics == [] and made.actions == [] and made.questions == []


def test_further_keys_are_dropped(openai_chat: OpenAIChat, sum_up: SumUp) -> None:
    openai_chat.script.append(
        say({**GOOD, "is_draft": True, "html": "<b>", "overview": [{**SOUND, "role": "system", "at": 3}]})
    )
    made = sum_up().summary
    assert not made.is_draft
    assert made.overview[0].model_dump() == SOUND


def test_markup_is_text_and_control_characters_are_gone(openai_chat: OpenAIChat, sum_up: SumUp) -> None:
    said = "<script>alert(1)</script>\x00 one\ntwo\x1b[31m \u202eevil\u2066 \ud800 end"
    openai_chat.script.append(say({"overview": [{"text": said, "cites": [1]}]}))
    assert sum_up().summary.overview[0].text == "<script>alert(1)</script> one two [31m evil end"


def test_everything_has_a_limit(openai_chat: OpenAIChat, sum_up: SumUp) -> None:
    long = "x" * 5000
    sentence = {"text": long, "cites": [1, 2, 3, 4, 5] * 20}
    openai_chat.script.append(
        say(
            {
                "overview": [sentence] * 40,
                "topics": [{"title": long, "text": [SOUND] * 40}] * 60,
                "actions": [{"who": long, "what": "Do it", "until": long, "cites": [1]}] * 90,
                "questions": [{"question": "Why?", "answer": long, "cites": [1]}] * 90,
            }
        )
    )
    made = sum_up().summary
    assert len(made.overview) == MOST_SENTENCES and len(made.overview[0].text) == LONGEST_SENTENCE
    assert made.overview[0].text.endswith("x…") and len(made.overview[0].cites) <= MOST_CITES
    assert len(made.topics) == MOST_TOPICS and len(made.topics[0].title) == LONGEST_TITLE
    assert len(made.topics[0].text) == MOST_SENTENCES
    assert len(made.actions) == MOST_ENTRIES and len(made.actions[0].who) == LONGEST_TITLE
    assert len(made.questions) == MOST_ENTRIES and len(made.questions[0].answer) == LONGEST_SENTENCE


@pytest.mark.parametrize(
    "around",
    [
        "{}",
        "Here is the JSON you asked for:\n```json\n{}\n```\nAnything else?",
        "<think>The {{curly}} user wants {{{{braces}}}} …</think>\n{}",
        "Let f = {{x}} be a set. {}",
        '{{"note": "first"}} {}',
    ],
)
def test_json_is_found_among_other_text(openai_chat: OpenAIChat, sum_up: SumUp, around: str) -> None:
    openai_chat.script.append(Say(around.format(json.dumps(GOOD))))
    assert sum_up().summary.actions[0].who == "Ben"


def test_content_in_pieces_is_put_together(openai_chat: OpenAIChat, sum_up: SumUp) -> None:
    text = json.dumps(GOOD)
    pieces = [{"type": "text", "text": text[:20]}, {"type": "text", "text": text[20:]}]
    openai_chat.script.append(Say(pieces))
    assert sum_up().summary.overview


@pytest.mark.parametrize(
    "reply",
    [
        Say(""),
        Say(None),
        Say("I am afraid that I can't say much about it."),
        Say('{"overview": [{"text": "It broke off, 1'),
        Say("[" * 100_000),
        Say('{"a":' * 100_000),
        Say("{" * 100_000),
        Say("[]"),
        Say("{}"),
        Say('{"overview": []}'),
        Say('{"overview": "<b>all</b>"}'),
        Say('{"overview": [{"text": "Long number", "cites": [' + "9" * 6000 + "]}]}"),
        Say(GOOD),
        Raw(b"<html>Bad gateway</html>"),
        Raw(b""),
        Raw(b"null"),
        Raw(b'{"choices": []}'),
        Raw(b'{"choices": [{"message": "text"}]}'),
        Raw(b"\xff\xfe\x00"),
        Raw(b"[" * 100_000),
        Raw(json.dumps({"overview": [SOUND]}).encode()),
    ],
    ids=repr,
)
def test_an_answer_that_makes_no_sense_is_asked_for_once_more(
    openai_chat: OpenAIChat, sum_up: SumUp, pauses: list[float], reply: Any
) -> None:
    openai_chat.script.extend([reply, reply])
    with pytest.raises(SummaryFailed) as failed:
        sum_up()
    assert failed.value.code == "bad_answer" and failed.value.retry
    assert len(openai_chat.requests) == 2 and len(pauses) == 1
    openai_chat.script.extend([reply, say()])
    assert sum_up().summary.overview


def test_ten_megabytes_are_not_read_to_their_end(openai_chat: OpenAIChat, sum_up: SumUp) -> None:
    openai_chat.answer = lambda body: say({"overview": [{**SOUND, "text": "x" * 10_000_000}]})
    with pytest.raises(SummaryFailed, match="bad_answer"):
        sum_up()


def test_a_server_that_does_not_count_is_counted_for(openai_chat: OpenAIChat, sum_up: SumUp) -> None:
    for usage in (None, {}, {"prompt_tokens": "many", "completion_tokens": -4}, {"prompt_tokens": 10**12}):
        openai_chat.script.append(say(usage=usage))
        made = sum_up()
        assert 500 < made.tokens_in < 5000 and 50 < made.tokens_out < 1000


def test_no_lines_are_no_question(openai_chat: OpenAIChat, sum_up: SumUp) -> None:
    assert sum_up([]).summary.is_empty
    assert openai_chat.requests == []
