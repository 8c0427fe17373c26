"""Questions to a model behind an OpenAI-compatible server, which may be slow, wrong or gone."""

from __future__ import annotations

import json
import math
import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any, TypeVar

from plugins.ai_assistant.summary import reading
from plugins.ai_assistant.summary.model import Code, Model, SummaryFailed
from plugins.ai_assistant.summary.text import plain
from plugins.ai_assistant.summary.tokens import Purse, estimate

if TYPE_CHECKING:
    from openai import APIStatusError, OpenAI

MOST_BYTES = 2_000_000
CONNECT_SECONDS = 10.0
LONGEST_WAIT = 30.0
LONGEST_WORDS = 300
# How often a question is asked: a server that let us wait for minutes once more, one that is busy twice.
TRIES: dict[Code, int] = {"down": 3, "too_many": 3, "slow": 2, "bad_answer": 2}
FIRST_PAUSE = 1.0
# From the strictest form of answer to none: older and smaller servers know only the later ones.
FORMS = ("schema", "object", "text")
OVERHEAD = 60
TOO_LONG = ("context_length", "context length", "maximum context", "too many tokens", "too long")
FILTERED = ("content_filter", "content_policy", "content filter")
T = TypeVar("T")


@dataclass
class Talk:
    """All questions of one summary to one model, with one purse. ``pause`` waits between two tries."""

    model: Model
    pause: Callable[[float], None] = time.sleep
    form: int = 0
    purse: Purse = field(init=False)

    def __post_init__(self) -> None:
        self.purse = Purse(self.model)

    def ask(self, rules: str, data: str, understand: Callable[[str], T | None]) -> T:
        """The model's answer as ``understand`` takes it; raises nothing but ``SummaryFailed``."""
        tries: dict[str, int] = {}
        while True:
            try:
                found = understand(self._answer(rules, data))
                if found is None:
                    raise SummaryFailed("bad_answer", retry=True)
                return found
            except SummaryFailed as failed:
                failed.tokens_in, failed.tokens_out = self.purse.tokens_in, self.purse.tokens_out
                count = tries[failed.code] = tries.get(failed.code, 0) + 1
                if not failed.retry or count >= TRIES.get(failed.code, 1) or failed.after > LONGEST_WAIT:
                    raise
                self.pause(failed.after or FIRST_PAUSE * 4 ** (sum(tries.values()) - 1) + random.random())  # noqa: S311

    def _answer(self, rules: str, data: str) -> str:
        while True:
            try:
                return self._once(rules, data)
            except _WrongForm as wrong:
                if self.form == len(FORMS) - 1:
                    raise SummaryFailed("unknown", words=wrong.words) from None
                self.form += 1

    def _once(self, rules: str, data: str) -> str:
        question = _question(FORMS[self.form], rules, data)
        tokens_in = estimate(json.dumps(question, ensure_ascii=False)) + OVERHEAD
        limit = "max_completion_tokens" if self.form == 0 else "max_tokens"
        question[limit] = self.purse.allow(tokens_in)
        try:
            body = _send(self.model, question)
        except SummaryFailed as failed:
            # Nobody says what an answer has cost that came too late.
            self.purse.spend(tokens_in if failed.code == "slow" else 0, 0)
            raise
        return self._content(body, tokens_in)

    def _content(self, body: Any, tokens_in: int) -> str:
        try:
            choice = body["choices"][0]
            message = choice["message"]
            content = _text(message.get("content"))
            refusal = message.get("refusal")
            reason = choice.get("finish_reason")
        except (TypeError, KeyError, IndexError, AttributeError):
            raise self._without_choice(body) from None
        usage = body.get("usage")
        self.purse.spend(
            _count(usage, "prompt_tokens", tokens_in), _count(usage, "completion_tokens", estimate(content))
        )
        if refusal or reason == "content_filter":
            words = plain(refusal, LONGEST_WORDS) if isinstance(refusal, str) else ""
            raise SummaryFailed("refused", words=words)
        return content

    def _without_choice(self, body: Any) -> Exception:
        # Some relays put the refusal of the server behind them into a 200.
        error = body.get("error") if isinstance(body, dict) else None
        if not isinstance(error, dict):
            return SummaryFailed("bad_answer", retry=True)
        code = error.get("code")
        status = code if isinstance(code, int) else 500
        return _failure(status, str(code), str(error.get("message")), 0.0, self.model)


class _WrongForm(Exception):
    """The server doesn't know the form of answer that it was asked for, or something else of the question."""

    def __init__(self, words: str) -> None:
        super().__init__(words)
        self.words = words


