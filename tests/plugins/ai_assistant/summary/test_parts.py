"""Long lectures: parts, then the whole, within a budget that is looked at before each question."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable
from typing import Any

import pytest

from plugins.ai_assistant.summary import Line, Made, Model, SummaryFailed, summarize
from plugins.ai_assistant.summary.tokens import estimate
from tests.fixtures.openai_chat import KEY, Fail, OpenAIChat, Say
from tests.plugins.ai_assistant.summary.conftest import say

SumUp = Callable[..., Made]
WORDS = "the matrix maps every vector of this space to another one of it".split()


def lecture(lines: int, hours: float) -> list[Line]:
    """Numbers with gaps, as where lines were taken out."""
    step = hours * 3600 / lines
    return [Line(3 * n + 7, n * step, "Ada" if n % 9 else "Ben", " ".join(WORDS)) for n in range(lines)]


def rows_of(body: dict[str, Any]) -> list[Any]:
    """The data of a question."""
    block = re.search(r"(=== \w{16} ===)\n(.*)\n\1", body["messages"][1]["content"], re.DOTALL)
    assert block is not None
    return [json.loads(row) for row in block.group(2).splitlines()][1:]


def numbers_in(rows: list[Any]) -> list[int]:
    """What may be cited of the data."""
    if isinstance(rows[0], list):
        return [row[0] for row in rows]
    return sorted({n for row in rows for one in row["overview"] for n in one["cites"]})


def attentive(body: dict[str, Any]) -> Say:
    """Cites the first and the last line of what it was given, and two that don't exist."""
    numbers = numbers_in(rows_of(body))
    cites = [numbers[0], numbers[-1], 1, 999_999]
    overview = [{"text": f"From {numbers[0]} to {numbers[-1]}.", "cites": cites}]
    topics = [{"title": f"Topic {n}", "text": [{"text": "Taught.", "cites": [n]}]} for n in numbers[-1:]]
    used = {"prompt_tokens": estimate(body["messages"][1]["content"]), "completion_tokens": 150}
    return say({"overview": overview, "topics": topics, "actions": [], "questions": []}, usage=used)


def test_three_hours_are_summed_up_in_parts_and_then_as_a_whole(
    openai_chat: OpenAIChat, sum_up: SumUp
) -> None:
    openai_chat.answer = attentive
    lines = lecture(2000, 3)
    assert sum(len(line.text.split()) for line in lines) == 26_000
    began = time.monotonic()
    made = sum_up(lines, price_in=1.0)
    assert time.monotonic() - began < 10
    assert made.parts > 3 and len(openai_chat.requests) == made.parts + 1
    parts = [rows_of(body) for body in openai_chat.requests[:-1]]
    assert [row[0] for part in parts for row in part] == [line.number for line in lines]
    assert made.summary.overview[0].cites == [7, 6004]
    assert made.summary.topics[0].at == lines[-1].at
    assert made.tokens_out == 150 * (made.parts + 1)
    assert made.tokens_in < 120_000 and made.cost == pytest.approx(made.tokens_in / 1e6)


def test_no_question_is_longer_than_it_may_be(openai_chat: OpenAIChat, sum_up: SumUp) -> None:
    openai_chat.answer = attentive
    sum_up(lecture(500, 1), part_tokens=2000)
    for body in openai_chat.requests:
        assert sum(estimate(json.dumps(row, ensure_ascii=False)) for row in rows_of(body)) <= 2000


def test_the_whole_cites_only_what_its_parts_have_cited(openai_chat: OpenAIChat, sum_up: SumUp) -> None:
    def careless(body: dict[str, Any]) -> Say:
        if isinstance(rows_of(body)[0], dict):
            return say({"overview": [{"text": "All of it.", "cites": [7, 10, 13]}]})
        return attentive(body)

    openai_chat.answer = careless
    made = sum_up(lecture(100, 1), part_tokens=1000)
    assert made.summary.overview[0].cites == [7], "10 and 13 exist, but the whole hasn't read them"


def test_very_many_parts_are_joined_step_by_step(openai_chat: OpenAIChat, sum_up: SumUp) -> None:
    openai_chat.answer = attentive
    made = sum_up(lecture(160, 2), part_tokens=200, most_tokens=1_000_000)
    assert made.parts > 20
    wholes = [body for body in openai_chat.requests if isinstance(rows_of(body)[0], dict)]
    assert len(wholes) > 3
    assert made.summary.overview[0].cites == [7, 484]


def test_a_part_of_which_nothing_comes_is_left_out(openai_chat: OpenAIChat, sum_up: SumUp) -> None:
    def bored(body: dict[str, Any]) -> Say:
        rows = rows_of(body)
        return say({"overview": []}) if isinstance(rows[0], list) and rows[0][0] == 7 else attentive(body)

    openai_chat.answer = bored
    made = sum_up(lecture(100, 1), part_tokens=1000)
    assert made.summary.overview[0].cites[0] > 7


