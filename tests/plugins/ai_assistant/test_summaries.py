"""Summaries by a language model, and what becomes of a lecture when it fails."""

from __future__ import annotations

import json
from typing import Any, ClassVar

import pytest

from core.db import db
from plugins.ai_assistant import jobs, summing
from plugins.ai_assistant.models import LectureArtifact
from plugins.ai_assistant.summary import Made, Summary, SummaryFailed
from tests.plugins.ai_assistant.conftest import Agent, Somebody
from tests.plugins.ai_assistant.test_afterwards import over, review, spoken  # noqa: F401  (fixtures)


@pytest.fixture
def assistant_settings() -> dict[str, Any]:
    return {
        "summary_model": "grand-model",
        "further_models": ["small-model"],
        "summary_key": "sk-very-secret",
        "price_million_in": 2.0,
        "price_million_out": 10.0,
    }


@pytest.fixture(autouse=True)
def model(monkeypatch: pytest.MonkeyPatch) -> Any:
    """What the model does next; the real client is tried in ``summary/``."""

    class Mind:
        asked: ClassVar[list[Any]] = []
        answer: Any = Summary.model_validate({"overview": [{"text": "Waves were explained.", "cites": [2]}]})

        def __call__(self, lines: Any, **question: Any) -> Made:
            self.asked.append(question["model"])
            if isinstance(self.answer, Exception):
                raise self.answer
            return Made(self.answer, question["model"].name, tokens_in=1000, tokens_out=100, parts=1)

    made = Mind()
    made.asked = []
    monkeypatch.setattr(summing, "summarize", made)
    return made


def test_the_summary_says_who_made_it_and_what_it_cost(host: Somebody, over: Agent, model: Any) -> None:  # noqa: F811
    found = review(host, over).json
    assert (found["state"], found["model"], found["is_draft"]) == ("done", "grand-model", False)
    assert found["usage"]["tokens_in"] == 1000 and round(found["usage"]["cost"], 6) == 0.003
    page = host.client.get(f"/lectures/{over.lecture}").text
    assert "Waves were explained." in page and "Made by grand-model. It may be wrong." in page


def test_another_model_may_be_chosen_among_those_that_are_named(
    host: Somebody, over: Agent, model: Any, work: Any  # noqa: F811
) -> None:  # fmt: skip
    assert review(host, over).json["models"] == ["grand-model", "small-model"]
    assert review(host, over, "POST", "/review/again", {"model": "small-model"}).status_code == 200
    work()
    assert review(host, over).json["model"] == "small-model"


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("bad_key", "the language model refuses the institution"),
        ("refused", "refused to sum this lecture up"),
        ("too_long", "longer than one summary may cost tokens"),
        ("too_dear", "would cost more than the institution allows"),
    ],
)
def test_a_failure_that_stays_ends_with_a_draft_and_its_reason(
    host: Somebody, spoken: Agent, end: Any, work: Any, model: Any, code: Any, words: str  # noqa: F811
) -> None:  # fmt: skip
    model.answer = SummaryFailed(code)
    end()
    spoken.report("over")
    work()
    found = review(host, spoken).json
    assert (found["state"], found["is_draft"], found["can_retry"]) == ("failed", True, True)
    assert words in found["why"]
    model.answer = Summary.model_validate({"overview": [{"text": "At last.", "cites": [1]}]})
    review(host, spoken, "POST", "/review/retry")
    work()
    found = review(host, spoken).json
    assert found["state"] == "done" and found["summary"]["overview"][0]["text"] == "At last."


def test_a_failure_that_may_pass_is_tried_again_and_pages_know(
    host: Somebody, spoken: Agent, in_lecture: Any, model: Any  # noqa: F811
) -> None:  # fmt: skip
    model.answer = SummaryFailed("down", retry=True)
    with pytest.raises(SummaryFailed):
        in_lecture(lambda lecture: jobs.sum_up.func(_Context(0), lecture.id))
    found = review(host, spoken).json
    assert (found["state"], found["why"]) == ("summarizing", "the language model doesn't answer")
    in_lecture(lambda lecture: jobs.sum_up.func(_Context(jobs.MOST_TRIES), lecture.id))
    found = review(host, spoken).json
    assert (found["state"], found["is_draft"]) == ("failed", True)


def test_keys_are_on_no_page_and_in_no_log(
    host: Somebody, over: Agent, app: Any, make_user: Any, sign_in: Any, caplog: pytest.LogCaptureFixture  # noqa: F811
) -> None:  # fmt: skip
    admin = sign_in(make_user(is_admin=True))
    page = admin.get("/plugins/ai_assistant/admin")
    assert page.status_code == 200 and "is set" in page.text and "grand-model" in page.text
    seen = [
        page.text,
        host.client.get(f"/lectures/{over.lecture}").text,
        review(host, over).text,
        caplog.text,
    ]
    assert not any("sk-very-secret" in text for text in seen)
    assert host.client.get("/plugins/ai_assistant/admin").status_code == 403


def test_an_admin_sees_use_by_month_and_room(
    host: Somebody, over: Agent, make_user: Any, sign_in: Any  # noqa: F811
) -> None:  # fmt: skip
    over.report(seconds=120)
    page = sign_in(make_user(is_admin=True)).get("/plugins/ai_assistant/admin").text
    assert "Minutes" in page and "1100" in page


def test_an_admin_sees_what_was_changed_and_where_to_change_it(
    app: Any, host: Somebody, make_user: Any, sign_in: Any
) -> None:
    admin = sign_in(make_user(is_admin=True))
    name = "ai_assistant.consent_text"
    given = {name: "We write along.", f"was.{name}": ""}
    assert admin.post("/admin/settings/ai_assistant", data=given).status_code == 303
    page = admin.get("/plugins/ai_assistant/admin").text
    assert "We write along." in page and 'href="/admin/settings#ai_assistant"' in page


def test_a_sample_is_sent_once_and_its_outcome_shown(
    make_user: Any, sign_in: Any, host: Somebody, work: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from plugins.ai_assistant import trials

    monkeypatch.setattr(trials, "_said", lambda: {"text": "Good morning", "seconds": 1.2, "model": "tiny"})
    admin = sign_in(make_user(is_admin=True))
    for _time in range(2):
        assert admin.post("/plugins/ai_assistant/admin/try").status_code == 303
    assert "on its way" in admin.get("/plugins/ai_assistant/admin/trial").text
    work()
    assert "Good morning" in admin.get("/plugins/ai_assistant/admin/trial").text
    monkeypatch.setattr(trials, "_said", lambda: {"code": "bad_key"})
    admin.post("/plugins/ai_assistant/admin/try")
    work()
    assert "refuses the institution" in admin.get("/plugins/ai_assistant/admin/trial").text


def test_a_summary_of_a_model_is_text_and_never_markup(host: Somebody, over: Agent, in_lecture: Any) -> None:  # noqa: F811
    evil = {"overview": [{"text": "<script>alert(1)</script>", "cites": [1]}]}

    def put(lecture: Any) -> None:
        db.session.get_one(LectureArtifact, lecture.id).summary = json.loads(json.dumps(evil))
        db.session.commit()

    in_lecture(put)
    page = host.client.get(f"/lectures/{over.lecture}").text
    assert "<script>alert(1)" not in page and "&lt;script&gt;alert(1)" in page


class _Context:
    """Of a job that was tried so often."""

    def __init__(self, attempts: int) -> None:
        self.job = type("Job", (), {"attempts": attempts})