def _question(form: str, rules: str, data: str) -> dict[str, Any]:
    if form != "schema":
        rules += "\nThe JSON schema of your answer:\n" + json.dumps(reading.schema())
    messages = [{"role": "system", "content": rules}, {"role": "user", "content": data}]
    if form == "schema":
        wanted = {"name": "summary", "strict": True, "schema": reading.schema()}
        return {"messages": messages, "response_format": {"type": "json_schema", "json_schema": wanted}}
    if form == "object":
        return {"messages": messages, "response_format": {"type": "json_object"}}
    return {"messages": messages}


def _send(model: Model, question: dict[str, Any]) -> Any:
    try:
        import httpx2
        import openai
    except ImportError:
        raise SummaryFailed("unknown", words="the library openai is not installed") from None
    try:
        with _client(model) as client:
            received = _received(client, model, question)
    except (SummaryFailed, _WrongForm):
        raise
    except openai.APIStatusError as error:
        raise _refused(error, model) from None
    except (openai.APITimeoutError, httpx2.TimeoutException):
        raise SummaryFailed("slow", retry=True) from None
    except (openai.APIConnectionError, httpx2.HTTPError) as error:
        raise SummaryFailed("down", retry=True, words=_words(str(error.__cause__ or error), model)) from None
    except Exception as error:  # a stranger's server at the other end: nothing of it may end the job
        raise SummaryFailed("unknown", words=_words(f"{type(error).__name__}: {error}", model)) from None
    try:
        return json.loads(received)
    except (ValueError, RecursionError):
        raise SummaryFailed("bad_answer", retry=True) from None


def _client(model: Model) -> OpenAI:
    import openai

    return openai.OpenAI(
        # Servers of one's own often want no key, but the library does.
        api_key=model.key or "none",
        base_url=model.url,
        timeout=openai.Timeout(model.seconds, connect=min(CONNECT_SECONDS, model.seconds)),
        max_retries=0,
    )


def _received(client: OpenAI, model: Model, question: dict[str, Any]) -> bytes:
    until = time.monotonic() + model.seconds
    received = bytearray()
    create = client.chat.completions.with_streaming_response.create
    # Read here piece by piece: the library would take an answer of any length, and wait for each piece anew.
    with create(model=model.name, **question) as response:
        for piece in response.iter_bytes():
            received += piece
            if len(received) > MOST_BYTES:
                raise SummaryFailed("bad_answer", retry=True)
            if time.monotonic() > until:
                raise SummaryFailed("slow", retry=True)
    return bytes(received)


def _refused(error: APIStatusError, model: Model) -> Exception:
    code = f"{error.code or ''} {error.type or ''}"
    return _failure(error.status_code, code, error.message, _retry_after(error.response.headers), model)


def _failure(status: int, code: str, message: str, after: float, model: Model) -> Exception:
    words = _words(message, model)
    told = f"{code} {message}".lower()
    if status in (401, 403):
        return SummaryFailed("bad_key", words=words)
    if status == 402 or (status == 429 and "insufficient_quota" in told):
        return SummaryFailed("no_credit", words=words)
    if status == 429:
        return SummaryFailed("too_many", retry=True, words=words, after=after)
    if status >= 500 or status in (408, 409):
        return SummaryFailed("down", retry=True, words=words, after=after)
    if status == 413 or any(part in told for part in TOO_LONG):
        return SummaryFailed("too_long", words=words)
    if any(part in told for part in FILTERED):
        return SummaryFailed("refused", words=words)
    return _WrongForm(words) if status in (400, 422) else SummaryFailed("unknown", words=words)


def _retry_after(headers: Any) -> float:
    value = headers.get("retry-after", "")
    try:
        seconds = float(value)
    except ValueError:
        try:
            seconds = parsedate_to_datetime(value).timestamp() - time.time()
        except (ValueError, TypeError, OverflowError):
            return 0.0
    return max(seconds, 0.0) if math.isfinite(seconds) else 0.0


def _words(message: str, model: Model) -> str:
    hidden = message.replace(model.key, "…") if model.key else message
    return plain(hidden, LONGEST_WORDS)


def _text(content: Any) -> str:
    if isinstance(content, list):
        return "".join(str(part.get("text", "")) for part in content if isinstance(part, dict))
    return content if isinstance(content, str) else ""


def _count(usage: Any, name: str, otherwise: int) -> int:
    value = usage.get(name) if isinstance(usage, dict) else None
    return value if type(value) is int and 0 < value < 10**9 else otherwise
