"""What browsers tell of the content policy, and what others send in their name."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from tests.conftest import ORIGIN

FORBIDDEN = "the content policy forbade"


@pytest.fixture
def client(make_app: Callable[..., Flask]) -> FlaskClient:
    return make_app().test_client()


@pytest.fixture
def said(caplog: pytest.LogCaptureFixture) -> Callable[[], list[str]]:
    caplog.set_level(logging.WARNING)
    return lambda: [one.getMessage() for one in caplog.records if FORBIDDEN in one.getMessage()]


def old(**more: Any) -> dict[str, Any]:
    """As browsers with ``report-uri`` send it."""
    found = {
        "document-uri": f"{ORIGIN}/r/quiet-otter-secret?x=1",
        "violated-directive": "script-src-elem 'self'",
        "blocked-uri": "https://evil.example/steal.js?who=me",
    }
    return {"csp-report": {**found, **more}}


def new(**more: Any) -> list[dict[str, Any]]:
    """As browsers with ``report-to`` send it."""
    found = {
        "documentURL": f"{ORIGIN}/r/quiet-otter-secret?x=1",
        "effectiveDirective": "img-src",
        "blockedURL": "inline",
    }
    return [{"type": "csp-violation", "age": 1, "body": {**found, **more}}]


def test_pages_say_where_to_report(client: FlaskClient) -> None:
    headers = client.get("/sign-in").headers
    assert "report-uri /csp-reports; report-to csp" in headers["Content-Security-Policy"]
    assert headers["Reporting-Endpoints"] == 'csp="/csp-reports"'


def test_what_is_forbidden_is_written_down_without_addresses(
    client: FlaskClient, said: Callable[[], list[str]]
) -> None:
    for body in (old(), new()):
        # Without our origin, as some browsers send them.
        answer = client.post("/csp-reports", data=json.dumps(body), headers={"Origin": None})
        assert answer.status_code == 204
    assert said() == [
        f"{FORBIDDEN} script-src-elem from https:evil.example on /r/<code>",
        f"{FORBIDDEN} img-src from inline on /r/<code>",
    ]


@pytest.mark.parametrize(
    "body",
    [
        old(**{"document-uri": "https://evil.example/"}),
        old(**{"document-uri": f"{ORIGIN}.evil.example/"}),
        old(**{"violated-directive": "one\ntwo"}),
        old(**{"blocked-uri": "moz-extension://0f3/x.js"}),
        new(sourceFile="chrome-extension://abc/y.js"),
        new(effectiveDirective=""),
    ],
)
def test_reports_of_others_write_nothing(
    client: FlaskClient, said: Callable[[], list[str]], body: Any
) -> None:
    assert client.post("/csp-reports", json=body).status_code == 204
    assert said() == []


@pytest.mark.parametrize(
    "body",
    [
        "",
        "{",
        "null",
        "7",
        "[]",
        "[[]]",
        '{"csp-report": 7}',
        '[{"body": []}]',
        '{"csp-report": {"blocked-uri": {}}}',
    ],
)
def test_what_is_no_report_breaks_nothing(
    client: FlaskClient, said: Callable[[], list[str]], body: str
) -> None:
    assert client.post("/csp-reports", data=body).status_code == 204
    assert said() == []


def test_odd_addresses_have_no_name(client: FlaskClient, said: Callable[[], list[str]]) -> None:
    client.post("/csp-reports", json=new(documentURL=f"{ORIGIN}/nowhere/x", blockedURL="http://[bad"))
    client.post("/csp-reports", json=new(blockedURL=["a"]))
    assert said() == [f"{FORBIDDEN} img-src from ? on ?", f"{FORBIDDEN} img-src from ? on /r/<code>"]


def test_a_large_report_is_refused_and_of_many_twenty_count(
    client: FlaskClient, said: Callable[[], list[str]]
) -> None:
    assert client.post("/csp-reports", data="x" * 32_001).status_code == 413
    assert client.post("/csp-reports", json=new() * 50).status_code == 204
    assert len(said()) == 20


def test_whoever_sends_many_is_refused(client: FlaskClient) -> None:
    answers = [client.post("/csp-reports", json=new()).status_code for _ in range(31)]
    assert answers == [204] * 30 + [429]
