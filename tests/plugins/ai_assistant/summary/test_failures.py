"""A model's server that refuses, is slow or gone: the failure has a name, and what helps is tried."""

from __future__ import annotations

import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from plugins.ai_assistant.summary import Made, SummaryFailed
from tests.fixtures.openai_chat import (
    FILTERED,
    INVALID_KEY,
    KEY,
    NO_CREDIT,
    PAYMENT,
    TOO_LONG,
    Cut,
    Drip,
    Fail,
    OpenAIChat,
    Raw,
    Reply,
    Say,
    Silence,
    too_many,
)
from tests.plugins.ai_assistant.summary.conftest import say

SumUp = Callable[..., Made]


def failure(sum_up: SumUp, **settings: object) -> SummaryFailed:
    with pytest.raises(SummaryFailed) as failed:
        sum_up(**settings)
    return failed.value


@pytest.mark.parametrize(
    ("reply", "code"),
    [
        (INVALID_KEY, "bad_key"),
        (Fail(403, "Country not supported", "unsupported_country"), "bad_key"),
        (PAYMENT, "no_credit"),
        (NO_CREDIT, "no_credit"),
        (TOO_LONG, "too_long"),
        (Fail(413, "Payload too large"), "too_long"),
        (FILTERED, "refused"),
        (Say(None, refusal="I can't help with that."), "refused"),
        (Say("", finish="content_filter"), "refused"),
        (Fail(404, "The model `gpt-none` does not exist", "model_not_found"), "unknown"),
        (Raw(b'{"error": {"code": 402, "message": "Insufficient credits"}}'), "no_credit"),
        (Raw(b"not even JSON", 401), "bad_key"),
    ],
    ids=str,
)
def test_what_another_try_cannot_help_is_asked_once(
    openai_chat: OpenAIChat, sum_up: SumUp, pauses: list[float], reply: Reply, code: str
) -> None:
    openai_chat.script.append(reply)
    failed = failure(sum_up)
    assert failed.code == code and not failed.retry
    assert len(openai_chat.requests) == 1 and pauses == []


@pytest.mark.parametrize(
    ("reply", "code", "tries"),
    [
        (Fail(500, "The server had an error", None, "server_error"), "down", 3),
        (Fail(503, "Overloaded"), "down", 3),
        (Raw(b"<html>bad gateway</html>", 502), "down", 3),
        (Cut(), "down", 3),
        (Raw(b'{"error": {"code": 502, "message": "upstream"}}'), "down", 3),
        (Raw(b'{"error": {"code": "odd", "message": 7}}'), "down", 3),
        (too_many("2"), "too_many", 3),
    ],
    ids=str,
)
def test_what_may_pass_is_tried_again_with_growing_pauses(
    openai_chat: OpenAIChat, sum_up: SumUp, pauses: list[float], reply: Reply, code: str, tries: int
) -> None:
    openai_chat.answer = lambda body: reply
    failed = failure(sum_up)
    assert failed.code == code and failed.retry
    assert len(openai_chat.requests) == tries and len(pauses) == tries - 1
    openai_chat.script.extend([reply, say()])
    assert sum_up().summary.overview


def test_pauses_grow(openai_chat: OpenAIChat, sum_up: SumUp, pauses: list[float]) -> None:
    openai_chat.answer = lambda body: Fail(500)
    failure(sum_up)
    assert 1 <= pauses[0] < 2 and 4 <= pauses[1] < 5


def test_the_server_says_how_long_to_wait(
    openai_chat: OpenAIChat, sum_up: SumUp, pauses: list[float]
) -> None:
    in_ten_seconds = format_datetime(datetime.now(UTC) + timedelta(seconds=10), usegmt=True)
    openai_chat.script.extend([too_many("7"), too_many(in_ten_seconds), say()])
    assert sum_up().summary.overview
    assert pauses[0] == 7 and 5 < pauses[1] <= 10


def test_a_long_wait_is_left_to_others(openai_chat: OpenAIChat, sum_up: SumUp, pauses: list[float]) -> None:
    openai_chat.script.append(too_many("3600"))
    failed = failure(sum_up)
    assert failed.code == "too_many" and failed.retry and failed.after == 3600
    assert pauses == []


@pytest.mark.parametrize("wait", ["", "soon", "-5", "nan", "inf", "1e400", "Wed, 99 Foo 2020"])
def test_a_wait_that_makes_no_sense_is_ours(
    openai_chat: OpenAIChat, sum_up: SumUp, pauses: list[float], wait: str
) -> None:
    openai_chat.script.extend([too_many(wait), say()])
    assert sum_up().summary.overview
    assert 1 <= pauses[0] < 2


