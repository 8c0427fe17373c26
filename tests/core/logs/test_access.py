"""Every request has a number and a line."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Callable
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask
from flask.testing import FlaskClient

from core import jobs
from core.db import db
from core.errors import Refusal
from core.http.access import HEADER
from core.logs import request_ids
from core.logs.stream import Json

NUMBER = "0123-abcd-proxy"


@pytest.fixture
def app(make_app: Callable[..., Flask]) -> Flask:
    app = make_app(trusted_proxies=["127.0.0.1"])

    @app.get("/fails")
    def fails() -> str:
        raise Refusal(403, "no")

    @app.get("/api/fails")
    def fails_in_api() -> str:
        raise Refusal(403, "no")

    @app.get("/numbered")
    def numbered() -> str:
        return request_ids.current()

    return app


def lines(caplog: pytest.LogCaptureFixture) -> list[dict[str, Any]]:
    records = [one for one in caplog.records if one.name == "core.http.access"]
    return [json.loads(Json().format(one)) for one in records]


def test_a_request_has_a_number_of_its_own(client: FlaskClient) -> None:
    first, second = client.get("/numbered"), client.get("/numbered")
    assert first.headers[HEADER] == first.text and re.fullmatch("[0-9a-f]{16}", first.text)
    assert first.text != second.text


def test_the_number_of_a_trusted_proxy_is_kept(client: FlaskClient) -> None:
    assert client.get("/numbered", headers={HEADER: NUMBER}).headers[HEADER] == NUMBER


@pytest.mark.parametrize("given", ["short", "x" * 65, "with space12", "line\u2028break", "a;b=c;d=e", ""])
def test_what_doesnt_look_like_a_number_is_not_taken(client: FlaskClient, given: str) -> None:
    made = client.get("/numbered", headers={HEADER: given.encode("utf-8").decode("latin-1")})
    assert re.fullmatch("[0-9a-f]{16}", made.headers[HEADER])


def test_nobody_else_may_choose_the_number(make_app: Callable[..., Flask]) -> None:
    client = make_app().test_client()
    assert client.get("/sign-in", headers={HEADER: NUMBER}).headers[HEADER] != NUMBER


def test_pages_of_errors_and_problem_documents_tell_the_number(client: FlaskClient) -> None:
    page = client.get("/fails")
    assert f"<code>{page.headers[HEADER]}</code>" in page.text and "Report this number" in page.text
    problem = client.get("/api/fails")
    assert problem.json["request_id"] == problem.headers[HEADER]


def test_a_request_is_one_line_without_query_and_whole_address(
    client: FlaskClient, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, "core"):
        client.get("/sign-in?next=/secret", headers={"X-Forwarded-For": "192.0.2.77", HEADER: NUMBER})
    (line,) = lines(caplog)
    assert (line["method"], line["path"], line["status"]) == ("GET", "/sign-in", 200)
    assert line["client"] == "192.0.2.0/24" and line["request_id"] == NUMBER and line["ms"] >= 0
    assert "secret" not in json.dumps(line) and "192.0.2.77" not in json.dumps(line)


def test_an_address_of_the_new_kind_is_cut_as_well(
    client: FlaskClient, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, "core"):
        client.get("/sign-in", headers={"X-Forwarded-For": "2001:db8:1:2:3:4:5:6"})
    assert lines(caplog)[0]["client"] == "2001:db8:1::/48"


@pytest.mark.parametrize("path", ["/reset/Zq3xVt9", "/reset/Zq3xVt9/", "/shared/Zq3xVt9", "/r/Zq3xVt9",
                                  "/nowhere/Zq3xVt9", "/api/rooms/by-code/Zq3xVt9"])  # fmt: skip
def test_what_lets_people_in_is_in_no_line(
    client: FlaskClient, caplog: pytest.LogCaptureFixture, path: str
) -> None:
    with caplog.at_level(logging.DEBUG):
        client.get(path)
    assert lines(caplog) and "Zq3xVt9" not in "".join(Json().format(one) for one in caplog.records)


def test_a_request_for_another_host_is_written_down_too(
    client: FlaskClient, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, "core"):
        answer = client.get("/numbered", headers={"Host": "evil.example"})
    assert answer.status_code == 400 and lines(caplog)[0]["status"] == 400


def test_an_address_with_a_line_break_stays_one_line(
    client: FlaskClient, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, "core"):
        client.get("/x%0d%0aERROR%20core:%20forged")
    (record,) = [one for one in caplog.records if one.name == "core.http.access"]
    assert "\n" not in Json().format(record)


def test_a_job_carries_the_number_of_its_request_but_its_work_isnt_given_it(app: Flask) -> None:
    heard: list[str] = []

    def work(word: str) -> None:
        heard.append(f"{word} {request_ids.current()}")

    blueprint = jobs.procrastinate.Blueprint()
    blueprint.task(name="listen")(work)
    made = app.extensions["audimax_jobs"]
    jobs._add(made, blueprint, "core")

    @app.get("/defers")
    def defers() -> str:
        jobs.defer("core:listen", word="hello")
        db.session.commit()
        return ""

    app.test_client().get("/defers", headers={HEADER: NUMBER})
    with app.app_context():
        (args,) = db.session.scalars(sa.text("SELECT args FROM procrastinate_jobs"))
        assert args == {"word": "hello", jobs.REQUEST: NUMBER}
        request_ids.begin(args[jobs.REQUEST])
        made.tasks["core:listen"](**args)
    assert heard == [f"hello {NUMBER}"]