def test_a_lecture_of_which_nothing_comes_has_no_summary(openai_chat: OpenAIChat, sum_up: SumUp) -> None:
    openai_chat.answer = lambda body: say({"overview": []})
    with pytest.raises(SummaryFailed) as failed:
        sum_up(lecture(100, 1), part_tokens=1000)
    assert failed.value.code == "bad_answer" and failed.value.tokens_in > 0


def test_progress_is_reported(openai_chat: OpenAIChat) -> None:
    openai_chat.answer = attentive
    heard: list[tuple[int, int]] = []
    model = Model("m", openai_chat.url, KEY, 10.0, part_tokens=1000)
    summarize(
        lecture(100, 1), title="", language="", model=model, report=lambda done, of: heard.append((done, of))
    )
    assert [done for done, _ in heard] == list(range(1, len(heard) + 1))
    assert heard[-1][0] == heard[-1][1] > 2


# --- budget ---------------------------------------------------------------------------


def test_a_lecture_that_is_too_long_costs_nothing(openai_chat: OpenAIChat, sum_up: SumUp) -> None:
    with pytest.raises(SummaryFailed) as failed:
        sum_up(lecture(2000, 3), most_tokens=30_000)
    assert failed.value.code == "too_long" and not failed.value.retry
    assert openai_chat.requests == []


def test_a_lecture_that_is_too_dear_costs_nothing(openai_chat: OpenAIChat, sum_up: SumUp) -> None:
    with pytest.raises(SummaryFailed) as failed:
        sum_up(lecture(2000, 3), price_in=10.0, price_out=30.0, most_cost=0.2)
    assert failed.value.code == "too_dear" and not failed.value.retry
    assert openai_chat.requests == []


@pytest.mark.parametrize(
    ("settings", "code"),
    [({}, "too_long"), ({"price_in": 1.0, "price_out": 1.0, "most_cost": 0.1}, "too_dear")],
)
def test_a_model_that_takes_more_than_foreseen_is_stopped_before_the_next_question(
    openai_chat: OpenAIChat, sum_up: SumUp, settings: dict[str, float], code: str
) -> None:
    def greedy(body: dict[str, Any]) -> Say:
        answer = attentive(body)
        answer.usage = {"prompt_tokens": 60_000, "completion_tokens": 39_900}
        return answer

    openai_chat.answer = greedy
    with pytest.raises(SummaryFailed) as failed:
        sum_up(lecture(2000, 3), most_tokens=100_000 if code == "too_long" else 10**9, **settings)
    assert failed.value.code == code and (failed.value.tokens_in, failed.value.tokens_out) == (60_000, 39_900)
    assert len(openai_chat.requests) == 1


def test_tries_that_failed_are_paid_from_the_same_budget(openai_chat: OpenAIChat, sum_up: SumUp) -> None:
    openai_chat.answer = lambda body: Say("", usage={"prompt_tokens": 3000, "completion_tokens": 900})
    with pytest.raises(SummaryFailed) as failed:
        sum_up(most_tokens=4000)
    assert failed.value.code == "too_long" and failed.value.tokens_in == 3000
    assert len(openai_chat.requests) == 1


def test_an_answer_may_take_only_what_is_left(openai_chat: OpenAIChat, sum_up: SumUp) -> None:
    openai_chat.answer = lambda body: say()
    sum_up(most_tokens=4000)
    assert 500 <= openai_chat.requests[0]["max_completion_tokens"] < 3000
    sum_up(price_out=100.0, most_cost=0.2)
    assert openai_chat.requests[1]["max_completion_tokens"] == 2000


def test_free_models_have_no_limit_of_cost(openai_chat: OpenAIChat, sum_up: SumUp) -> None:
    openai_chat.answer = lambda body: say()
    assert sum_up(most_cost=0.01).cost == 0
    assert openai_chat.requests[0]["max_completion_tokens"] == 8000


def test_a_failure_in_a_later_part_tells_what_was_spent(openai_chat: OpenAIChat, sum_up: SumUp) -> None:
    openai_chat.script.extend([say(usage={"prompt_tokens": 10, "completion_tokens": 5}), Fail(402)])
    with pytest.raises(SummaryFailed) as failed:
        sum_up(lecture(100, 1), part_tokens=1000)
    assert (failed.value.code, failed.value.tokens_in, failed.value.tokens_out) == ("no_credit", 10, 5)


@pytest.mark.parametrize(
    ("text", "least"),
    [
        ("An eigenvector keeps its direction.", 7),
        ("Der Eigenvektor behält seine Richtung.", 9),
        ("特征向量", 4),
    ],
)
def test_tokens_are_estimated_from_above(text: str, least: int) -> None:
    assert least <= estimate(text) <= 3 * least