@pytest.mark.parametrize("reply", [Silence(), Drip()], ids=str)
def test_a_slow_server_is_left_alone(openai_chat: OpenAIChat, sum_up: SumUp, reply: Reply) -> None:
    openai_chat.answer = lambda body: reply
    failed = failure(sum_up, seconds=0.4)
    assert failed.code == "slow" and failed.retry
    assert len(openai_chat.requests) == 2
    assert failed.tokens_in > 0, "nobody knows what it took: it is counted"


def test_a_server_that_is_gone(openai_chat: OpenAIChat, sum_up: SumUp, pauses: list[float]) -> None:
    openai_chat.stop()
    failed = failure(sum_up)
    assert failed.code == "down" and failed.retry and len(pauses) == 2


@pytest.mark.parametrize(
    "settings",
    [
        {"url": "nonsense"},
        {"url": "http://[::1"},
        {"url": "ftp://127.0.0.1/v1"},
        {"url": "http://127.0.0.1:99999/v1"},
        {"key": "schlüssel\n"},
    ],
    ids=str,
)
def test_settings_that_make_no_sense_are_a_failure_too(sum_up: SumUp, settings: dict[str, str]) -> None:
    assert failure(sum_up, **settings).code in ("unknown", "down")


def test_without_the_library_there_is_a_failure_too(sum_up: SumUp, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "openai", None)
    failed = failure(sum_up)
    assert failed.code == "unknown" and "openai" in failed.words


def test_a_wrong_key_is_never_told(openai_chat: OpenAIChat, sum_up: SumUp) -> None:
    openai_chat.script.append(INVALID_KEY)
    failed = failure(sum_up)
    assert "Incorrect API key" in failed.words and KEY not in str(failed)
    openai_chat.script.append(INVALID_KEY)
    assert failure(sum_up, key="sk-wrong").code == "bad_key"


def test_what_was_spent_before_a_failure_is_told(openai_chat: OpenAIChat, sum_up: SumUp) -> None:
    openai_chat.script.extend([Say("nonsense"), Fail(402)])
    failed = failure(sum_up)
    assert failed.code == "no_credit" and (failed.tokens_in, failed.tokens_out) == (1000, 200)


# --- servers that know less -----------------------------------------------------------


def test_the_strictest_form_is_asked_for_first(openai_chat: OpenAIChat, sum_up: SumUp) -> None:
    openai_chat.script.append(say())
    sum_up()
    request = openai_chat.requests[0]
    assert request["response_format"]["type"] == "json_schema"
    assert request["response_format"]["json_schema"]["strict"] is True
    assert request["model"] == "gpt-test" and request["max_completion_tokens"] == 8000
    assert not request.get("stream")


@pytest.mark.parametrize(
    ("forms", "asked"),
    [
        ({"json_object", "text"}, [True, True, False]),
        ({"text"}, [True, True, True]),
    ],
)
def test_a_server_without_schemas_is_asked_in_a_simpler_form(
    openai_chat: OpenAIChat, sum_up: SumUp, pauses: list[float], forms: set[str], asked: list[bool]
) -> None:
    openai_chat.forms = forms
    openai_chat.has_completion_limit = False
    openai_chat.answer = lambda body: say()
    assert sum_up().summary.overview
    assert len(openai_chat.requests) == sum(asked) and pauses == []
    last = openai_chat.requests[-1]
    assert "max_tokens" in last and '"properties"' in last["messages"][0]["content"]


def test_the_form_that_a_server_knows_is_kept_for_the_next_part(
    openai_chat: OpenAIChat, sum_up: SumUp
) -> None:
    openai_chat.forms = {"text"}
    openai_chat.answer = lambda body: say()
    sum_up(part_tokens=40)
    forms = [request.get("response_format", {}).get("type") for request in openai_chat.requests]
    assert forms[:2] == ["json_schema", "json_object"] and set(forms[2:]) == {None} and len(forms) > 4


def test_a_server_that_wants_no_question_of_ours_fails_in_its_words(
    openai_chat: OpenAIChat, sum_up: SumUp
) -> None:
    openai_chat.answer = lambda body: Fail(400, "Unsupported parameter: messages")
    failed = failure(sum_up)
    assert failed.code == "unknown" and not failed.retry and "Unsupported" in failed.words
    assert len(openai_chat.requests) == 3
