"""A page that is sent in two parts: what goes first, and what becomes of it when the rest fails."""

from __future__ import annotations

import logging
from typing import Any

import pytest
from flask import Flask, flash
from flask.testing import FlaskClient

from core.http import access
from core.http.pages import growing

TEMPLATE = """{% extends "base.html" %}{% block title %}Long{% endblock %}
{% block main %}<p>{{ made() }}</p>{% endblock %}"""


class Made:
    """What takes long."""

    def __init__(self) -> None:
        self.calls = 0
        self.error: Exception | None = None

    def __call__(self) -> str:
        self.calls += 1
        if self.error is not None:
            raise self.error
        return "all the rest"


@pytest.fixture
def made(app: Flask) -> Made:
    found = Made()
    template = app.jinja_env.from_string(TEMPLATE)
    app.add_url_rule("/long", "long", lambda: growing(template, made=found))
    app.add_url_rule("/word", "word", lambda: flash("Saved once.") or "said")
    return found


@pytest.fixture
def app(make_app: Any) -> Flask:
    return make_app()


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    return app.test_client()


def test_the_head_goes_before_the_rest_is_made(client: FlaskClient, made: Made) -> None:
    answer = client.get("/long", buffered=False)
    pieces = iter(answer.response)
    head = next(pieces)
    assert b"</head>" in head and b"<title>Long" in head and made.calls == 0
    assert b"all the rest" in b"".join(pieces) and made.calls == 1


def test_a_word_for_the_next_page_is_shown_once(client: FlaskClient, made: Made) -> None:
    client.get("/word")
    assert "Saved once." in client.get("/long").text
    assert "Saved once." not in client.get("/long").text


def test_a_page_that_breaks_off_says_so_and_is_counted_as_failed(
    client: FlaskClient, made: Made, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    noted: list[int] = []
    monkeypatch.setattr(access, "note", noted.append)
    made.error = RuntimeError("no more")
    with caplog.at_level(logging.ERROR):
        answer = client.get("/long")
    assert "The rest of this page couldn’t be shown." in answer.text and answer.text.endswith("</html>")
    assert answer.headers["X-Request-ID"] in answer.text and "no more" not in answer.text
    assert noted == [500] and "broke off" in caplog.text


def test_it_is_written_down_once_and_when_it_has_ended(
    client: FlaskClient, made: Made, monkeypatch: pytest.MonkeyPatch
) -> None:
    noted: list[int] = []
    monkeypatch.setattr(access, "note", noted.append)
    answer = client.get("/long", buffered=False)
    next(iter(answer.response))
    assert noted == []
    answer.close()
    assert len(noted) == 1
    client.head("/long")
    assert noted[1:] == [200] and made.calls == 0
